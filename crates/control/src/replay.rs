//! Replaying a journal: every recorded decision computed again, under the bundle it was made by.

use std::collections::{BTreeMap, BTreeSet};

use evidence::{Leaf, RecordKind, bodies};
use ledger::History;
use ledger::history::Entry;
use policy::BundleFiles;
use replay::{Bundles, Replayed, fold};
use serde::Serialize;
use types::{ActionId, Digest};

use crate::error::Failure;
use crate::export::policy_files;
use crate::rebuild::begun;

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
    /// Who told the facts that were taken as recorded, such as `inventory:services` or `clock`, each with how many
    /// decisions rest on that. What follows from records before it is counted again, and is among these only where they
    /// no longer tell it.
    pub taken: BTreeMap<String, u64>,
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

/// Computes the decisions of `from..to` again, and counts the facts they read that follow from the records before them;
/// `seen` is told how far it is. It counts from the first record on, wherever `from` is.
///
/// - `bundles`: policy bundles that are at hand besides those that are stored.
/// - `to`: an index behind the last record is taken for the end.
///
/// # Errors
///
/// What the journal says.
pub fn decisions(history: &History, bundles: Bundles, from: u64, to: u64, mut seen: impl FnMut(u64)) -> Failure<Found> {
    let asked = bundles.digests().copied().collect();
    let mut again = Again { history, bundles, asked, counting: begun(history)?, found: Found::default() };
    let end = to.min(history.size()?);
    // With nothing to compute there is nothing to count either.
    let mut next = if from < end { 0 } else { end };
    while next < end {
        let stop = end.min(next + AT_ONCE);
        for entry in history.range(next, stop)? {
            again.take(&entry, entry.index >= from)?;
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
    counting: fold::Again,
    found: Found,
}

impl Again<'_> {
    fn take(&mut self, entry: &Entry, computed: bool) -> Failure<()> {
        if let Some(digest) = entry.leaf.bundle {
            self.fetch(digest)?;
        }
        if computed && entry.leaf.kind == RecordKind::Decided {
            let replayed = replay::record(&entry.leaf, entry.content.as_ref(), &self.bundles);
            let replayed = if replayed == Replayed::Equal { self.recounted(entry) } else { replayed };
            self.found.take(&entry.leaf, entry.index, replayed);
        }
        self.counting.take(entry.index, &entry.leaf, entry.content.as_ref(), &self.bundles);
        Ok(())
    }

    /// Counts the facts of a decision again that came out equal by the facts that are recorded.
    fn recounted(&mut self, entry: &Entry) -> Replayed {
        let content = entry.content.as_ref();
        let said = content.and_then(|content| Some((bodies::proposal(content)?, bodies::decision(content)?)));
        let Some((proposal, decision)) = said else { return Replayed::Equal };
        let Ok(bundle) = self.bundles.get(&decision.bundle) else { return Replayed::Equal };
        let recount = self.counting.recount(bundle.data(), &proposal, &decision);
        let taken = decision.facts.iter().filter(|fact| {
            let told = !replay::derived::is_computed(fact) && !fold::is_counted(fact);
            told || recount.untold.iter().any(|name| *name == fact.name.as_str())
        });
        let sources: BTreeSet<String> = taken.map(|fact| fact.source.to_string()).collect();
        for source in sources {
            *self.found.taken.entry(source).or_default() += 1;
        }
        let wrong = recount.wrong.into_iter();
        let wrong: Vec<String> =
            wrong.map(|name| format!("the fact `{name}` is not what the records before make it")).collect();
        if wrong.is_empty() { Replayed::Equal } else { Replayed::Differs(wrong) }
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
