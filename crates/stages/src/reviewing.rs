//! Reviewing: an independent agent looks at a case and sends it on to people, or back.
//!
//! A review is no vote: it is another type, kept apart, and nothing that counts approvals reads it. It can take nobody's place
//! whom a profile asks. Where a profile says `review_first`, approvals wait for it, refusals never; the end of the case does not move.

use types::bundle::BundleData;
use types::case::{Case, CaseState};
use types::reviewing::{Advice, Review};
use types::{AgentId, CaseId, Code, Millis};

use crate::approval::closed_as;
use crate::escalation;
use crate::matter::Matter;

/// Says why a review does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReviewError {
    /// Nobody asks this agent about the case, so that it learns nothing of it, not even that there is one.
    #[error("there is no case {0}")]
    NotAsked(CaseId),
    /// The review is about another case or another text than the one the case shows.
    #[error("the review is about something else than the case `{0}` shows")]
    ShownMismatch(CaseId),
    /// The case is decided, void, withdrawn or past its time.
    #[error("the case `{case}` is {} already", .state.as_str())]
    Closed {
        /// The case.
        case: CaseId,
        /// Where it stands.
        state: CaseState,
    },
    /// The agent has reviewed this case.
    #[error("`agent:{0}` has reviewed this case already")]
    Repeated(AgentId),
    /// The time of its reviewers is over.
    #[error("the time in which the case `{0}` is reviewed is over; it is with people")]
    Over(CaseId),
    /// This exact action was sent back before.
    #[error("the action of the case `{0}` was sent back before, so people decide it; say `on`, with your reason")]
    Spent(CaseId),
}

impl ReviewError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> Code {
        match self {
            Self::NotAsked(_) => Code::NotFound,
            Self::ShownMismatch(_) => Code::ShownMismatch,
            Self::Closed { .. } => Code::CaseClosed,
            Self::Repeated(_) => Code::VoteRepeated,
            Self::Over(_) => Code::ReviewOver,
            Self::Spent(_) => Code::ReviewSpent,
        }
    }
}

/// Returns until when an agent is asked to review a case, as of an instant; `None` if nobody has asked it by then.
///
/// The instant may lie in the past: then its time is over.
pub fn asked_until(case: &Case, reviewer: &AgentId, bundle: &BundleData, now: Millis) -> Option<Millis> {
    let matter = Matter::of_case(case, bundle);
    let steps = case.profiles.iter().flat_map(|id| escalation::path(matter, id, case.opened));
    let asks = |step: &escalation::Step<'_>| {
        step.begins <= now && step.begins < step.reviewed_to && matter.reviewers(step.profile).any(|id| id == reviewer)
    };
    steps.filter(asks).map(|step| step.reviewed_to).max()
}

/// Says whether an agent has a case to review at an instant: it is asked, has time left and has not answered.
pub fn is_open(case: &Case, reviewer: &AgentId, bundle: &BundleData, now: Millis) -> bool {
    let has_answered = case.reviews.iter().any(|review| review.reviewer == *reviewer);
    let in_time = asked_until(case, reviewer, bundle, now).is_some_and(|until| now < until);
    in_time && !has_answered && closed_as(case, now).is_none()
}

/// Takes one review of an open case and returns where the case stands then: still open, or sent back.
///
/// Pure: the review's own `at` is the only time it knows. No review approves, and none refuses for good: an exact action is
/// sent back once, and proposed again it goes on to people.
///
/// # Errors
///
/// In this order: [`ReviewError::NotAsked`] if no step that has begun asks this agent, it may not review the matter, or the review
/// names another family than the bundle declares;
/// [`ReviewError::ShownMismatch`] if the review names another case or another shown digest; [`ReviewError::Closed`] if the case
/// is not open or past its time; [`ReviewError::Repeated`] if the agent has reviewed it; [`ReviewError::Over`] from the end of
/// the reviewers' time on; [`ReviewError::Spent`] if it sends back what was sent back before. No others.
pub fn review(case: &Case, review: Review, bundle: &BundleData) -> Result<Case, ReviewError> {
    let is_declared =
        bundle.agents.get(&review.reviewer).is_some_and(|agent| agent.model_family.as_ref() == Some(&review.family));
    let until = asked_until(case, &review.reviewer, bundle, review.at).filter(|_| is_declared);
    let until = until.ok_or(ReviewError::NotAsked(review.case))?;
    if review.case != case.id || review.shown != case.shown {
        return Err(ReviewError::ShownMismatch(case.id));
    }
    if let Some(state) = closed_as(case, review.at) {
        return Err(ReviewError::Closed { case: case.id, state });
    }
    if case.reviews.iter().any(|given| given.reviewer == review.reviewer) {
        return Err(ReviewError::Repeated(review.reviewer));
    }
    if review.at >= until {
        return Err(ReviewError::Over(case.id));
    }
    let state = match review.advice {
        Advice::On => CaseState::Open,
        Advice::Back if case.returned => return Err(ReviewError::Spent(case.id)),
        Advice::Back => CaseState::Returned,
    };
    let mut case = Case { state, ..case.clone() };
    case.reviews.push(review);
    Ok(case)
}
