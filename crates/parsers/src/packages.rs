//! What tools of training have written: lists of packages, and what Feast says of a repository.

use std::fmt::Write as _;

use models::{environment, feast as registry};

/// A list of packages: every name is one as Python compares them, and what was read and is written again reads the same.
pub fn packages(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let read = environment::packages(text);
    let mut written = String::new();
    for (name, asked) in &read {
        let is_of_name = |c: char| c == '-' || c.is_ascii_lowercase() || c.is_ascii_digit();
        assert!(name.chars().all(is_of_name) && !name.starts_with('-') && !name.ends_with('-'), "{name}");
        assert!(!asked.contains('\n') && asked.trim() == asked, "{asked:?}");
        let exact = asked.is_empty() || asked.starts_with(['=', '<', '>', '!', '~', '@']);
        let _ = writeln!(written, "{name}{}{asked}", if exact { "" } else { "==" });
    }
    assert_eq!(environment::packages(&written), read, "{written}");
}

/// What Feast's command line says: every definition is one that can be registered, and each feature becomes one or is told.
pub fn feast(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(dump) = registry::read(text) else { return };
    for one in &dump.imported {
        assert_eq!(one.definition.check(), Ok(()));
        assert!(one.definition.name.contains(':') && one.origin.ends_with(&one.definition.name));
        assert!(one.owner.as_ref().is_none_or(|owner| !owner.is_empty()));
    }
    assert!(dump.passed_over.iter().all(|one| !one.why.is_empty()));
}
