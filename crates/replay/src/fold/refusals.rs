//! Refusals: an exact action that a person refused is not put to people again for a time, and one that a reviewer sent back
//! is not sent back again.

use std::collections::{BTreeMap, BTreeSet};

use types::case::Case;
use types::{ActionId, Digest, Millis};

use super::due::Due;
use super::leaving::Leaving;
use super::ops::Ops;
use super::source::{Rows, read};
use crate::state::Refused;

/// Holds the actions that may not be proposed, or sent back, again yet, by their digest.
#[derive(Debug, Clone)]
pub struct Refusals {
    /// The kind of their rows.
    kind: &'static str,
    held: BTreeMap<Digest, Refused>,
    due: Due<Digest>,
}

impl Refusals {
    pub(super) fn none(kind: &'static str) -> Self {
        Self { kind, held: BTreeMap::new(), due: Due::default() }
    }

    pub(super) fn load(rows: &Rows<'_>, kind: &'static str) -> Result<Self, String> {
        let mut refusals = Self::none(kind);
        for (_, refused) in read::<Refused>(rows, kind)? {
            refusals.put(refused);
        }
        Ok(refusals)
    }

    /// Says whether this exact action was refused, or sent back, and that still holds.
    pub fn hold(&self, action: &Digest, now: Millis) -> bool {
        self.held.get(action).is_some_and(|refused| now < refused.end)
    }

    /// Keeps a refusal for as long as people had to decide, counted from the vote or the review.
    pub(super) fn keep(&mut self, case: &Case, now: Millis, ops: &mut Ops) {
        let end = now.plus(case.expires.since(case.opened));
        let refused = Refused { digest: case.action_digest, end, opened_by: Some(case.action) };
        ops.put(self.kind, case.action_digest.to_string(), &refused);
        self.put(refused);
    }

    fn put(&mut self, refused: Refused) {
        if let Some(before) = self.held.insert(refused.digest, refused) {
            self.due.remove(before.end, before.digest);
        }
        self.due.add(refused.end, refused.digest);
    }

    /// Forgets the refusals that have ended.
    pub(super) fn sweep(&mut self, now: Millis, ops: &mut Ops) {
        let ended = self.due.ended(now);
        self.remove_all(ended, ops);
    }

    /// Forgets the refusals whose actions are recorded about a subject that is erased.
    pub(super) fn remove(&mut self, leaving: &Leaving<'_>, ops: &mut Ops) {
        self.remove_where(|action| leaving.has(action), ops);
    }

    /// Forgets the refusals of cases that some actions opened.
    pub(super) fn remove_of(&mut self, actions: &BTreeSet<ActionId>, ops: &mut Ops) {
        self.remove_where(|action| actions.contains(action), ops);
    }

    fn remove_where(&mut self, of: impl Fn(&ActionId) -> bool, ops: &mut Ops) {
        let theirs = self.held.values().filter(|refused| refused.opened_by.is_some_and(|action| of(&action)));
        let theirs = theirs.map(|refused| refused.digest).collect();
        self.remove_all(theirs, ops);
    }

    fn remove_all(&mut self, actions: Vec<Digest>, ops: &mut Ops) {
        for action in actions {
            ops.delete(self.kind, action.to_string());
            if let Some(refused) = self.held.remove(&action) {
                self.due.remove(refused.end, action);
            }
        }
    }
}
