//! Decoys: shown to people as a case is, and kept apart from every case.
//!
//! Nothing here touches a case, a refusal, a meter, a breaker, a session or an hour of an agent: no agent has asked. A vote counts for
//! whoever cast it, since it took their attention as any other does.

use stages::approval::{self, Opening, VoteError};
use stages::approval_budget;
use types::case::{Case, CaseState, Vote};
use types::{CaseId, Verdict};

use super::event::DecoyShown;
use super::ops::Ops;
use super::{Books, FoldError, Place};
use crate::state::{Decoy, kind};

impl Books {
    /// Opens a decoy, as a decision that puts its action to people would open a case.
    pub(super) fn decoy_shown(
        &mut self,
        shown: &DecoyShown,
        place: &Place<'_>,
        ops: &mut Ops,
    ) -> Result<Case, FoldError> {
        let DecoyShown { proposal, decision, template } = shown;
        let (Some(id), Verdict::Escalate(profiles)) = (decision.case, &decision.verdict) else {
            return Err(FoldError::Unreadable);
        };
        let opening = Opening {
            id,
            action_digest: decision.action_digest,
            bundle: decision.bundle,
            opened_in: place.index,
            round: 1,
            returned: decision.facts.bool("approval.returned") == Some(true),
            passed: approval_budget::passed(&decision.facts),
            now: place.now,
        };
        let case = approval::open(proposal, profiles.clone(), place.bundle()?, opening);
        let decoy = Decoy { case: case.clone(), template: template.clone() };
        ops.put(kind::DECOY, id.to_string(), &decoy);
        self.decoys.insert(id, decoy);
        Ok(case)
    }

    /// Ends a decoy by the first vote on it, which would have counted on a case.
    pub(super) fn decoy_voted(&mut self, vote: Vote, place: &Place<'_>, ops: &mut Ops) -> Result<Case, FoldError> {
        let case = &self.decoys.get(&vote.case).ok_or(FoldError::NoCase(vote.case))?.case;
        if !approval::is_backed(&vote, self.delegations.values()) {
            return Err(VoteError::NotAsked(vote.person.clone()).into());
        }
        approval_budget::admit(case, &vote, place.bundle()?, self.recent_votes.of(&vote.person))?;
        let voted = approval::vote(case, vote.clone(), place.bundle()?, true)?.case().clone();
        self.recent_votes.add(&vote, &voted, ops);
        Ok(self.close_decoy(Case { state: CaseState::Decoy, ..voted }, ops))
    }

    /// Ends a decoy without a vote.
    pub(super) fn decoy_ended(&mut self, id: &CaseId, state: CaseState, ops: &mut Ops) -> Result<Case, FoldError> {
        let case = self.decoys.get(id).ok_or(FoldError::NoCase(*id))?.case.clone();
        Ok(self.close_decoy(Case { state, ..case }, ops))
    }

    fn close_decoy(&mut self, case: Case, ops: &mut Ops) -> Case {
        ops.delete(kind::DECOY, case.id.to_string());
        self.decoys.remove(&case.id);
        case
    }
}
