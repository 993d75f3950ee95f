//! Idempotency keys: each stands for one answer of one principal, for a time, and there are only so many.

use std::collections::BTreeMap;

use ledger::{StateSource, Turn};
use types::{ActionId, ActionProposal, Code, Digest, Millis, Principal};

use super::due::Due;
use super::erase::Leaving;
use super::{Reply, read};
use crate::state::kind;

/// Is how long an idempotency key stands for its answer, in milliseconds of the journal's time: 24 hours.
pub const KEY_MS: i64 = 86_400_000;

/// Is how many idempotency keys of one principal are kept; a proposal with another is refused until one ends.
pub const KEYS_MAX: usize = 100_000;

/// Is what a key stands for, and when it ends.
type Entry = (ActionId, Digest, Millis);

/// Holds the keys that have not ended, by principal and key.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    seen: BTreeMap<String, BTreeMap<String, Entry>>,
    due: Due<(String, String)>,
}

fn place(principal: &str, key: &str) -> String {
    format!("{principal}/{key}")
}

impl Repeats {
    pub(super) fn load(source: &dyn StateSource) -> Result<Self, String> {
        let mut repeats = Self::default();
        for (place, entry) in read::<Entry>(source, kind::IDEMPOTENCY)? {
            // No principal has a slash in its name; a key may have some.
            let (principal, key) = place.split_once('/').ok_or("an idempotency key is nobody's")?;
            repeats.put(principal, key, entry);
        }
        Ok(repeats)
    }

    /// Returns the answer to a proposal whose key came before, or that brings one more than may be kept.
    pub(super) fn answer(&self, proposal: &ActionProposal, key: &str, now: Millis) -> Option<Reply> {
        let keys = self.seen.get(&proposal.principal.to_string())?;
        match keys.get(key).filter(|(_, _, end)| now < *end) {
            Some((action, digest, _)) if *digest == proposal.digest() => Some(Reply::Repeated(*action)),
            Some(_) => {
                Some(Reply::refused(Code::IdempotencyConflict, "this idempotency key came before with another action"))
            }
            None if keys.len() >= KEYS_MAX => {
                let message = format!("{KEYS_MAX} idempotency keys of the last 24 hours are kept; wait until one ends");
                Some(Reply::refused(Code::Overloaded, message))
            }
            None => None,
        }
    }

    pub(super) fn remember(
        &mut self,
        principal: &Principal,
        key: &str,
        answer: (ActionId, Digest),
        turn: &mut Turn<'_>,
    ) {
        let principal = principal.to_string();
        let entry = (answer.0, answer.1, turn.now.plus(KEY_MS));
        turn.put(kind::IDEMPOTENCY, place(&principal, key), &entry);
        self.put(&principal, key, entry);
    }

    fn put(&mut self, principal: &str, key: &str, entry: Entry) {
        let id = (principal.to_owned(), key.to_owned());
        let before = self.seen.entry(id.0.clone()).or_default().insert(id.1.clone(), entry);
        if let Some((_, _, end)) = before {
            self.due.remove(end, id.clone());
        }
        self.due.add(entry.2, id);
    }

    /// Forgets the keys that have ended.
    pub(super) fn sweep(&mut self, turn: &mut Turn<'_>) {
        let ended = self.due.ended(turn.now);
        self.remove_all(ended, turn);
    }

    /// Forgets the keys of a subject that is erased, and those that stand for an action recorded about it.
    pub(super) fn remove(&mut self, leaving: &Leaving<'_>, turn: &mut Turn<'_>) {
        let mut theirs = Vec::new();
        for (principal, keys) in &self.seen {
            let whole = leaving.is_named(principal);
            let of_these = keys.iter().filter(|(_, (action, _, _))| whole || leaving.has(action));
            theirs.extend(of_these.map(|(key, _)| (principal.clone(), key.clone())));
        }
        self.remove_all(theirs, turn);
    }

    fn remove_all(&mut self, ids: Vec<(String, String)>, turn: &mut Turn<'_>) {
        for id in ids {
            let (principal, key) = &id;
            turn.delete(kind::IDEMPOTENCY, place(principal, key));
            let Some(keys) = self.seen.get_mut(principal) else { continue };
            let end = keys.remove(key).map(|(_, _, end)| end);
            if keys.is_empty() {
                self.seen.remove(principal);
            }
            if let Some(end) = end {
                self.due.remove(end, id);
            }
        }
    }
}
