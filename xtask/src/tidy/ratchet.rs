//! What the house cannot yet hold: lists that may only shrink, kept in `xtask/ratchet.toml` (STYLE 15 and 26).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use super::error::TidyError;
use super::tree::Tree;
use super::violation::Violation;

const PATH: &str = "xtask/ratchet.toml";
const HEAD: &str = "# What the house cannot yet hold. These lists may only shrink: `cargo xtask tidy --write-ratchet`
# takes out what is no longer needed and adds nothing.
";

/// Holds the exceptions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ratchet {
    /// Files longer than wanted, with the lines they may have.
    pub long_files: BTreeMap<String, usize>,
    /// Codes that no test triggers from outside yet.
    pub untested_codes: BTreeSet<String>,
}

impl Ratchet {
    /// Reads the ratchet; nothing if there is none yet.
    ///
    /// # Errors
    ///
    /// [`TidyError::File`] if the file is there and cannot be read; [`TidyError::Ratchet`] if it is not what
    /// [`Ratchet::write`] writes. No others.
    pub fn read(root: &Path) -> Result<Option<Self>, TidyError> {
        match fs::read_to_string(root.join(PATH)) {
            Ok(text) => Self::parse(&text).map(Some),
            Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(None),
            Err(cause) => Err(TidyError::File { path: PATH.to_owned(), cause }),
        }
    }

    /// Writes the ratchet.
    ///
    /// # Errors
    ///
    /// [`TidyError::File`] if the file cannot be written. No others.
    pub fn write(&self, root: &Path) -> Result<(), TidyError> {
        fs::write(root.join(PATH), self.render()).map_err(|cause| TidyError::File { path: PATH.to_owned(), cause })
    }

    /// Returns what both this ratchet and today's truth allow.
    pub fn tightened_to(&self, today: &Self) -> Self {
        let both = self.long_files.iter().filter_map(|(path, before)| {
            let now = today.long_files.get(path)?;
            Some((path.clone(), *before.min(now)))
        });
        Self {
            long_files: both.collect(),
            untested_codes: self.untested_codes.intersection(&today.untested_codes).cloned().collect(),
        }
    }

    fn parse(text: &str) -> Result<Self, TidyError> {
        let table: toml::Table =
            text.parse().map_err(|cause: toml::de::Error| TidyError::Ratchet(cause.to_string()))?;
        let mut ratchet = Self::default();
        for (key, value) in &table {
            let read = match key.as_str() {
                "untested_codes" => codes(value).map(|codes| ratchet.untested_codes = codes),
                "long_files" => files(value).map(|files| ratchet.long_files = files),
                _ => None,
            };
            read.ok_or_else(|| TidyError::Ratchet(format!("`{key}` is not understood")))?;
        }
        Ok(ratchet)
    }

    fn render(&self) -> String {
        let mut text = format!("{HEAD}\n# Codes that no test triggers from outside.\nuntested_codes = [\n");
        for code in &self.untested_codes {
            let _ = writeln!(text, "    \"{code}\",");
        }
        text.push_str("]\n\n# Files of more than 500 lines, with the lines they may have.\n[long_files]\n");
        for (path, lines) in &self.long_files {
            let _ = writeln!(text, "\"{path}\" = {lines}");
        }
        text
    }
}

fn codes(value: &toml::Value) -> Option<BTreeSet<String>> {
    value.as_array()?.iter().map(|code| code.as_str().map(str::to_owned)).collect()
}

fn files(value: &toml::Value) -> Option<BTreeMap<String, usize>> {
    let lines = |value: &toml::Value| usize::try_from(value.as_integer()?).ok();
    value.as_table()?.iter().map(|(path, value)| Some((path.clone(), lines(value)?))).collect()
}

/// Returns the violation of an entry that is no longer needed.
pub fn stale(tree: &Tree, entry: &str, why: &str) -> Violation {
    let quoted = format!("\"{entry}\"");
    let text = tree.file(PATH).map_or("", |file| file.text.as_str());
    let line = text.lines().position(|line| line.contains(&quoted)).map_or(1, |at| at + 1);
    Violation::new(PATH, line, format!("remove `{entry}` from the ratchet: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratchet(files: &[(&str, usize)], codes: &[&str]) -> Ratchet {
        Ratchet {
            long_files: files.iter().map(|(path, lines)| ((*path).to_owned(), *lines)).collect(),
            untested_codes: codes.iter().map(|code| (*code).to_owned()).collect(),
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for ratchet in [ratchet(&[("a/b.rs", 501)], &["killed", "disk-full"]), Ratchet::default()] {
            assert_eq!(Ratchet::parse(&ratchet.render()).unwrap(), ratchet);
        }
    }

    #[test]
    fn it_only_shrinks() {
        let known = ratchet(&[("a.rs", 510), ("b.rs", 520), ("c.rs", 530)], &["killed", "internal"]);
        let today = ratchet(&[("a.rs", 505), ("b.rs", 525), ("d.rs", 540)], &["killed", "disk-full"]);
        assert_eq!(known.tightened_to(&today), ratchet(&[("a.rs", 505), ("b.rs", 520)], &["killed"]));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for text in ["other = 1", "untested_codes = 1", "[long_files]\n\"a\" = -1", "["] {
            assert!(Ratchet::parse(text).is_err(), "{text}");
        }
    }
}
