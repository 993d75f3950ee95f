//! What must hold, judged from the journal, the upstream's book, and what agents and people were told.
//!
//! Policy, approvals, budgets and what left are held to the rules of the road's oracle; what only a network shows stands
//! here.

mod time;
mod told;

use std::collections::BTreeMap;

use ledger::history::Entry;
use types::{OutcomeStatus, SessionId};

use crate::road::coverage::Coverage;
use crate::road::journal::decided;
use crate::road::oracle::{effects, records::Fold};

use super::journal::Growth;
use super::scene::Scene;

/// Is a run that has ended.
pub struct Run {
    /// The journal after the last start.
    pub entries: Vec<Entry>,
    /// How it grew.
    pub growth: Growth,
    /// How long the gateway was down, in milliseconds.
    pub down_ms: i64,
}

impl Run {
    /// Returns when a record became durable, in milliseconds that truly passed; what only the last start wrote came last.
    pub fn at(&self, index: u64) -> i64 {
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        self.growth.times.get(index).copied().unwrap_or(i64::MAX)
    }
}

/// Judges a run; what is wrong is added to what was seen to be.
pub fn judge(scene: &Scene, run: &Run) -> Coverage {
    let mut wrong = Vec::new();
    let fold = Fold::over(&run.entries, &mut wrong);
    let seen = &mut *scene.seen();
    effects::judge(&scene.book(), &seen.trace, &fold, &mut wrong);
    told::judge(scene, seen, run, &fold, &mut wrong);
    time::judge(run, &mut wrong);
    sessions(&run.entries, &mut wrong);
    if let Some(same) = run.growth.lost(&run.entries) {
        wrong.push(format!("only the first {same} of {} records survived", run.growth.times.len()));
    }
    seen.trace.wrong.extend(wrong);
    coverage(scene, std::mem::take(&mut seen.coverage), run, &fold)
}

fn sessions(entries: &[Entry], wrong: &mut Vec<String>) {
    let mut next: BTreeMap<SessionId, u64> = BTreeMap::new();
    for entry in entries {
        let Some(place) = &entry.leaf.session else { continue };
        let expected = next.entry(place.session).or_default();
        if place.seq != *expected {
            wrong.push(format!("record {} is number {} of its session, not {expected}", entry.index, place.seq));
        }
        *expected = place.seq + 1;
    }
}

fn coverage(scene: &Scene, mut coverage: Coverage, run: &Run, fold: &Fold) -> Coverage {
    for entry in &run.entries {
        coverage.count("records", entry.leaf.kind.as_str());
        if let Some((_, decision)) = decided(entry) {
            coverage.count("verdicts", decision.verdict.as_str());
        }
    }
    for permitted in fold.permitted.values() {
        let status = permitted.outcome.as_ref().map_or("none", |(_, outcome)| outcome.status.as_str());
        coverage.count("outcomes", status);
        if permitted.outcome.as_ref().is_some_and(|(_, o)| o.status != OutcomeStatus::NotDispatched && o.dispatches > 1)
        {
            coverage.count("outcomes", "sent again");
        }
    }
    let book = scene.book();
    for effect in &book.effects {
        coverage.count("effects", book.arrivals[*effect].tool.clone());
    }
    coverage
}
