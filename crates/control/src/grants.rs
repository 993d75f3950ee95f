//! Where the levels were recorded that decisions name.

use std::collections::{BTreeMap, BTreeSet};

use evidence::{Field, RecordKind};
use ledger::History;
use ledger::history::Entry;
use types::{Decision, Grant, Millis};

use crate::error::Failure;

/// Is how many records are read at a time.
const AT_ONCE: u64 = 256;

/// Collects the grants that decisions name, by their ids.
#[derive(Debug, Default)]
pub struct Named(BTreeMap<String, Millis>);

impl Named {
    /// Takes the grant that a decision names, if it names one.
    pub fn take(&mut self, decision: &Decision) {
        if let (Some(id), Some(fact)) = (decision.facts.text("level.grant"), decision.facts.get("level.grant")) {
            self.0.insert(id.to_owned(), fact.at);
        }
    }

    /// Finds the records in which they were given; one that was erased is not among them.
    ///
    /// # Errors
    ///
    /// What the journal says.
    pub fn records(&self, history: &History) -> Failure<BTreeSet<u64>> {
        let found = self.0.iter().map(|(id, at)| given(history, id, *at));
        Ok(found.collect::<Failure<Vec<_>>>()?.into_iter().flatten().collect())
    }
}

fn given(history: &History, id: &str, at: Millis) -> Failure<Option<u64>> {
    Ok(at_instant(history, at, |entry| is_of(entry, id))?.first().copied())
}

/// Finds those of the records of an instant for which something is true.
///
/// # Errors
///
/// What the journal says.
pub(crate) fn at_instant(history: &History, at: Millis, is: impl Fn(&Entry) -> bool) -> Failure<Vec<u64>> {
    let (mut next, mut found) = (first_at(history, at)?, Vec::new());
    loop {
        let entries = history.range(next, next.saturating_add(AT_ONCE))?;
        let Some(last) = entries.last() else { return Ok(found) };
        let (end, is_over) = (last.index, last.leaf.at > at);
        let own = entries.iter().filter(|entry| entry.leaf.at == at && is(entry));
        found.extend(own.map(|entry| entry.index));
        if is_over {
            return Ok(found);
        }
        next = end.saturating_add(1);
    }
}

fn is_of(entry: &Entry, id: &str) -> bool {
    let content = entry.content.as_ref().filter(|_| entry.leaf.kind == RecordKind::Grant);
    let grant: Option<Grant> = content.and_then(|content| content.get(Field::Body).ok().flatten());
    grant.is_some_and(|grant| grant.id.to_string() == id)
}

/// Returns the index of the first record that was not written before an instant, or the number of records.
///
/// # Errors
///
/// What the journal says.
pub fn first_at(history: &History, at: Millis) -> Failure<u64> {
    let (mut low, mut high) = (0, history.size()?);
    while low < high {
        let middle = low + (high - low) / 2;
        match history.record(middle)? {
            Some(entry) if entry.leaf.at < at => low = middle + 1,
            _ => high = middle,
        }
    }
    Ok(low)
}
