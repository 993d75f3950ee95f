//! Rebuilding everything that is kept from the records, holding it against what is stored, and repairing that.

mod counting;

use std::collections::BTreeMap;

use ledger::recover::{Lock, open_over};
use ledger::{History, StateSource, closed, standing};
use policy::BundleFiles;
use replay::Bundles;
use replay::fold::{ACTIVE, Answer, Comparison, Op, Rebuilt, compare};
use types::cbor;
use types::{Code, Digest, Millis, Principal};

pub(crate) use counting::begun;

use counting::Counting;

use crate::control::{Config, seed};
use crate::door::Refusal;
use crate::error::{Failure, forbidden, invalid};
use crate::keys::holder_among;
use crate::machine::{Change, Command, Decider, Reply};
use crate::state::{Key, kind};

/// Is how many records are read at a time.
const AT_ONCE: u64 = 1_000;

/// Rows by kind and key, in canonical bytes.
type Rows = BTreeMap<(String, String), Vec<u8>>;

/// Is what is stored beside what the records make of it.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// How the two stand to each other.
    pub comparison: Comparison,
    rebuilt: Rebuilt,
    stored: Rows,
    bundles: Bundles,
}

/// Rebuilds everything that is kept from the records and holds it against what is stored; `seen` is told how far it is.
///
/// It needs none of what is stored to be good but the files of policy bundles, which are believed by their digest alone.
/// A server may write the journal meanwhile: what is compared is what was stored at the beginning, and the records of then.
///
/// - `bundles`: policy bundles that are at hand besides those that are stored.
/// - `now`: what has ended by then stands for nothing.
///
/// # Errors
///
/// `journal-mismatch` if a content is not the one its leaf commits to, or what the journal says.
pub fn look(history: &History, bundles: Bundles, now: Millis, mut seen: impl FnMut(u64)) -> Failure<Found> {
    let whole = history.whole()?;
    if let Some(index) = history.foreign_content()? {
        let says = format!("the content of record {index} is not the one that its leaf commits to");
        return Err(Refusal::plain(Code::JournalMismatch, says));
    }
    let bundles = with_stored(bundles, &whole.rows);
    let mut counting = Counting::of(history)?;
    let mut next = 0;
    while next < whole.size {
        let stop = whole.size.min(next + AT_ONCE);
        for entry in history.range(next, stop)? {
            counting.take(&entry, &bundles);
        }
        next = stop;
        seen(next);
    }
    // What was erased since the size was read is erased by a record behind it.
    while counting.has_unexplained() && next < history.size()? {
        for entry in history.range(next, next + AT_ONCE)? {
            if let Some(content) = &entry.content {
                counting.explain(&entry.leaf, content);
            }
        }
        next += AT_ONCE;
    }
    let rebuilt = counting.end(&bundles, &whole.rows);
    let comparison = compare(&rebuilt, &whole.rows, now);
    Ok(Found { comparison, rebuilt, stored: whole.rows, bundles })
}

/// Adds the stored bundles whose files have the digest they are stored under.
fn with_stored(mut bundles: Bundles, rows: &Rows) -> Bundles {
    for ((_, key), value) in rows.iter().filter(|((of, _), _)| of == kind::BUNDLE) {
        let Ok(files) = cbor::decode::<Vec<(String, String)>>(value) else { continue };
        let files = BundleFiles(files.into_iter().collect());
        if Digest::from_hex(key) == Some(files.digest()) {
            bundles.add(files);
        }
    }
    bundles
}

impl Found {
    /// Returns the changes that make what is stored what the records say. Rows that can no longer be told stay as they are,
    /// and so do rows of kinds that this program does not know.
    fn changes(&self) -> Vec<Op> {
        let known = |name: &str| {
            kind::ALL.into_iter().chain([standing::KIND, closed::KIND, kind::REACHING]).find(|known| *known == name)
        };
        let told = self.comparison.rows.iter().filter(|row| row.answer != Answer::Erased);
        let change = |row: &replay::fold::RowTold| {
            let value = self.rebuilt.rows.get(&(row.kind.clone(), row.key.clone())).cloned();
            // What no record makes goes; what they make and nobody has at hand, the files of a bundle, cannot be written.
            let writable = value.is_some() || row.answer == Answer::Extra;
            writable.then_some(Op { kind: known(&row.kind)?, key: row.key.clone(), value })
        };
        told.filter_map(change).collect()
    }

    /// Returns the rows as they are after the changes.
    fn repaired(&self, changes: &[Op]) -> Repaired {
        let mut rows = self.stored.clone();
        for Op { kind, key, value } in changes {
            let place = ((*kind).to_owned(), key.clone());
            match value {
                Some(value) => rows.insert(place, value.clone()),
                None => rows.remove(&place),
            };
        }
        Repaired(rows)
    }
}

/// Gives rows that are held in memory to whoever loads a machine.
struct Repaired(Rows);

impl StateSource for Repaired {
    fn all(&self, kind: &str) -> Result<Vec<(String, Vec<u8>)>, String> {
        let own = self.0.iter().filter(|((of, _), _)| of == kind);
        Ok(own.map(|((_, key), value)| (key.clone(), value.clone())).collect())
    }
}

impl Repaired {
    fn keys(&self) -> BTreeMap<types::KeyId, Key> {
        let rows = self.0.iter().filter(|((of, _), _)| of == kind::KEY);
        rows.filter_map(|(_, value)| cbor::decode::<Key>(value).ok()).map(|key| (key.id, key)).collect()
    }
}

/// Is what a repair did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repair {
    /// The index of the record that says so; absent where nothing was to be written.
    pub receipt: Option<u64>,
    /// How many rows were written or removed.
    pub changed: usize,
}

/// Writes what is stored as the records have it, in the transaction of a record that says who did it and why.
///
/// Nothing is decided by policy here: whoever does it holds the folders, and the key of a person, who is recorded. The key is
/// held against those the records make, not against those that are stored.
///
/// - `token`: the person's bearer key.
///
/// # Errors
///
/// `request-invalid` without a reason, `forbidden` for a key that is not a person's or is an auditor's, `journal-mismatch`
/// if records do not follow upon those before them, or what the folders and the journal say. What is stored is then as it
/// was.
pub async fn write(config: Config, lock: Lock, found: &Found, token: &str, reason: &str) -> Failure<Repair> {
    if reason.trim().is_empty() {
        return Err(invalid("a repair needs a reason"));
    }
    if let Some(problem) = found.comparison.problems.first() {
        let says = format!("record {} does not follow upon those before it: {}", problem.index, problem.why);
        return Err(Refusal::plain(Code::JournalMismatch, says));
    }
    let changes = found.changes();
    let repaired = found.repaired(&changes);
    let by = holder_among(&repaired.keys(), token, config.place.clock.wall())?.principal;
    may_repair(found, &repaired, &by)?;
    let changed = changes.len();
    if changed == 0 {
        return Ok(Repair { receipt: None, changed });
    }
    let opened = open_over::<Decider>(&config.place, lock, seed(&config), &repaired)
        .map_err(|error| Refusal::plain(error.code(), error.to_string()))?;
    let change = Change::Rebuild(changes);
    let asked = opened.ledger.ask(Command::Local { change, by, reason: reason.to_owned() }).await;
    drop(opened.ledger);
    if opened.thread.join().is_err() {
        tracing::warn!("the journal was not closed cleanly");
    }
    let committed = asked?;
    match committed.reply {
        Reply::Refused { refusal, .. } => Err(*refusal),
        _ => Ok(Repair { receipt: committed.index, changed }),
    }
}

/// The bundle that the records have for the active one says who is an auditor.
fn may_repair(found: &Found, repaired: &Repaired, by: &Principal) -> Failure<()> {
    let Principal::Person(person) = by else { return Err(forbidden("what is stored is repaired by a person")) };
    let active = repaired.0.get(&(kind::BUNDLE.to_owned(), ACTIVE.to_owned()));
    let active: Option<Digest> = active.and_then(|digest| cbor::decode(digest).ok());
    let bundle = active.and_then(|digest| found.bundles.get(&digest).ok());
    if bundle.is_some_and(|bundle| bundle.data().is_auditor(person)) {
        return Err(forbidden("an auditor reads everything and changes nothing"));
    }
    Ok(())
}
