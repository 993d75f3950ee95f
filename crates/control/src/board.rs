//! The board: durable cases as people see them, and those who wait for them.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use ledger::sync::{Mutex, MutexGuard, watch};
use types::case::{Case, CaseState};
use types::mutant::{self, Mutant};
use types::{CaseId, PersonId, Principal};

/// Is how many ended cases stay on the board; older ones are in the journal.
const ENDED_MAX: usize = 10_000;

/// Shows cases after they are durable.
#[derive(Debug, Default)]
pub struct Board {
    cases: Mutex<BTreeMap<CaseId, Case>>,
    /// How many calls wait for each case.
    waiting: Mutex<BTreeMap<CaseId, usize>>,
    changes: watch::Sender<u64>,
}

impl Board {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<CaseId, Case>> {
        // Every change is one insert or remove, so a panic elsewhere leaves the map whole.
        self.cases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts changed cases up, once their records are durable.
    pub fn put(&self, changed: &[Case]) {
        if changed.is_empty() {
            return;
        }
        let mut cases = self.lock();
        for case in changed {
            cases.insert(case.id, case.clone());
        }
        forget_oldest(&mut cases);
        drop(cases);
        self.changes.send_modify(|n| *n = n.wrapping_add(1));
    }

    /// Takes down the cases of a subject that was erased, and those on which it voted.
    pub fn forget(&self, subject: &Principal) {
        let person = |name: &PersonId| matches!(subject, Principal::Person(own) if own == name);
        let theirs = |case: &Case| {
            let reviewed = case.reviews.iter().any(|review| subject.agent() == Some(&review.reviewer));
            let voted = case.votes.iter().any(|vote| person(&vote.person) || person(vote.of()));
            case.requester == *subject || case.on_behalf_of.as_ref().is_some_and(person) || voted || reviewed
        };
        self.lock().retain(|_, case| !theirs(case));
        self.changes.send_modify(|n| *n = n.wrapping_add(1));
    }

    /// Returns a case.
    pub fn get(&self, id: &CaseId) -> Option<Case> {
        self.lock().get(id).cloned()
    }

    /// Returns all cases in order of opening.
    pub fn all(&self) -> Vec<Case> {
        let mut all: Vec<Case> = self.lock().values().cloned().collect();
        all.sort_by_key(|case| (case.opened, case.id));
        all
    }

    /// Says whether anybody waits for a case.
    pub fn is_awaited(&self, id: &CaseId) -> bool {
        self.lock_waiting().contains_key(id)
    }

    fn lock_waiting(&self) -> MutexGuard<'_, BTreeMap<CaseId, usize>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells of each change of the board from now on.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Waits for the first case for which something is true.
    pub async fn first(&self, is: impl Fn(&Case) -> bool) -> Case {
        let mut changes = self.changes.subscribe();
        loop {
            if let Some(case) = self.lock().values().find(|case| is(case)) {
                return case.clone();
            }
            // The board itself holds the sender, so there is always another change to come.
            let _ = changes.changed().await;
        }
    }

    /// Waits until a case is no longer open.
    pub async fn decided(&self, id: &CaseId) -> Option<Case> {
        let _waiting = Waiting::begin(self, *id);
        let mut changes = self.changes.subscribe();
        loop {
            let case = self.get(id)?;
            if case.state != CaseState::Open {
                return Some(case);
            }
            if mutant::on(Mutant::WaiterLooksFirst) {
                changes = self.changes.subscribe();
            }
            changes.changed().await.ok()?;
        }
    }
}

/// Is one call that waits for a case, until it is dropped.
struct Waiting<'a> {
    board: &'a Board,
    case: CaseId,
}

impl<'a> Waiting<'a> {
    fn begin(board: &'a Board, case: CaseId) -> Self {
        *board.lock_waiting().entry(case).or_default() += 1;
        Self { board, case }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut waiting = self.board.lock_waiting();
        match waiting.get_mut(&self.case) {
            Some(calls) if *calls > 1 => *calls -= 1,
            _ => drop(waiting.remove(&self.case)),
        }
    }
}

fn forget_oldest(cases: &mut BTreeMap<CaseId, Case>) {
    let live = |case: &Case| matches!(case.state, CaseState::Open | CaseState::Approved);
    let ended: Vec<CaseId> = cases.values().filter(|case| !live(case)).map(|case| case.id).collect();
    // Identifiers begin with their time, so the first are the oldest.
    for id in ended.iter().take(ended.len().saturating_sub(ENDED_MAX)) {
        cases.remove(id);
    }
}
