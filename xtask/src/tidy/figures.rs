//! Rule: every measured figure names the commit it was measured at (DESIGN §5: no figure in `acceptance/figures.md`
//! is stale or missing).

use super::tree::Tree;
use super::violation::Violation;

const PATH: &str = "acceptance/figures.md";

/// Finds rows of the figures' tables without a commit.
pub fn check(tree: &Tree) -> Vec<Violation> {
    let Some(file) = tree.file(PATH) else { return Vec::new() };
    let mut column = None;
    let mut found = Vec::new();
    let mut in_table = false;
    for (at, line) in file.text.lines().enumerate() {
        let cells = cells(line);
        if cells.is_empty() {
            in_table = false;
        } else if !in_table {
            in_table = true;
            column = cells.iter().position(|cell| cell.to_lowercase().contains("commit"));
            if column.is_none() {
                found.push(Violation::new(PATH, at + 1, "the table has no column `commit`"));
            }
        } else if !is_rule(&cells)
            && column.is_some_and(|column| !cells.get(column).is_some_and(|cell| names_commit(cell)))
        {
            found.push(Violation::new(PATH, at + 1, "the figure names no commit (7 or more hex digits)"));
        }
    }
    found
}

/// Returns the cells of a table's line; none for any other line.
fn cells(line: &str) -> Vec<&str> {
    let Some(inner) = line.trim().strip_prefix('|') else { return Vec::new() };
    inner.trim_end_matches('|').split('|').map(str::trim).collect()
}

/// Returns true for the line between a table's head and its rows.
fn is_rule(cells: &[&str]) -> bool {
    cells.iter().all(|cell| !cell.is_empty() && cell.chars().all(|c| c == '-' || c == ':'))
}

fn names_commit(cell: &str) -> bool {
    let mut words = cell.split(|c: char| !c.is_ascii_alphanumeric());
    words.any(|word| (7..=40).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::super::tree::planted::tree;
    use super::*;

    fn lines(text: &str) -> Vec<usize> {
        check(&tree(&[(PATH, text)])).into_iter().map(|violation| violation.line).collect()
    }

    #[test]
    fn figures_with_a_commit_pass() {
        assert!(
            lines("# Figures\n\n| what | value | commit |\n|---|--:|---|\n| p50 | 41 µs | `0a1b2c3` |\n").is_empty()
        );
        assert!(check(&tree(&[])).is_empty());
    }

    #[test]
    fn a_figure_without_a_commit_is_found() {
        let text = "| what | commit |\n|---|---|\n| a 1234567 | later |\n| b | 12ab |\n| c |\n\n| d | e |\n|---|---|\n";
        assert_eq!(lines(text), [3, 4, 5, 7]);
    }
}
