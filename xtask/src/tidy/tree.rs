//! The repository as the rules see it: every file git knows or would add, and the workspace's packages.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::error::TidyError;
use super::package::Package;
use super::source::Source;

/// Holds the files and packages of the repository.
#[derive(Debug, Default)]
pub struct Tree {
    /// Every file that is tracked, or new and not ignored.
    pub files: Vec<File>,
    /// Every package of the workspace.
    pub packages: Vec<Package>,
}

/// Holds one file.
#[derive(Debug)]
pub struct File {
    /// The path from the root of the repository, with `/`.
    pub path: String,
    /// The size in bytes.
    pub size: u64,
    /// The text; empty for a binary file.
    pub text: String,
    source: Option<Source>,
    is_test: bool,
}

impl File {
    /// Returns a file with these bytes.
    pub fn new(path: &str, bytes: Vec<u8>) -> Self {
        let size = bytes.len() as u64;
        let text = String::from_utf8(bytes).ok().filter(|text| !text.contains('\0')).unwrap_or_default();
        let source = path.ends_with(".rs").then(|| Source::new(&text));
        let is_test = ["tests/", "benches/", "examples/"].iter().any(|dir| in_folder(path, dir));
        Self { path: path.to_owned(), size, text, source, is_test }
    }

    /// Returns the Rust source, unless the file exists for tests, benches or examples alone.
    pub fn production(&self) -> Option<&Source> {
        self.source.as_ref().filter(|_| !self.is_test)
    }

    /// Returns true for a Rust file.
    pub fn is_rust(&self) -> bool {
        self.source.is_some()
    }
}

fn in_folder(path: &str, dir: &str) -> bool {
    path.starts_with(dir) || path.contains(&format!("/{dir}"))
}

impl Tree {
    /// Reads the repository.
    ///
    /// # Errors
    ///
    /// [`TidyError::Start`] or [`TidyError::Failed`] if git cannot list the files; [`TidyError::File`] if one of
    /// them cannot be read. No others.
    pub fn load(root: &Path, packages: Vec<Package>) -> Result<Self, TidyError> {
        let mut files = Vec::new();
        for path in listed(root)? {
            let full = root.join(&path);
            // A link is judged where it leads, and a deleted file is no longer there to be judged.
            if full.is_symlink() || !full.is_file() {
                continue;
            }
            let bytes = fs::read(&full).map_err(|cause| TidyError::File { path: path.clone(), cause })?;
            files.push(File::new(&path, bytes));
        }
        Ok(Self::new(files, packages))
    }

    /// Returns a tree of these files and packages.
    pub fn new(mut files: Vec<File>, packages: Vec<Package>) -> Self {
        let roots: Vec<String> = files.iter().flat_map(test_roots).collect();
        for file in &mut files {
            file.is_test |= roots
                .iter()
                .any(|root| file.path.strip_prefix(root).is_some_and(|rest| rest == ".rs" || rest.starts_with('/')));
        }
        Self { files, packages }
    }

    /// Returns the file at a path.
    pub fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    /// Returns the names of the folders under `crates/`.
    pub fn crate_folders(&self) -> BTreeSet<&str> {
        let inside = self.files.iter().filter_map(|file| file.path.strip_prefix("crates/"));
        inside.filter_map(|rest| rest.split_once('/')).map(|(name, _)| name).collect()
    }

    /// Returns every Rust source that ships, with its path.
    pub fn production(&self) -> impl Iterator<Item = (&str, &Source)> {
        self.files.iter().filter_map(|file| Some((file.path.as_str(), file.production()?)))
    }
}

/// Names the files, without their ending, of the modules a file declares for tests alone.
fn test_roots(file: &File) -> Vec<String> {
    let Some(source) = &file.source else { return Vec::new() };
    let (folder, name) = file.path.rsplit_once('/').unwrap_or((".", &file.path));
    let home = match name {
        "lib.rs" | "main.rs" | "mod.rs" => folder.to_owned(),
        _ => format!("{folder}/{}", name.trim_end_matches(".rs")),
    };
    source.test_modules.iter().map(|module| format!("{home}/{module}")).collect()
}

fn listed(root: &Path) -> Result<BTreeSet<String>, TidyError> {
    let command = "git ls-files";
    let mut git = Command::new("git");
    git.current_dir(root).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let output = git.output().map_err(|cause| TidyError::Start { command, cause })?;
    if !output.status.success() {
        return Err(TidyError::Failed { command, said: String::from_utf8_lossy(&output.stderr).into_owned() });
    }
    let paths = String::from_utf8_lossy(&output.stdout);
    Ok(paths.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect())
}

#[cfg(test)]
pub mod planted {
    //! Trees that tests plant violations in.

    use super::{File, Tree};

    /// Returns a tree of these files.
    pub fn tree(files: &[(&str, &str)]) -> Tree {
        let files = files.iter().map(|(path, text)| File::new(path, text.as_bytes().to_vec()));
        Tree::new(files.collect(), Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::planted::tree;

    #[test]
    fn files_of_test_modules_do_not_ship() {
        let tree = tree(&[
            ("crates/a/src/lib.rs", "#[cfg(test)]\nmod cases;\nmod b;"),
            ("crates/a/src/cases.rs", ""),
            ("crates/a/src/cases/deep.rs", ""),
            ("crates/a/src/b.rs", "#[cfg(test)]\nmod tests;"),
            ("crates/a/src/b/tests.rs", ""),
            ("crates/a/tests/it/main.rs", ""),
        ]);
        let shipped: Vec<&str> = tree.production().map(|(path, _)| path).collect();
        assert_eq!(shipped, ["crates/a/src/lib.rs", "crates/a/src/b.rs"]);
    }

    #[test]
    fn crates_are_folders() {
        let tree = tree(&[("crates/a/Cargo.toml", ""), ("crates/b/src/lib.rs", ""), ("crates/README.md", "")]);
        assert_eq!(tree.crate_folders().into_iter().collect::<Vec<_>>(), ["a", "b"]);
    }
}
