//! Refusals: an exact action that a person refused is not put to people again for a time.

use std::collections::BTreeMap;

use ledger::{StateSource, Turn};
use types::case::Case;
use types::{Digest, Millis};

use super::due::Due;
use super::read;
use crate::state::kind;

/// Holds the refused actions that may not be proposed again yet, by their digest.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    ends: BTreeMap<Digest, Millis>,
    due: Due<Digest>,
}

impl Refusals {
    pub(super) fn load(source: &dyn StateSource) -> Result<Self, String> {
        let mut refusals = Self::default();
        for (_, (action, end)) in read::<(Digest, Millis)>(source, kind::REFUSAL)? {
            refusals.put(action, end);
        }
        Ok(refusals)
    }

    /// Says whether a person refused this exact action and that still holds.
    pub(super) fn hold(&self, action: &Digest, now: Millis) -> bool {
        self.ends.get(action).is_some_and(|end| now < *end)
    }

    /// Keeps a refusal for as long as people had to decide, counted from the vote.
    pub(super) fn keep(&mut self, case: &Case, turn: &mut Turn<'_>) {
        let end = turn.now.plus(case.expires.since(case.opened));
        turn.put(kind::REFUSAL, case.action_digest.to_string(), &(case.action_digest, end));
        self.put(case.action_digest, end);
    }

    fn put(&mut self, action: Digest, end: Millis) {
        if let Some(before) = self.ends.insert(action, end) {
            self.due.remove(before, action);
        }
        self.due.add(end, action);
    }

    /// Forgets the refusals that have ended.
    pub(super) fn sweep(&mut self, turn: &mut Turn<'_>) {
        for action in self.due.ended(turn.now) {
            turn.delete(kind::REFUSAL, action.to_string());
            if let Some(end) = self.ends.remove(&action) {
                self.due.remove(end, action);
            }
        }
    }
}
