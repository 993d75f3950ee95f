//! Tickets: the live cases about one exact action, and what their approvals amount to.

use std::collections::BTreeSet;

use ledger::Turn;
use stages::approval::{self, Opening};
use types::bundle::BundleData;
use types::case::{Case, CaseState};
use types::mutant::{self, Mutant};
use types::{ActionProposal, CaseId, Digest, Millis, ProfileId};

use super::Decider;

/// Is what people have said about one exact action so far.
#[derive(Debug, Default)]
pub(super) struct Tickets {
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

impl Decider {
    /// Finds the live cases about one exact action under the active bundle.
    pub(super) fn tickets(&self, digest: &Digest, now: Millis) -> Tickets {
        let bundle = self.bundle().digest();
        let mut tickets = Tickets::default();
        let others = mutant::on(Mutant::ApprovalForOtherArguments);
        for case in self.cases.values().filter(|case| case.action_digest == *digest || others) {
            match case.state {
                CaseState::Open if now < case.expires => tickets.open = Some(case.clone()),
                CaseState::Approved if approval::consume(case, digest, &bundle, now).is_ok() => {
                    tickets.approved.push(case.clone());
                }
                CaseState::Open
                | CaseState::Approved
                | CaseState::Denied
                | CaseState::Expired
                | CaseState::Void
                | CaseState::Consumed
                | CaseState::Withdrawn => {}
            }
        }
        tickets.approved.sort_by_key(|case| (case.opened, case.id));
        tickets
    }

    /// Returns the case that is open for just these profiles under the active bundle, if there is one.
    pub(super) fn joins(&self, tickets: &Tickets, profiles: &BTreeSet<ProfileId>) -> Option<Case> {
        let bundle = self.bundle().digest();
        tickets.open.clone().filter(|case| case.profiles == *profiles && case.bundle == bundle)
    }

    /// Joins the case that is open about this action, or opens one for what is still missing.
    pub(super) fn escalate(
        &mut self,
        proposal: &ActionProposal,
        profiles: BTreeSet<ProfileId>,
        tickets: &Tickets,
        changed: &mut Vec<Case>,
        turn: &mut Turn<'_>,
    ) -> Case {
        let bundle = self.bundle().digest();
        if let Some(open) = self.joins(tickets, &profiles) {
            return open;
        }
        if let Some(old) = &tickets.open {
            changed.extend(self.end_case(&old.id, approval::void, turn));
        }
        let opening = Opening {
            id: CaseId::draw(turn.now, turn.draw()),
            bundle,
            opened_in: turn.next_index(),
            round: tickets.round() + 1,
            now: turn.now,
        };
        let case = approval::open(proposal, profiles, self.bundle().data(), opening);
        self.put_case(case.clone(), turn);
        changed.push(case.clone());
        case
    }

    /// Uses up every ticket an action runs on, in the turn that records it.
    pub(super) fn consume(&mut self, digest: &Digest, tickets: Tickets, changed: &mut Vec<Case>, turn: &mut Turn<'_>) {
        if mutant::on(Mutant::ApprovalKept) {
            return;
        }
        let bundle = self.bundle().digest();
        for case in tickets.approved {
            // `tickets` has tried the same consumption with the same arguments in this very turn.
            if let Ok(consumed) = approval::consume(&case, digest, &bundle, turn.now) {
                self.put_case(consumed.clone(), turn);
                changed.push(consumed);
            }
        }
    }
}
