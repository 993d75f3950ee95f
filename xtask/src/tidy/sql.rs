//! Rule: no SQL outside `store` (DESIGN §5, never 7), except in servers over databases of others, the testing kit and the demo's own server.

use super::scan;
use super::source::Source;
use super::tree::Tree;
use super::violation::Violation;

/// Where statements may stand; this file names what it looks for.
const HOMES: [&str; 5] =
    ["crates/store/", "crates/targets/", "crates/demo/", "crates/testkit/", "xtask/src/tidy/sql.rs"];
const DRIVERS: [&str; 3] = ["rusqlite::", "postgres::Client", "tokio_postgres::"];

/// The openings of statements, each with the word that must follow it and how far away that word may stand.
const STATEMENTS: [(&str, &str, usize); 5] = [
    ("SELECT", " ", 1),
    ("INSERT", " INTO ", 20),
    ("CREATE", " TABLE ", 20),
    ("UPDATE", " SET ", 120),
    ("DELETE", " FROM ", 10),
];

/// Finds statements and database drivers where they do not belong.
pub fn check(tree: &Tree) -> Vec<Violation> {
    let elsewhere = tree.production().filter(|(path, _)| !HOMES.iter().any(|home| path.starts_with(home)));
    elsewhere.flat_map(|(path, source)| in_source(path, source)).collect()
}

fn in_source(path: &str, source: &Source) -> Vec<Violation> {
    let text = source.literals.as_str();
    let statements = STATEMENTS.iter().flat_map(|(verb, then, within)| {
        scan::words(text, verb).filter(move |at| follows(text, at + verb.len(), then, *within))
    });
    let drivers = DRIVERS.iter().flat_map(|driver| source.code.match_indices(driver).map(|(at, _)| at));
    let message = "SQL belongs in `store`";
    statements.chain(drivers).map(|at| Violation::new(path, scan::line(text, at), message)).collect()
}

fn follows(text: &str, from: usize, then: &str, within: usize) -> bool {
    let reach = text.get(from..).and_then(|tail| tail.find(then));
    reach.is_some_and(|distance| distance < within)
}

#[cfg(test)]
mod tests {
    use super::super::tree::planted::tree;
    use super::*;

    const STATEMENT: &str = "fn f() { run(\"SELECT 1\") }";

    #[test]
    fn a_statement_outside_the_store_is_found() {
        let update = "\nconst A: &str = \"UPDATE head SET size = 1\";";
        assert_eq!(check(&tree(&[("crates/ledger/src/a.rs", STATEMENT)])).len(), 1);
        assert_eq!(check(&tree(&[("crates/api/src/a.rs", update)])).first().unwrap().line, 2);
    }

    #[test]
    fn the_store_the_kit_and_the_demo_may() {
        for path in ["crates/store/src/a.rs", "crates/testkit/src/a.rs", "crates/demo/src/server.rs"] {
            assert!(check(&tree(&[(path, STATEMENT)])).is_empty(), "{path}");
        }
    }

    #[test]
    fn a_driver_outside_the_store_is_found() {
        assert_eq!(check(&tree(&[("crates/countersign/src/up.rs", "use rusqlite::Connection;")])).len(), 1);
    }

    #[test]
    fn plain_words_are_no_statements() {
        let words = "// SELECT the best\nconst A: &str = \"UPDATE now\"; const SELECTED: u8 = 1;";
        assert!(check(&tree(&[("crates/api/src/a.rs", words)])).is_empty());
    }
}
