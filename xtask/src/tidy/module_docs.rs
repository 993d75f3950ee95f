//! Rule: every Rust file opens with its module doc (STYLE 1 and 19).

use super::tree::{File, Tree};
use super::violation::Violation;

/// Finds files that do not say what they are.
pub fn check(tree: &Tree) -> Vec<Violation> {
    let silent = |file: &&File| file.is_rust() && !file.text.starts_with("//!");
    let message = "the file does not open with a `//!` module doc";
    tree.files.iter().filter(silent).map(|file| Violation::new(&file.path, 1, message)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tree::planted::tree;
    use super::*;

    #[test]
    fn a_file_without_a_doc_is_found() {
        let files = [("a.rs", "//! Says.\n"), ("b.rs", "use std::fmt;\n"), ("c.rs", ""), ("d.md", "")];
        let found: Vec<String> = check(&tree(&files)).into_iter().map(|violation| violation.path).collect();
        assert_eq!(found, ["b.rs", "c.rs"]);
    }
}
