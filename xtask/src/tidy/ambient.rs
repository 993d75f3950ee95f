//! Rule: only binaries read the environment (DESIGN §5, never 7).

use super::scan;
use super::tree::Tree;
use super::violation::Violation;

const BINARIES: [&str; 6] = ["countersign", "verify", "witness", "bench", "sim", "xtask"];

/// Finds libraries that name `std::env`.
pub fn check(tree: &Tree) -> Vec<Violation> {
    let homes = homes(tree);
    let libraries = tree.production().filter(|(path, _)| !homes.iter().any(|home| path.starts_with(home)));
    let found = libraries.flat_map(|(path, source)| {
        let code = source.code.as_str();
        let message = "only binaries read the environment; take it as an argument";
        scan::std_modules(code, "env").into_iter().map(move |at| Violation::new(path, scan::line(code, at), message))
    });
    found.collect()
}

fn homes(tree: &Tree) -> Vec<&str> {
    let binaries = tree.packages.iter().filter(|package| BINARIES.contains(&package.name.as_str()));
    binaries.filter_map(|package| package.manifest.strip_suffix("Cargo.toml")).collect()
}

#[cfg(test)]
mod tests {
    use super::super::package::planted::package;
    use super::super::tree::File;
    use super::*;

    #[test]
    fn a_library_that_reads_the_environment_is_found() {
        let files = ["crates/control/src/a.rs", "crates/countersign/src/a.rs", "crates/control/tests/it/a.rs"];
        let files = files.iter().map(|path| File::new(path, b"\nuse std::env;".to_vec()));
        let tree = Tree::new(files.collect(), vec![package("countersign", &[]), package("control", &[])]);
        let found: Vec<_> = check(&tree).into_iter().map(|violation| (violation.path, violation.line)).collect();
        assert_eq!(found, [("crates/control/src/a.rs".to_owned(), 2)]);
    }
}
