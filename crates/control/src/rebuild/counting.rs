//! Counting a journal's records, and what they say in the open of the log's keys and of the logs that were closed before it.

use std::collections::{BTreeMap, BTreeSet};

use evidence::{Carried, Content, Field, Leaf, LogEvent, LogEventKind, RecordKind, bodies, carried};
use ledger::history::Entry;
use ledger::standing::Closing;
use ledger::{ClosedLog, History, Standing, closed, standing};
use minicbor::bytes::ByteArray;
use replay::Bundles;
use replay::fold::{Again, CARRIED, Rebuilt};
use types::{ActionId, cbor};

use super::Rows;
use crate::closing::CLOSE;
use crate::door::Refusal;
use crate::error::Failure;
use crate::state::kind;

/// Returns the rows that a log began with, which its first record commits to: `None` if the closed log they come from has
/// them no more; none at all if no log was closed before it.
fn carried_over(history: &History) -> Failure<Option<Rows>> {
    let Some(first) = history.record(0)? else { return Ok(Some(Rows::new())) };
    if first.leaf.log.as_ref().is_none_or(|event| event.event != LogEventKind::Began) {
        return Ok(Some(Rows::new()));
    }
    let Some(body) = body(&first) else { return Ok(None) };
    let Some(before) = history.closed(body.number)? else { return Ok(None) };
    let rows: Rows = before.whole()?.rows.into_iter().filter(|((kind, _), _)| kind != standing::KIND).collect();
    let parts = rows.iter().map(|((kind, key), value)| (kind.as_str(), key.as_str(), value.as_slice()));
    Ok((carried::state_digest(parts) == body.state).then_some(rows))
}

fn body(first: &Entry) -> Option<Carried> {
    first.content.as_ref()?.get(Field::Body).ok().flatten()
}

fn again(rows: Option<Rows>) -> Failure<Again> {
    let Some(rows) = rows else { return Ok(Again::cut()) };
    Again::from(rows).map_err(|why| Refusal::plain(types::Code::JournalMismatch, why))
}

/// Begins to count a journal with the rows that it began with.
///
/// # Errors
///
/// What the journals say.
pub(crate) fn begun(history: &History) -> Failure<Again> {
    again(carried_over(history)?)
}

/// Counts the records one by one, and what they say in the open of the log's keys and of closed logs besides.
#[derive(Debug)]
pub(super) struct Counting {
    again: Again,
    standing: Option<Standing>,
    closed: BTreeMap<u64, ClosedLog>,
    /// The actions that have closed the log.
    closes: BTreeSet<ActionId>,
    /// The erasures that went over and had not reached their closed log then.
    reaching: Rows,
    /// The closed logs that erasures reach.
    reached: BTreeSet<u64>,
    cut: bool,
}

impl Counting {
    /// Begins with what a journal began with.
    ///
    /// # Errors
    ///
    /// What the journals say.
    pub(super) fn of(history: &History) -> Failure<Self> {
        let rows = carried_over(history)?;
        let cut = rows.is_none();
        let of = |name: &str| -> Rows {
            rows.iter().flatten().filter(|((kind, _), _)| kind == name).map(|(k, v)| (k.clone(), v.clone())).collect()
        };
        let logs: Vec<(String, Vec<u8>)> = of(closed::KIND).into_iter().map(|((_, key), value)| (key, value)).collect();
        let logs = ClosedLog::of_rows(&logs).map_err(|why| Refusal::plain(types::Code::JournalMismatch, why))?;
        let closed = logs.into_iter().map(|log| (log.number, log)).collect();
        let reaching = of(kind::REACHING);
        let (closes, reached) = (BTreeSet::new(), BTreeSet::new());
        Ok(Self { again: again(rows)?, standing: None, closed, closes, reaching, reached, cut })
    }

    pub(super) fn has_unexplained(&self) -> bool {
        self.again.has_unexplained()
    }

    pub(super) fn explain(&mut self, leaf: &Leaf, content: &Content) {
        self.again.explain(leaf, content);
    }

    pub(super) fn take(&mut self, entry: &Entry, bundles: &Bundles) {
        self.again.take(entry.index, &entry.leaf, entry.content.as_ref(), bundles);
        if entry.leaf.kind == RecordKind::Decided && entry.leaf.verdict.is_some_and(|rank| rank < 2) {
            let proposal = entry.content.as_ref().and_then(bodies::proposer);
            let closes = proposal.filter(|proposal| proposal.tool.to_string() == CLOSE);
            self.closes.extend(closes.map(|proposal| proposal.id));
        }
        let Some(event) = &entry.leaf.log else { return };
        self.closed_log(entry, event);
        let named = |content: &Content| content.get::<Vec<String>>(Field::Body).ok().flatten();
        let origins = entry.content.as_ref().and_then(named);
        // Records of an earlier version, and those that were erased, name it by its key alone.
        let by_key = || event.old.iter().take(1).filter_map(|key| Some(key.split_once('+')?.0.to_owned())).collect();
        let origins = origins.unwrap_or_else(by_key);
        self.standing = Some(Standing::after(self.standing.as_ref(), event, origins, entry.index));
    }

    /// Takes what a record says of a closed log, which it names by the digest of its final checkpoint.
    fn closed_log(&mut self, entry: &Entry, event: &LogEvent) {
        if event.event == LogEventKind::Began {
            let log = body(entry).and_then(|carried| ClosedLog::before(event, carried));
            self.closed.extend(log.map(|log| (log.number, log)));
            return;
        }
        let origin = self.standing.as_ref().map_or("", Standing::origin).to_owned();
        let named = |log: &&mut ClosedLog| Some(log.checkpoint_digest()) == event.checkpoint;
        let Some(log) = self.closed.values_mut().find(named) else { return };
        if event.event == LogEventKind::Erased {
            self.reached.insert(log.number);
        }
        *log = log.clone().after(event, &origin, (entry.index, entry.leaf.at));
    }

    /// Ends the counting; `stored` is asked for what no record says: whether an erasure has reached its closed log, and that
    /// a log which an action closes is not closed yet.
    pub(super) fn end(self, bundles: &Bundles, stored: &Rows) -> Rebuilt {
        let standing = (standing::KIND.to_owned(), standing::KEY.to_owned());
        let draining = stored.get(&standing).filter(|row| self.is_draining(row)).cloned();
        let reaching: Vec<_> = stored.iter().filter(|(place, value)| self.is_reaching(place, value)).collect();
        let Self { again, standing: now, closed: logs, cut, .. } = self;
        let mut rebuilt = again.end(bundles);
        rebuilt.rows.retain(|(name, _), _| name != kind::REACHING);
        rebuilt.rows.extend(reaching.into_iter().map(|(place, value)| (place.clone(), value.clone())));
        let known: Vec<_> = logs.keys().map(|number| (closed::KIND.to_owned(), number.to_string())).collect();
        let logs = logs.iter().map(|(number, log)| ((closed::KIND.to_owned(), number.to_string()), cbor::encode(log)));
        rebuilt.rows.extend(logs);
        // Those that the log began with are not among them where it is cut.
        rebuilt.touched.extend(known);
        rebuilt.rows.extend(draining.or_else(|| now.as_ref().map(cbor::encode)).map(|row| (standing, row)));
        for kind in [closed::KIND, kind::REACHING].into_iter().filter(|_| cut) {
            rebuilt.doubts.entry(kind).or_default().insert(CARRIED, 1);
        }
        rebuilt
    }

    /// Says whether a stored standing is the one that the records make, but that an action of theirs closes the log.
    fn is_draining(&self, row: &[u8]) -> bool {
        let Ok(stored) = cbor::decode::<Standing>(row) else { return false };
        let Some(Closing::Draining(Some(action))) = stored.closing else { return false };
        let open = Standing { closing: None, ..stored };
        // Before a key has changed nothing but the key at hand says which one signs.
        let same = self.standing.as_ref().map_or(!open.frozen && open.ended.is_empty(), |standing| *standing == open);
        same && self.closes.contains(&action)
    }

    /// Says whether a stored row is of an erasure that may not have reached its closed log yet.
    fn is_reaching(&self, place: &(String, String), value: &[u8]) -> bool {
        let log = || Some(cbor::decode::<(u64, ByteArray<32>)>(value).ok()?.0);
        let recorded = || log().is_some_and(|log| self.reached.contains(&log));
        place.0 == kind::REACHING && (self.reaching.contains_key(place) || recorded())
    }
}
