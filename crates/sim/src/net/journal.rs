//! The journal as it grows: when each record became durable by the true time, and how far each call has come.

use std::collections::BTreeMap;
use std::sync::Arc;

use evidence::{Field, RecordKind};
use ledger::history::Entry;
use types::{ActionId, Outcome, Verdict};

use crate::road::journal::{call_of, content, decided};

use super::scene::Scene;

/// Says how far the journal knows a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// People must decide.
    Held,
    /// It may be sent.
    Permitted(ActionId),
    /// What came of it is recorded.
    Ended,
}

/// Is what the driver knows of the journal.
#[derive(Default)]
pub struct Growth {
    /// When each record became durable, in milliseconds that truly passed.
    pub times: Vec<i64>,
    /// How far each call has come.
    pub calls: BTreeMap<u64, Stage>,
    bytes: Vec<Vec<u8>>,
}

impl Growth {
    /// Takes note of what has become durable.
    pub fn pull(&mut self, scene: &Arc<Scene>, size: u64) {
        if size <= self.times.len() as u64 {
            return;
        }
        let mut book = scene.book();
        let Some(mirror) = book.mirror.as_mut() else { return };
        mirror.pull();
        for entry in &mirror.entries[self.times.len()..] {
            self.times.push(scene.now());
            self.bytes.push(entry.bytes.clone());
            take(&mut self.calls, entry);
        }
    }

    /// Returns how many records at the beginning are still what they were, if not all of them.
    pub fn lost(&self, entries: &[Entry]) -> Option<usize> {
        let same = self.bytes.iter().zip(entries).take_while(|(known, entry)| **known == entry.bytes).count();
        (same < self.bytes.len()).then_some(same)
    }

    /// Says where a call is that nobody was told of.
    pub fn place(&self, scene: &Scene, call: u64) -> &'static str {
        let book = scene.book();
        let last = book.arrivals.iter().rposition(|arrival| arrival.call == call);
        let took_effect = last.is_some_and(|last| book.effects.contains(&last));
        let fate = last.and_then(|last| book.arrivals[last].fate);
        match (self.calls.get(&call), last, fate) {
            (None, None, _) => "not decided",
            (Some(Stage::Held), _, _) => "held",
            (Some(Stage::Ended), _, _) => "recorded but not told",
            (Some(Stage::Permitted(_)), None, _) => "permitted but not sent",
            (_, Some(_), None) if took_effect => "took effect unanswered",
            (_, Some(_), None) => "sent without effect yet",
            (_, Some(_), Some(_)) => "settled but not recorded",
        }
    }
}

fn take(calls: &mut BTreeMap<u64, Stage>, entry: &Entry) {
    if let Some((proposal, decision)) = decided(entry) {
        let Some(call) = call_of(&proposal) else { return };
        match decision.verdict {
            Verdict::Escalate(_) => drop(calls.insert(call, Stage::Held)),
            Verdict::Allow | Verdict::AllowObserved => drop(calls.insert(call, Stage::Permitted(proposal.id))),
            Verdict::Deny => {}
        }
    }
    if entry.leaf.kind == RecordKind::Outcome {
        let outcome = content(entry).get::<Outcome>(Field::Body).unwrap().unwrap();
        let ended = calls.values_mut().find(|stage| **stage == Stage::Permitted(outcome.action));
        if let Some(stage) = ended {
            *stage = Stage::Ended;
        }
    }
}
