//! Replaying a journal: every recorded decision computed again, under the bundle it was made by.

use std::collections::{BTreeMap, BTreeSet};

use evidence::{Leaf, RecordKind};
use ledger::History;
use ledger::history::Entry;
use policy::BundleFiles;
use replay::{Bundles, Replayed};
use serde::Serialize;
use types::{ActionId, Digest};

use crate::error::Failure;
use crate::export::policy_files;

/// Is how many records are read at a time.
const AT_ONCE: u64 = 1_000;

/// Is the most decisions that are told one by one.
const TOLD_MAX: usize = 1_000;

/// Is one decision that did not come out equal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Told {
    /// The index of its record.
    pub index: u64,
    /// The action.
    pub action: Option<ActionId>,
    /// How it came out.
    #[serde(flatten)]
    pub replayed: Replayed,
}

/// Is what a replay found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Found {
    /// How many decisions there are.
    pub decisions: u64,
    /// How many came out how, by the word for it.
    pub answers: BTreeMap<&'static str, u64>,
    /// The first 1,000 that are not equal.
    pub told: Vec<Told>,
}

impl Found {
    fn take(&mut self, entry: &Leaf, index: u64, replayed: Replayed) {
        self.decisions += 1;
        *self.answers.entry(replayed.as_str()).or_default() += 1;
        if replayed != Replayed::Equal && self.told.len() < TOLD_MAX {
            self.told.push(Told { index, action: entry.action, replayed });
        }
    }

    /// Returns how many decisions came out with a word.
    pub fn count(&self, answer: &str) -> u64 {
        self.answers.get(answer).copied().unwrap_or_default()
    }
}

/// Computes the decisions of `from..to` again; `seen` is told how far it is.
///
/// - `to`: an index behind the last record is taken for the end.
///
/// # Errors
///
/// What the journal says.
pub fn decisions(history: &History, from: u64, to: u64, mut seen: impl FnMut(u64)) -> Failure<Found> {
    let mut again = Again { history, bundles: Bundles::new(), asked: BTreeSet::new(), found: Found::default() };
    let mut next = from;
    let end = to.min(history.size()?);
    while next < end {
        let stop = end.min(next + AT_ONCE);
        for entry in history.range(next, stop)? {
            again.take(&entry)?;
        }
        next = stop;
        seen(next);
    }
    Ok(again.found)
}

struct Again<'a> {
    history: &'a History,
    bundles: Bundles,
    asked: BTreeSet<Digest>,
    found: Found,
}

impl Again<'_> {
    fn take(&mut self, entry: &Entry) -> Failure<()> {
        if entry.leaf.kind != RecordKind::Decided {
            return Ok(());
        }
        if let Some(digest) = entry.leaf.bundle {
            self.fetch(digest)?;
        }
        let replayed = replay::record(&entry.leaf, entry.content.as_ref(), &self.bundles);
        self.found.take(&entry.leaf, entry.index, replayed);
        Ok(())
    }

    fn fetch(&mut self, digest: Digest) -> Failure<()> {
        if self.asked.insert(digest)
            && let Some(files) = policy_files(self.history, &digest)?
        {
            self.bundles.add(BundleFiles(files));
        }
        Ok(())
    }
}
