//! The scope of an erasure: which records lost their content, by index alone.

use std::collections::BTreeSet;

use minicbor::{Decode, Encode};

use crate::archive::ArchivedRecord;
use crate::commit::{self, Disclosed};
use crate::content::Field;
use crate::leaf::{Leaf, RecordKind};

/// Is how many runs one erasure record tells at most, so that it stays small in a bundle.
pub const RUNS_MAX: usize = 512;

/// Is some records that follow each other in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Run {
    /// The index of the first.
    #[n(0)]
    pub first: u64,
    /// How many there are, at least 1.
    #[n(1)]
    pub count: u64,
}

/// Is the body of an erasure record: the records whose content is gone, in order.
///
/// It names nobody: that these records were about one subject is all it says of them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
#[cbor(array)]
pub struct Scope {
    /// The records, as runs in order, at most [`RUNS_MAX`].
    #[n(0)]
    pub runs: Vec<Run>,
}

impl Scope {
    /// Divides some records, given in ascending order, into as many scopes as it takes.
    pub fn of(indices: &[u64]) -> Vec<Self> {
        runs(indices).chunks(RUNS_MAX).map(|runs| Self { runs: runs.to_vec() }).collect()
    }

    /// Reads the scope from an erasure record, whose disclosure was found to be what its leaf commits to.
    pub fn shown_by(leaf: &Leaf, shown: &Disclosed) -> Option<Self> {
        (leaf.kind == RecordKind::Erasure).then(|| shown.content.get(Field::Body).ok()).flatten()?
    }

    /// Says whether a record lost its content by this erasure.
    pub fn covers(&self, index: u64) -> bool {
        self.runs.iter().any(|run| index.checked_sub(run.first).is_some_and(|offset| offset < run.count))
    }

    /// Returns the records, in order.
    pub fn indices(&self) -> impl Iterator<Item = u64> + '_ {
        self.runs.iter().flat_map(|run| run.first..run.first.saturating_add(run.count))
    }
}

/// Returns which records lost their content, as the erasure records among some say that show their scope.
pub fn covered(records: &[ArchivedRecord]) -> BTreeSet<u64> {
    let scope = |record: &ArchivedRecord| {
        let leaf = Leaf::from_bytes(&record.leaf).ok()?;
        let shown = commit::check(&leaf, record.disclosure.as_ref()?).ok()?;
        Scope::shown_by(&leaf, &shown)
    };
    let scopes: Vec<Scope> = records.iter().filter_map(scope).collect();
    let covered = |index: &u64| scopes.iter().any(|scope| scope.covers(*index));
    records.iter().map(|record| record.index).filter(covered).collect()
}

fn runs(indices: &[u64]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for index in indices {
        match runs.last_mut() {
            Some(run) if run.first.saturating_add(run.count) == *index => run.count += 1,
            _ => runs.push(Run { first: *index, count: 1 }),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_that_follow_each_other_are_one_run() {
        let scopes = Scope::of(&[0, 1, 2, 7, 9, 10]);
        let told: Vec<(u64, u64)> = scopes.iter().flat_map(|s| &s.runs).map(|run| (run.first, run.count)).collect();
        assert_eq!(told, [(0, 3), (7, 1), (9, 2)]);
        let covered: Vec<u64> = (0..20).filter(|index| scopes.iter().any(|scope| scope.covers(*index))).collect();
        assert_eq!(covered, [0, 1, 2, 7, 9, 10]);
        assert_eq!(scopes.iter().flat_map(Scope::indices).collect::<Vec<_>>(), covered);
    }

    #[test]
    fn what_does_not_fit_one_record_goes_on_in_the_next() {
        let scattered: Vec<u64> = (0..2_000).map(|n| n * 2).collect();
        let scopes = Scope::of(&scattered);
        assert_eq!(scopes.len(), 4);
        assert!(scopes.iter().all(|scope| scope.runs.len() <= RUNS_MAX));
        assert_eq!(scopes.iter().flat_map(Scope::indices).collect::<Vec<_>>(), scattered);
        assert!(Scope::of(&[]).is_empty());
    }
}
