//! Rule: nothing is left for later: no note to self, no stub, no test switched off (STYLE 26).

use super::scan;
use super::tree::{File, Tree};
use super::violation::Violation;

// Each in two halves, so that this file passes its own rule.
const NOTES: [[&str; 2]; 3] = [["TO", "DO"], ["FIX", "ME"], ["XX", "X"]];
const STUBS: [[&str; 2]; 3] = [["todo", "!"], ["unimplemented", "!"], ["#[", "ignore"]];
const ENDINGS: [&str; 9] = [".rs", ".sh", ".py", ".js", ".mjs", ".ts", ".tsx", ".toml", ".cedar"];
const NAMES: [&str; 2] = ["Makefile", ".ci/run"];

/// Finds notes in every source, and stubs and ignored tests in Rust.
pub fn check(tree: &Tree) -> Vec<Violation> {
    tree.files.iter().filter(|file| is_source(file)).flat_map(in_file).collect()
}

fn is_source(file: &File) -> bool {
    !file.path.contains("/testdata/")
        && (ENDINGS.iter().any(|ending| file.path.ends_with(ending)) || NAMES.contains(&file.path.as_str()))
}

fn in_file(file: &File) -> Vec<Violation> {
    let text = file.text.as_str();
    let mut found = Vec::new();
    for note in NOTES.map(|halves| halves.concat()) {
        found.extend(scan::words(text, &note).map(|at| at_line(file, at, &note)));
    }
    for stub in STUBS.map(|halves| halves.concat()).iter().filter(|_| file.is_rust()) {
        let starts = text.match_indices(stub).map(|(at, _)| at);
        found.extend(starts.filter(|at| !continues_a_word(text, *at)).map(|at| at_line(file, at, stub)));
    }
    found
}

fn continues_a_word(text: &str, at: usize) -> bool {
    text.get(..at).and_then(|head| head.chars().next_back()).is_some_and(scan::in_word)
}

fn at_line(file: &File, at: usize, what: &str) -> Violation {
    Violation::new(&file.path, scan::line(&file.text, at), format!("`{what}` is left over"))
}

#[cfg(test)]
mod tests {
    use super::super::tree::planted::tree;
    use super::*;

    #[test]
    fn every_leftover_is_found() {
        for word in NOTES.iter().chain(&STUBS).map(|halves| halves.concat()) {
            let text = format!("fn f() {{}}\n{word} (later)\n");
            let found = check(&tree(&[("crates/a/src/a.rs", &text)]));
            assert_eq!(found.iter().map(|violation| violation.line).collect::<Vec<_>>(), [2], "{word}");
        }
    }

    #[test]
    fn longer_words_and_prose_may_be() {
        let name = format!("mktemp -d a.{0}{0}; {0}_A=1", NOTES[2].concat());
        assert!(check(&tree(&[("a.sh", &name), ("a.md", &NOTES[0].concat())])).is_empty());
    }
}
