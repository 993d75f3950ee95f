//! Reviews: what a reviewer agent sees of the cases it is asked about, and what it says.

use stages::reviewing;
use types::case::{Case, CaseState};
use types::reviewing::{Advice, Review};
use types::{AgentId, CaseId, Code, Digest, Millis};

use crate::approvals::CaseView;
use crate::control::Control;
use crate::door::Refusal;
use crate::error::{Failure, invalid, not_found};
use crate::machine::Command;

/// Is how long the reason of a review may be, in bytes.
pub const REASON_BYTES_MAX: usize = 4_096;

/// Is a case that a reviewer is asked about.
#[derive(Debug, Clone, PartialEq)]
pub struct ReviewView {
    /// The case with what it is about.
    pub view: CaseView,
    /// Until when the reviewer is asked.
    pub until: Millis,
}

impl Control {
    /// Lets an agent go on whom no kill switch covers.
    fn may_speak(&self, reviewer: &AgentId) -> Failure<()> {
        let tenant = &self.config.tenant;
        if self.switches().iter().any(|switch| switch.target.covers(tenant, Some(reviewer), None, None)) {
            return Err(Refusal::plain(Code::Killed, "a kill switch covers the reviewer, so it sees and says nothing"));
        }
        Ok(())
    }

    fn asked_until(&self, reviewer: &AgentId, case: &Case) -> Option<Millis> {
        let (snapshot, now) = (self.snapshot(), self.now());
        let bundle = snapshot.bundle.data();
        let open = reviewing::is_open(case, reviewer, bundle, now);
        // No agent hears of a decoy: people alone are tested.
        reviewing::asked_until(case, reviewer, bundle, now).filter(|_| open && !self.is_decoy(case))
    }

    /// Returns the cases that a reviewer is asked about and has not answered, in order of opening, each with until when; of an agent
    /// that is no reviewer there are none.
    ///
    /// # Errors
    ///
    /// `killed` if a switch covers it.
    pub fn reviews_of(&self, reviewer: &AgentId) -> Failure<Vec<(Case, Millis)>> {
        self.may_speak(reviewer)?;
        let asked = |case: Case| self.asked_until(reviewer, &case).map(|until| (case, until));
        Ok(self.cases().into_iter().filter_map(asked).collect())
    }

    /// Returns a case that a reviewer is asked about and has not answered.
    ///
    /// # Errors
    ///
    /// As [`Control::reviews_of`], and `not-found` for every other case, be there one or not.
    pub fn review_case(&self, reviewer: &AgentId, id: &CaseId) -> Failure<ReviewView> {
        self.may_speak(reviewer)?;
        let nothing = || not_found(format!("case {id}"));
        let case = self.board.get(id).ok_or_else(nothing)?;
        let until = self.asked_until(reviewer, &case).ok_or_else(nothing)?;
        Ok(ReviewView { view: self.case(id)?, until })
    }

    /// Takes a review of a case by an agent that is asked about it.
    ///
    /// # Errors
    ///
    /// `request-invalid` without a reason or with one that is too long; as [`Control::reviews_of`]; `not-found` if nobody asks the
    /// agent about such a case; otherwise as the rules say: `shown-mismatch`, `case-closed`, `vote-repeated`, `review-over`,
    /// `review-spent`.
    pub async fn give_review(
        &self,
        reviewer: &AgentId,
        case: CaseId,
        advice: Advice,
        reason: &str,
        shown: Digest,
    ) -> Failure<Case> {
        if reason.trim().is_empty() || reason.len() > REASON_BYTES_MAX {
            return Err(invalid(format!("a review needs a reason, of at most {REASON_BYTES_MAX} bytes")));
        }
        self.may_speak(reviewer)?;
        let nothing = || not_found(format!("case {case}"));
        let kept = self.board.get(&case).ok_or_else(nothing)?;
        let at = self.now();
        let asked = reviewing::asked_until(&kept, reviewer, self.snapshot().bundle.data(), at);
        asked.filter(|_| !self.is_decoy(&kept)).ok_or_else(nothing)?;
        if !matches!(kept.state, CaseState::Open) {
            let message = format!("the case `{case}` is {} already", kept.state.as_str());
            return Err(Refusal::plain(Code::CaseClosed, message));
        }
        let (reviewer, reason) = (reviewer.clone(), reason.to_owned());
        let review = Review { case, reviewer, family: String::new(), advice, reason, shown, at };
        self.ask(Command::Review(review)).await?;
        self.board.get(&case).ok_or_else(nothing)
    }
}
