//! What differs between two bundles, file by file and line by line.

use std::collections::BTreeSet;
use std::time::Duration;

use evidence::archive::PolicyFiles;
use serde::Serialize;
use similar::{ChangeTag, TextDiff};

/// Is how many lines that are equal stand around those that differ.
const CONTEXT_LINES: usize = 3;

/// Is how long the shortest difference of one file is looked for; after that a longer one is given.
const SEARCH_MAX: Duration = Duration::from_millis(500);

/// Says what became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Became {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It says something else.
    Changed,
}

/// Says on which side a line stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// On both.
    Both,
    /// In the older text alone.
    Old,
    /// In the newer text alone.
    New,
}

/// Is one line of a difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// On which side it stands.
    pub side: Side,
    /// Its number in the text that has it, in the newer one if both have; from 1 on.
    pub number: usize,
    /// Its text, without the end of the line.
    pub text: String,
}

/// Is one file that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileChange {
    /// Its path.
    pub path: String,
    /// What became of it.
    pub became: Became,
    /// The places that differ, each with the lines around it.
    pub hunks: Vec<Vec<Line>>,
}

/// Returns what differs between two bundles, in order of paths; nothing if they are equal.
pub fn difference(old: &PolicyFiles, new: &PolicyFiles) -> Vec<FileChange> {
    let paths: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    paths.into_iter().filter_map(|path| of_file(path, old.get(path), new.get(path))).collect()
}

fn of_file(path: &str, old: Option<&String>, new: Option<&String>) -> Option<FileChange> {
    if old == new {
        return None;
    }
    let became = match (old, new) {
        (None, _) => Became::Added,
        (_, None) => Became::Removed,
        _ => Became::Changed,
    };
    let text = |side: Option<&String>| side.cloned().unwrap_or_default();
    Some(FileChange { path: path.to_owned(), became, hunks: hunks(&text(old), &text(new)) })
}

fn hunks(old: &str, new: &str) -> Vec<Vec<Line>> {
    let compared = TextDiff::configure().timeout(SEARCH_MAX).diff_lines(old, new);
    let lines = |ops: &Vec<similar::DiffOp>| ops.iter().flat_map(|op| compared.iter_changes(op)).map(line).collect();
    compared.grouped_ops(CONTEXT_LINES).iter().map(lines).collect()
}

fn line(change: similar::Change<&str>) -> Line {
    let (side, index) = match change.tag() {
        ChangeTag::Equal => (Side::Both, change.new_index()),
        ChangeTag::Delete => (Side::Old, change.old_index()),
        ChangeTag::Insert => (Side::New, change.new_index()),
    };
    let text = change.value().trim_end_matches(['\n', '\r']).to_owned();
    Line { side, number: index.unwrap_or_default() + 1, text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(all: &[(&str, &str)]) -> PolicyFiles {
        all.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn equal_bundles_differ_in_nothing() {
        let one = files(&[("a.toml", "x = 1\n")]);
        assert_eq!(difference(&one, &one), []);
    }

    #[test]
    fn each_file_says_what_became_of_it_and_where() {
        let old = files(&[("a", "1\n2\n3\n4\n5\n6\n7\n8\n9\n"), ("gone", "x\n"), ("same", "y\n")]);
        let new = files(&[("a", "1\n2\n3\n4\nfive\n6\n7\n8\n9\n"), ("new", "z"), ("same", "y\n")]);
        let found = difference(&old, &new);
        let told: Vec<_> = found.iter().map(|file| (file.path.as_str(), file.became)).collect();
        assert_eq!(told, [("a", Became::Changed), ("gone", Became::Removed), ("new", Became::Added)]);
        let hunk: Vec<_> = found[0].hunks[0].iter().map(|line| (line.side, line.number, line.text.as_str())).collect();
        let (both, changed) =
            (|number, text| (Side::Both, number, text), [(Side::Old, 5, "5"), (Side::New, 5, "five")]);
        assert_eq!(hunk[..3], [both(2, "2"), both(3, "3"), both(4, "4")]);
        assert_eq!(hunk[3..5], changed);
        assert_eq!(hunk[5..], [both(6, "6"), both(7, "7"), both(8, "8")]);
        assert_eq!(found[2].hunks, [[Line { side: Side::New, number: 1, text: "z".into() }]]);
    }

    #[test]
    fn a_line_that_only_lost_its_end_is_told() {
        let found = difference(&files(&[("a", "x\n")]), &files(&[("a", "x")]));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].hunks[0].len(), 2);
    }
}
