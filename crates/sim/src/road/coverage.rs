//! What a run went through.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Counts by kind and name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage(BTreeMap<(&'static str, String), u64>);

impl Coverage {
    /// Counts one.
    pub fn count(&mut self, kind: &'static str, name: impl Into<String>) {
        *self.0.entry((kind, name.into())).or_default() += 1;
    }

    /// Counts several.
    pub fn count_many(&mut self, kind: &'static str, name: impl Into<String>, count: u64) {
        if count > 0 {
            *self.0.entry((kind, name.into())).or_default() += count;
        }
    }

    /// Adds what another run went through.
    pub fn add(&mut self, other: Self) {
        for (key, count) in other.0 {
            *self.0.entry(key).or_default() += count;
        }
    }

    /// Returns all counts, by kind and name.
    pub fn by_kind(&self) -> BTreeMap<String, BTreeMap<String, u64>> {
        let mut kinds: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
        for ((kind, name), count) in &self.0 {
            kinds.entry((*kind).to_owned()).or_default().insert(name.clone(), *count);
        }
        kinds
    }

    /// Returns how often something happened.
    pub fn of(&self, kind: &str, name: &str) -> u64 {
        self.0.iter().filter(|((k, n), _)| *k == kind && n == name).map(|(_, count)| *count).sum()
    }

    /// Returns how often anything of a kind happened.
    pub fn all_of(&self, kind: &str) -> u64 {
        self.0.iter().filter(|((k, _), _)| *k == kind).map(|(_, count)| *count).sum()
    }
}

impl std::fmt::Display for Coverage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut lines: BTreeMap<&str, String> = BTreeMap::new();
        for ((kind, name), count) in &self.0 {
            let _ = write!(lines.entry(kind).or_default(), " {name} {count},");
        }
        for (kind, line) in lines {
            writeln!(f, "{kind}:{}", line.trim_end_matches(','))?;
        }
        Ok(())
    }
}
