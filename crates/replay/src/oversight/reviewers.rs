//! What reviewer agents said, held against what people decided of it and how that ended.

use std::collections::BTreeMap;

use serde::Serialize;
use types::case::{Ballot, Case};
use types::reviewing::{Advice, Review};
use types::{ActionId, AgentId, CaseId, Digest, Millis, OutcomeStatus};

/// Is what one reviewer agent said in a period, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Reviews {
    /// Cases that it sent on to people.
    pub on: u64,
    /// Those of them that people approved.
    pub on_approved: u64,
    /// Those of them that people refused.
    pub on_refused: u64,
    /// Those that people approved and that failed or are in doubt.
    pub on_failed: u64,
    /// Cases that it sent back.
    pub back: u64,
    /// Those of them whose exact action was proposed again and approved: people decided otherwise.
    pub back_approved: u64,
    /// Those of them whose exact action was proposed again and refused.
    pub back_refused: u64,
    /// Those that people approved all the same and that failed or are in doubt: the reviewer may have been right.
    pub back_failed: u64,
}

/// Is the reviews of one agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OfReviewer {
    /// Which.
    pub reviewer: AgentId,
    /// What was counted.
    pub reviews: Reviews,
}

#[derive(Debug, Clone)]
struct Said {
    reviewer: AgentId,
    advice: Advice,
    at: Millis,
    /// What people decided.
    decided: Option<Ballot>,
    /// What they approved failed, or nobody knows.
    failed: bool,
}

/// Follows each review until people have decided and what they approved has ended.
#[derive(Debug, Clone, Default)]
pub(super) struct Reviewers {
    said: Vec<Said>,
    /// The reviews that sent a case on, by the case that is still open.
    sent_on: BTreeMap<CaseId, Vec<usize>>,
    /// The reviews that sent an exact action back on which people have not decided since.
    sent_back: BTreeMap<Digest, Vec<usize>>,
    /// The reviews of each case that people approved and that was not used yet.
    approved: BTreeMap<CaseId, Vec<usize>>,
    /// The reviews of what is in flight.
    running: BTreeMap<ActionId, Vec<usize>>,
}

impl Reviewers {
    /// Takes a review of a case.
    pub(super) fn reviewed(&mut self, case: &Case, review: &Review) {
        let place = self.said.len();
        let (reviewer, advice, at) = (review.reviewer.clone(), review.advice, review.at);
        self.said.push(Said { reviewer, advice, at, decided: None, failed: false });
        match advice {
            Advice::On => self.sent_on.entry(case.id).or_default().push(place),
            Advice::Back => {
                self.sent_on.remove(&case.id);
                self.sent_back.entry(case.action_digest).or_default().push(place);
            }
        }
    }

    /// Takes what people decided on a case.
    pub(super) fn decided(&mut self, case: &Case, ballot: Ballot) {
        let mut places = self.sent_on.remove(&case.id).unwrap_or_default();
        places.extend(self.sent_back.remove(&case.action_digest).unwrap_or_default());
        for place in &places {
            self.said.get_mut(*place).into_iter().for_each(|said| said.decided = Some(ballot));
        }
        if ballot == Ballot::Approve && !places.is_empty() {
            self.approved.insert(case.id, places);
        }
    }

    /// Forgets a case that ended without people.
    pub(super) fn closed(&mut self, case: &CaseId) {
        self.sent_on.remove(case);
        self.approved.remove(case);
    }

    /// Takes a permit that runs on approved cases.
    pub(super) fn permitted(&mut self, action: ActionId, cases: &[CaseId]) {
        let places: Vec<usize> = cases.iter().filter_map(|case| self.approved.remove(case)).flatten().collect();
        if !places.is_empty() {
            self.running.insert(action, places);
        }
    }

    /// Takes how an action ended.
    pub(super) fn landed(&mut self, action: &ActionId, status: OutcomeStatus) {
        let failed = matches!(status, OutcomeStatus::Failed | OutcomeStatus::InDoubt);
        for place in self.running.remove(action).into_iter().flatten().filter(|_| failed) {
            self.said.get_mut(place).into_iter().for_each(|said| said.failed = true);
        }
    }

    /// Returns what each reviewer said from an instant on, in order of name.
    pub(super) fn report(&self, within: impl Fn(Millis) -> bool) -> Vec<OfReviewer> {
        let mut all: BTreeMap<&AgentId, Reviews> = BTreeMap::new();
        for said in self.said.iter().filter(|said| within(said.at)) {
            all.entry(&said.reviewer).or_default().count(said);
        }
        all.into_iter().map(|(reviewer, reviews)| OfReviewer { reviewer: reviewer.clone(), reviews }).collect()
    }
}

impl Reviews {
    fn count(&mut self, said: &Said) {
        let (all, approved, refused, failed) = match said.advice {
            Advice::On => (&mut self.on, &mut self.on_approved, &mut self.on_refused, &mut self.on_failed),
            Advice::Back => (&mut self.back, &mut self.back_approved, &mut self.back_refused, &mut self.back_failed),
        };
        *all += 1;
        *approved += u64::from(said.decided == Some(Ballot::Approve));
        *refused += u64::from(said.decided == Some(Ballot::Deny));
        *failed += u64::from(said.failed);
    }
}
