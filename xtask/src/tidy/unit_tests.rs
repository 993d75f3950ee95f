//! Rule: a test that stands in a source is run: no package whose targets cargo does not test has one.

use super::tree::{File, Tree};
use super::violation::Violation;

const MARK: &str = "#[cfg(test)]";

/// Finds tests that nothing compiles.
pub fn check(tree: &Tree) -> Vec<Violation> {
    let idle = tree.packages.iter().filter(|package| !package.runs_unit_tests);
    let folders: Vec<String> = idle.map(|package| package.manifest.replace("Cargo.toml", "src/")).collect();
    let is_idle = |file: &&File| file.is_rust() && folders.iter().any(|folder| file.path.starts_with(folder));
    tree.files.iter().filter(is_idle).filter_map(marked).collect()
}

fn marked(file: &File) -> Option<Violation> {
    let line = file.text.lines().position(|line| line.trim_start().starts_with(MARK))?;
    let message = "nothing runs this test: the manifest says `test = false`";
    Some(Violation::new(&file.path, line + 1, message))
}

#[cfg(test)]
mod tests {
    use super::super::package::planted::package;
    use super::super::tree::planted::tree;
    use super::*;

    #[test]
    fn a_test_that_is_not_run_is_found() {
        let files = [
            ("crates/a/src/main.rs", "//! A.\nfn main() {}\n#[cfg(test)]\nmod tests {}\n"),
            ("crates/a/tests/it/main.rs", "#[cfg(test)]\n"),
            ("crates/b/src/main.rs", "//! B.\n#[cfg(test)]\nmod tests {}\n"),
        ];
        let mut tree = tree(&files);
        tree.packages = vec![package("a", &[]), package("b", &[])];
        assert!(check(&tree).is_empty());
        tree.packages[0].runs_unit_tests = false;
        let found: Vec<(String, usize)> = check(&tree).into_iter().map(|one| (one.path, one.line)).collect();
        assert_eq!(found, [("crates/a/src/main.rs".to_owned(), 3)]);
    }
}
