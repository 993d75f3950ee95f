//! Patterns in which `*` stands for any text, as bundles use them to say what a rule covers.

use serde::{Deserialize, Serialize};

/// Is a pattern over names: `*` matches any run of characters, everything else itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Glob(pub String);

impl Default for Glob {
    fn default() -> Self {
        Self("*".to_owned())
    }
}

impl Glob {
    /// Says whether it matches every text, without asking for one.
    pub fn is_any(&self) -> bool {
        self.0 == "*"
    }

    /// Says whether the whole of `text` matches.
    pub fn matches(&self, text: &str) -> bool {
        let Some((first, others)) = self.0.split_once('*') else { return text == self.0 };
        let Some(mut rest) = text.strip_prefix(first) else { return false };
        let (middle, last) = others.rsplit_once('*').unwrap_or(("", others));
        for part in middle.split('*') {
            let Some(at) = rest.find(part) else { return false };
            rest = rest.get(at + part.len()..).unwrap_or_default();
        }
        rest.ends_with(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_any_text() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("*", "x", true),
            ("a", "a", true),
            ("a", "ab", false),
            ("a*", "ab", true),
            ("*b", "ab", true),
            ("a*c*e", "abcde", true),
            ("a*c*e", "abde", false),
            ("ab*ba", "aba", false),
            ("", "", true),
            ("", "x", false),
        ] {
            assert_eq!(Glob(pattern.into()).matches(text), expected, "{pattern} on {text}");
        }
    }
}
