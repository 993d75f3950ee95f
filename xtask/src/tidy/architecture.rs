//! Rule: `docs/ARCHITECTURE.md` has a paragraph for every crate (STYLE 1).

use super::tree::Tree;
use super::violation::Violation;

const PATH: &str = "docs/ARCHITECTURE.md";

/// Finds crates that the page does not name.
pub fn check(tree: &Tree) -> Vec<Violation> {
    let Some(page) = tree.file(PATH) else {
        return vec![Violation::new(PATH, 1, "the page is missing")];
    };
    let absent = tree.crate_folders().into_iter().filter(|name| !names(&page.text, name));
    absent.map(|name| Violation::new(PATH, 1, format!("the page does not name the crate `{name}`"))).collect()
}

/// Returns true if the page names the crate as one: in backticks, in bold or in a heading. Many crates are called by
/// plain words, so the word alone says nothing.
fn names(page: &str, name: &str) -> bool {
    let marked = ["", "countersign-", "crates/"]
        .iter()
        .any(|prefix| ["`", "**"].iter().any(|mark| page.contains(&format!("{mark}{prefix}{name}{mark}"))));
    marked || page.lines().any(|line| line.starts_with('#') && line.split_whitespace().any(|word| word == name))
}

#[cfg(test)]
mod tests {
    use super::super::tree::planted::tree;
    use super::*;

    fn found(page: &str) -> usize {
        check(&tree(&[(PATH, page), ("crates/types/Cargo.toml", ""), ("crates/tlog/Cargo.toml", "")])).len()
    }

    #[test]
    fn a_crate_that_is_not_named_is_found() {
        assert_eq!(found("### types\n\nThe nouns.\n\n**`tlog`** is the tree."), 0);
        assert_eq!(found("All types are plain; see `tlog`."), 1);
    }

    #[test]
    fn a_missing_page_is_found() {
        assert_eq!(check(&tree(&[])).len(), 1);
    }
}
