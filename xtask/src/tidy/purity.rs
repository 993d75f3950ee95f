//! Rule: a pure crate reads no clock, does no I/O, spawns nothing, draws no random bytes (DESIGN §5, never 1).

use super::crate_layers;
use super::package::Package;
use super::scan;
use super::source::Source;
use super::tree::Tree;
use super::violation::Violation;

/// The foundation and the pure stages.
pub const PURE: [&str; 8] = ["types", "tlog", "evidence", "policy", "stages", "models", "lineage", "replay"];

const IMPURE_DEPENDENCIES: [&str; 6] = ["tokio", "reqwest", "rusqlite", "tokio-postgres", "getrandom", "rand"];
const IMPURE_MODULES: [&str; 5] = ["fs", "env", "net", "process", "thread"];
const IMPURE_WORDS: [&str; 5] = ["SystemTime", "Instant::now", "Timestamp::now", "Zoned::now", "async fn"];

/// Finds what a pure crate must not depend on and must not name.
pub fn check(tree: &Tree) -> Vec<Violation> {
    let packages = tree.packages.iter().filter(|package| PURE.contains(&package.name.as_str()));
    let depends = packages.flat_map(|package| dependencies(tree, package));
    let names = tree.production().filter(|(path, _)| is_pure(path)).flat_map(|(path, source)| words(path, source));
    depends.chain(names).collect()
}

/// Returns true for a file of a pure crate.
pub fn is_pure(path: &str) -> bool {
    let folder = path.strip_prefix("crates/").and_then(|rest| rest.split_once('/'));
    folder.is_some_and(|(name, _)| PURE.contains(&name))
}

fn dependencies(tree: &Tree, package: &Package) -> Vec<Violation> {
    let impure = package.dependencies.iter().filter(|d| !d.dev && IMPURE_DEPENDENCIES.contains(&d.name.as_str()));
    impure
        .map(|dependency| {
            let message = format!("`{}` is pure and depends on `{}`", package.name, dependency.name);
            Violation::new(&package.manifest, crate_layers::line(tree, package, dependency), message)
        })
        .collect()
}

fn words(path: &str, source: &Source) -> Vec<Violation> {
    let code = source.code.as_str();
    let modules = IMPURE_MODULES
        .iter()
        .flat_map(|module| scan::std_modules(code, module).into_iter().map(move |at| (at, format!("std::{module}"))));
    let names = IMPURE_WORDS.iter().flat_map(|word| scan::words(code, word).map(move |at| (at, (*word).to_owned())));
    modules
        .chain(names)
        .map(|(at, name)| Violation::new(path, scan::line(code, at), format!("`{name}` has no place in a pure crate")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::package::planted::package;
    use super::super::tree::planted::tree;
    use super::*;

    #[test]
    fn impure_words_are_found_where_they_stand() {
        let planted = "//! A doc about std::fs.\nuse std::{fmt, net::IpAddr};\nasync fn f() { SystemTime::now(); }\n";
        let found = check(&tree(&[("crates/stages/src/a.rs", planted)]));
        let lines: Vec<usize> = found.iter().map(|violation| violation.line).collect();
        assert_eq!(lines, [2, 3, 3]);
    }

    #[test]
    fn tests_and_the_shell_may() {
        let in_test = "#[cfg(test)]\nmod tests { use std::fs; }\n";
        let files = [("crates/types/src/a.rs", in_test), ("crates/store/src/a.rs", "use std::fs;")];
        assert!(check(&tree(&files)).is_empty());
        assert!(check(&tree(&[("crates/types/tests/it/main.rs", "use std::fs;")])).is_empty());
    }

    #[test]
    fn impure_dependencies_are_found() {
        let tree = Tree::new(Vec::new(), vec![package("tlog", &["getrandom", "sha2", "~tokio"])]);
        assert_eq!(check(&tree).len(), 1);
    }
}
