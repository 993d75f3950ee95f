//! Rule: a file is a page that a reader finishes (STYLE 23): at most 600 lines, and more than 500 only where the
//! ratchet says so.

use std::collections::BTreeMap;

use super::ratchet::{self, Ratchet};
use super::tree::{File, Tree};
use super::violation::Violation;

const LINES_MAX: usize = 600;
const LINES_WANTED: usize = 500;

/// Finds files that are too long, that grew, and entries of the ratchet that are no longer needed.
pub fn check(tree: &Tree, ratchet: &Ratchet) -> Vec<Violation> {
    let long = long(tree);
    let too_long = tree.files.iter().filter_map(|file| judge(file, ratchet.long_files.get(&file.path)));
    let stale = ratchet.long_files.keys().filter(|path| !long.contains_key(*path));
    let stale = stale.map(|path| ratchet::stale(tree, path, &format!("it has at most {LINES_WANTED} lines")));
    too_long.chain(stale).collect()
}

/// Returns the files that are longer than wanted, with their lines.
pub fn long(tree: &Tree) -> BTreeMap<String, usize> {
    let lines = tree.files.iter().filter(|file| file.is_rust()).map(|file| (file.path.clone(), lines(file)));
    lines.filter(|(_, lines)| *lines > LINES_WANTED).collect()
}

fn lines(file: &File) -> usize {
    file.text.lines().count()
}

fn judge(file: &File, listed: Option<&usize>) -> Option<Violation> {
    let lines = lines(file);
    let message = match listed {
        _ if !file.is_rust() || lines <= LINES_WANTED => return None,
        _ if lines > LINES_MAX => format!("{lines} lines; at most {LINES_MAX}: split it by noun"),
        Some(before) if lines > *before => format!("{lines} lines, {before} in the ratchet: it may only shrink"),
        Some(_) => return None,
        None => format!("{lines} lines; more than {LINES_WANTED} only where the ratchet says so: split it by noun"),
    };
    Some(Violation::new(&file.path, lines, message))
}

#[cfg(test)]
mod tests {
    use super::super::tree::planted::tree;
    use super::*;

    fn found(lines: usize, listed: Option<usize>) -> usize {
        let tree = tree(&[("a.rs", &"//! A.\n".repeat(lines))]);
        let long_files = listed.map(|lines| ("a.rs".to_owned(), lines)).into_iter().collect();
        check(&tree, &Ratchet { long_files, ..Ratchet::default() }).len()
    }

    #[test]
    fn a_short_file_passes_and_needs_no_entry() {
        assert_eq!([found(500, None), found(500, Some(510))], [0, 1]);
    }

    #[test]
    fn a_long_file_needs_an_entry_and_may_not_outgrow_it() {
        assert_eq!(
            [found(501, None), found(501, Some(501)), found(502, Some(501)), found(501, Some(502))],
            [1, 0, 1, 0]
        );
    }

    #[test]
    fn no_entry_helps_beyond_the_limit() {
        assert_eq!(found(601, Some(601)), 1);
    }
}
