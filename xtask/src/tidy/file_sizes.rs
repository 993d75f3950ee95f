//! Rule: nothing larger than 1 MiB is checked in, lock files and test data excepted.

use super::tree::{File, Tree};
use super::violation::Violation;

const BYTES_MAX: u64 = 1 << 20;

/// Finds files that every clone would pay for.
pub fn check(tree: &Tree) -> Vec<Violation> {
    let large = |file: &&File| file.size > BYTES_MAX && !is_excepted(&file.path);
    let violation = |file: &File| Violation::new(&file.path, 1, format!("{} bytes; at most {BYTES_MAX}", file.size));
    tree.files.iter().filter(large).map(violation).collect()
}

fn is_excepted(path: &str) -> bool {
    path.ends_with(".lock") || path.split('/').any(|folder| folder == "testdata")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_file_is_found() {
        let bytes = || vec![0; (1 << 20) + 1];
        let paths = ["a.bin", "Cargo.lock", "crates/a/testdata/a.bin"];
        let mut files: Vec<File> = paths.iter().map(|path| File::new(path, bytes())).collect();
        files.push(File::new("b.bin", vec![0; 1 << 20]));
        let found: Vec<String> = check(&Tree::new(files, Vec::new())).into_iter().map(|found| found.path).collect();
        assert_eq!(found, ["a.bin"]);
    }
}
