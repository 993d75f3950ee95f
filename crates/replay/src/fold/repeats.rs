//! Idempotency keys: each stands for one answer of one principal, for a time, and there are only so many.

use std::collections::{BTreeMap, BTreeSet};

use types::{ActionId, Digest, Millis, Principal};

use super::due::Due;
use super::leaving::Leaving;
use super::ops::Ops;
use super::source::{Rows, read};
use crate::state::kind;

/// Is how long an idempotency key stands for its answer, in milliseconds of the journal's time: 24 hours.
pub const KEY_MS: i64 = 86_400_000;

/// Is how many idempotency keys of one principal are kept; a proposal with another is refused until one ends.
pub const KEYS_MAX: usize = 100_000;

/// Is what a key stands for, and when it ends.
type Entry = (ActionId, Digest, Millis);

/// Is what is known of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// It did not come before, or has ended.
    New,
    /// It stands for an action, of this digest.
    For(ActionId, Digest),
    /// It did not come before, and no more keys of its principal are kept.
    Full,
}

/// Holds the keys that have not ended, by principal and key.
#[derive(Debug, Clone, Default)]
pub struct Repeats {
    seen: BTreeMap<String, BTreeMap<String, Entry>>,
    due: Due<(String, String)>,
}

fn place(principal: &str, key: &str) -> String {
    format!("{principal}/{key}")
}

impl Repeats {
    pub(super) fn load(rows: &Rows<'_>) -> Result<Self, String> {
        let mut repeats = Self::default();
        for (place, entry) in read::<Entry>(rows, kind::IDEMPOTENCY)? {
            // No principal has a slash in its name; a key may have some.
            let (principal, key) = place.split_once('/').ok_or("an idempotency key is nobody's")?;
            repeats.put(principal, key, entry);
        }
        Ok(repeats)
    }

    /// Says for what a key of a principal stands at `now`.
    pub fn of(&self, principal: &Principal, key: &str, now: Millis) -> Known {
        let Some(keys) = self.seen.get(&principal.to_string()) else { return Known::New };
        match keys.get(key).filter(|(_, _, end)| now < *end) {
            Some((action, digest, _)) => Known::For(*action, *digest),
            None if keys.len() >= KEYS_MAX => Known::Full,
            None => Known::New,
        }
    }

    pub(super) fn remember(
        &mut self,
        principal: &Principal,
        key: &str,
        answer: (ActionId, Digest),
        now: Millis,
        ops: &mut Ops,
    ) {
        let principal = principal.to_string();
        let entry = (answer.0, answer.1, now.plus(KEY_MS));
        ops.put(kind::IDEMPOTENCY, place(&principal, key), &entry);
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
    pub(super) fn sweep(&mut self, now: Millis, ops: &mut Ops) {
        let ended = self.due.ended(now);
        self.remove_all(ended, ops);
    }

    /// Forgets the keys of a subject that is erased, and those that stand for an action recorded about it.
    pub(super) fn remove(&mut self, leaving: &Leaving<'_>, ops: &mut Ops) {
        self.remove_where(|principal| leaving.is_named(principal), |action| leaving.has(action), ops);
    }

    /// Forgets the keys that stand for some actions.
    pub(super) fn remove_of(&mut self, actions: &BTreeSet<ActionId>, ops: &mut Ops) {
        self.remove_where(|_| false, |action| actions.contains(action), ops);
    }

    fn remove_where(&mut self, whose: impl Fn(&str) -> bool, of: impl Fn(&ActionId) -> bool, ops: &mut Ops) {
        let mut theirs = Vec::new();
        for (principal, keys) in &self.seen {
            let whole = whose(principal);
            let of_these = keys.iter().filter(|(_, (action, _, _))| whole || of(action));
            theirs.extend(of_these.map(|(key, _)| (principal.clone(), key.clone())));
        }
        self.remove_all(theirs, ops);
    }

    fn remove_all(&mut self, ids: Vec<(String, String)>, ops: &mut Ops) {
        for id in ids {
            let (principal, key) = &id;
            ops.delete(kind::IDEMPOTENCY, place(principal, key));
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
