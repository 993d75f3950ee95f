//! Live cases: opened by decisions, moved by votes, used up or ended.

use std::collections::BTreeSet;

use stages::approval::{self, Opening, Step, VoteError};
use stages::approval_budget;
use stages::reviewing;
use types::bundle::BundleData;
use types::case::{Case, CaseState, Vote};
use types::mutant::{self, Mutant};
use types::reviewing::Review;
use types::{ActionProposal, CaseId, Decision, Digest, Millis, ProfileId};

use super::ops::Ops;
use super::{Books, FoldError, Place};
use crate::state::kind;

/// Is what people have said about one exact action so far.
#[derive(Debug, Default)]
pub struct Tickets {
    /// The case that awaits votes, if there is one.
    pub open: Option<Case>,
    /// The cases whose approvals are real, unexpired and unconsumed, in order of opening.
    pub approved: Vec<Case>,
}

impl Tickets {
    /// Returns the profiles that are met, by all approved cases together.
    pub fn met(&self, bundle: &BundleData) -> BTreeSet<ProfileId> {
        self.approved.iter().flat_map(|case| approval::met(case, bundle)).collect()
    }

    /// Returns the last round that people have approved; 0 if none.
    pub fn round(&self) -> u32 {
        self.approved.iter().map(|case| case.round).max().unwrap_or(0)
    }

    /// Returns the case whose approval came last.
    pub fn last(&self) -> Option<&Case> {
        self.approved.iter().max_by_key(|case| case.round)
    }

    /// Says whether a case is one of these.
    pub fn has(&self, id: CaseId) -> bool {
        self.open.iter().chain(&self.approved).any(|case| case.id == id)
    }
}

impl Books {
    /// Finds the live cases about one exact action under a bundle.
    pub fn tickets(&self, digest: &Digest, bundle: &Digest, now: Millis) -> Tickets {
        let mut tickets = Tickets::default();
        let others = mutant::on(Mutant::ApprovalForOtherArguments);
        for case in self.cases.values().filter(|case| case.action_digest == *digest || others) {
            match case.state {
                CaseState::Open if now < case.expires => tickets.open = Some(case.clone()),
                CaseState::Approved if approval::consume(case, digest, bundle, now).is_ok() => {
                    tickets.approved.push(case.clone());
                }
                CaseState::Open
                | CaseState::Approved
                | CaseState::Denied
                | CaseState::Expired
                | CaseState::Void
                | CaseState::Consumed
                | CaseState::Withdrawn
                | CaseState::Returned
                | CaseState::Decoy => {}
            }
        }
        tickets.approved.sort_by_key(|case| (case.opened, case.id));
        tickets
    }

    fn put_case(&mut self, case: Case, ops: &mut Ops) {
        // A case that is over stays readable in the journal; only live ones are state.
        if matches!(case.state, CaseState::Open | CaseState::Approved) {
            ops.put(kind::CASE, case.id.to_string(), &case);
            self.cases.insert(case.id, case);
        } else {
            ops.delete(kind::CASE, case.id.to_string());
            self.cases.remove(&case.id);
        }
    }

    /// Opens the case that a decision asks for, unless it joins one.
    pub(super) fn asked(
        &mut self,
        (proposal, decision): (&ActionProposal, &Decision),
        profiles: &BTreeSet<ProfileId>,
        place: &Place<'_>,
        ops: &mut Ops,
    ) -> Result<Option<Case>, FoldError> {
        let Some(id) = decision.case.filter(|id| !self.cases.contains_key(id)) else { return Ok(None) };
        let round = decision.facts.int("approval.round").unwrap_or_default();
        let opening = Opening {
            id,
            action_digest: decision.action_digest,
            bundle: decision.bundle,
            opened_in: place.index,
            round: u32::try_from(round).unwrap_or(u32::MAX).saturating_add(1),
            returned: decision.facts.bool("approval.returned") == Some(true),
            passed: approval_budget::passed(&decision.facts),
            now: place.now,
        };
        let case = approval::open(proposal, profiles.clone(), place.bundle()?, opening);
        self.put_case(case.clone(), ops);
        Ok(Some(case))
    }

    /// Counts a vote that was recorded: whoever recorded it had it confirmed.
    pub(super) fn voted(&mut self, vote: &Vote, place: &Place<'_>, ops: &mut Ops) -> Result<Case, FoldError> {
        let case = self.cases.get(&vote.case).ok_or(FoldError::NoCase(vote.case))?;
        if !approval::is_backed(vote, self.delegations.values()) {
            return Err(VoteError::NotAsked(vote.person.clone()).into());
        }
        approval_budget::admit(case, vote, place.bundle()?, self.recent_votes.of(&vote.person))?;
        let step = approval::vote(case, vote.clone(), place.bundle()?, true)?;
        let case = step.case().clone();
        self.recent_votes.add(vote, &case, ops);
        if let Step::Denied(denied) = &step {
            self.refusals.keep(denied, place.now, ops);
        }
        self.put_case(case.clone(), ops);
        Ok(case)
    }

    /// Takes a review that was recorded.
    pub(super) fn reviewed(&mut self, review: &Review, place: &Place<'_>, ops: &mut Ops) -> Result<Case, FoldError> {
        let case = self.cases.get(&review.case).ok_or(FoldError::NoCase(review.case))?;
        let case = reviewing::review(case, review.clone(), place.bundle()?)?;
        if case.state == CaseState::Returned {
            self.returns.keep(&case, place.now, ops);
        }
        self.put_case(case.clone(), ops);
        Ok(case)
    }

    /// Ends a case without a vote.
    pub(super) fn ended(&mut self, id: &CaseId, state: CaseState, ops: &mut Ops) -> Result<Case, FoldError> {
        let case = self.cases.get(id).ok_or(FoldError::NoCase(*id))?;
        let case = Case { state, ..case.clone() };
        self.put_case(case.clone(), ops);
        Ok(case)
    }

    /// Uses up every ticket an action runs on.
    pub(super) fn consume(&mut self, decision: &Decision, now: Millis, ops: &mut Ops) -> Vec<Case> {
        if decision.case.is_none() || mutant::on(Mutant::ApprovalKept) {
            return Vec::new();
        }
        let tickets = self.tickets(&decision.action_digest, &decision.bundle, now).approved;
        // A vote may be erased by the time this is counted again, so that nobody knows of the approval.
        let named = decision.case.and_then(|id| self.cases.get(&id)).cloned();
        let named = named.filter(|case| tickets.iter().all(|ticket| ticket.id != case.id));
        let used = tickets.into_iter().chain(named).map(|case| Case { state: CaseState::Consumed, ..case });
        let used: Vec<Case> = used.collect();
        used.iter().for_each(|case| self.put_case(case.clone(), ops));
        used
    }
}
