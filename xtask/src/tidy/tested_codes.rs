//! Rule: each stable code is triggered from outside by a test (DESIGN §5); those that are not yet stand in the
//! ratchet, whose list only shrinks.

use std::collections::BTreeSet;

use super::codes::{self, Code};
use super::ratchet::{self, Ratchet};
use super::scan;
use super::tree::{File, Tree};
use super::violation::Violation;

/// Is the one code that no input may bring about, so that a test could only fake it; its page must say so.
const UNREACHABLE: &str = "internal";
const SAID: &str = "No input is meant to bring it about";

/// Finds codes that neither a test nor the ratchet names, and entries of the ratchet that a test or no list names.
pub fn check(tree: &Tree, ratchet: &Ratchet) -> Vec<Violation> {
    let codes = codes::all(tree);
    let untested = untested(tree);
    let new = codes.iter().filter(|code| untested.contains(&code.text) && !ratchet.untested_codes.contains(&code.text));
    let new = new.map(|code| {
        let message = format!("no test under crates/*/tests or acceptance names the code `{}`", code.text);
        Violation::new(codes::LIST, code.line, message)
    });
    let stale = ratchet.untested_codes.iter().filter(|code| !untested.contains(*code));
    let stale = stale.map(|code| {
        let known = codes.iter().any(|known| known.text == *code);
        let why = if known { "a test names it" } else { "there is no such code" };
        ratchet::stale(tree, code, why)
    });
    new.chain(stale).collect()
}

/// Returns the codes that no test names.
pub fn untested(tree: &Tree) -> BTreeSet<String> {
    let tests: Vec<&File> = tree.files.iter().filter(|file| is_test(&file.path)).collect();
    let codes = codes::all(tree).into_iter().filter(|code| !is_unreachable(tree, code));
    let untested = codes.filter(|code| !tests.iter().any(|test| names(&test.text, code)));
    untested.map(|code| code.text).collect()
}

fn is_unreachable(tree: &Tree, code: &Code) -> bool {
    let page = tree.file("docs/errors/internal.md");
    code.text == UNREACHABLE && page.is_some_and(|page| page.text.contains(SAID))
}

fn is_test(path: &str) -> bool {
    let of_crate = path.strip_prefix("crates/").and_then(|rest| rest.split_once('/'));
    let in_tests = of_crate.is_some_and(|(_, rest)| rest.starts_with("tests/"));
    (in_tests || path.starts_with("acceptance/")) && !path.ends_with(".md")
}

/// Returns true if the text names the code. A code of one plain word counts only in quotes, since `internal` in a
/// sentence names nothing.
fn names(text: &str, code: &Code) -> bool {
    let variant = format!("Code::{}", code.name);
    if scan::words(text, &variant).next().is_some() {
        return true;
    }
    if code.text.contains('-') {
        return scan::bounded(text, &code.text, |c| scan::in_word(c) || c == '-').next().is_some();
    }
    ['"', '\'', '`'].iter().any(|quote| text.contains(&format!("{quote}{}{quote}", code.text)))
}

#[cfg(test)]
mod tests {
    use super::super::tree::planted::tree;
    use super::*;

    fn found(test: &str, listed: &[&str]) -> Vec<String> {
        let tree = tree(&[(codes::LIST, codes::planted::LIST), ("crates/api/tests/it/a.rs", test)]);
        let untested_codes = listed.iter().map(|code| (*code).to_owned()).collect();
        let ratchet = Ratchet { untested_codes, ..Ratchet::default() };
        check(&tree, &ratchet).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_code_is_named_by_text_or_variant() {
        assert!(found("assert_eq!(code, \"killed\"); Code::DiskFull", &[]).is_empty());
        assert!(found("'killed' code=disk-full", &[]).is_empty());
    }

    #[test]
    fn an_untested_code_is_found_unless_listed() {
        assert_eq!(found("// all are killed; disk-fuller", &["disk-full"]).len(), 1);
        assert!(found("", &["disk-full", "killed"]).is_empty());
    }

    #[test]
    fn only_the_code_whose_page_says_that_nothing_brings_it_about_needs_no_test() {
        let list = "codes! {\n    Internal \"internal\" 500;\n    Killed \"killed\" 200;\n}\n";
        let list = format!("//! Codes.\n{list}");
        let untested = |page: &str| untested(&tree(&[(codes::LIST, &list), ("docs/errors/internal.md", page)]));
        assert_eq!(untested("").len(), 2);
        assert_eq!(untested(SAID).into_iter().collect::<Vec<_>>(), ["killed"]);
    }

    #[test]
    fn a_listed_code_that_is_tested_or_unknown_is_found() {
        let found = found("\"killed\" \"disk-full\"", &["killed", "gone"]);
        assert_eq!(
            found,
            [
                "xtask/ratchet.toml:1: remove `gone` from the ratchet: there is no such code",
                "xtask/ratchet.toml:1: remove `killed` from the ratchet: a test names it",
            ]
        );
    }
}
