//! A case that is reviewed: it stays with people or ends, and nothing of it becomes a vote.

use replay::fold::Books;
use types::case::{Case, CaseState};
use types::reviewing::{Advice, Review};
use types::{Broken, Invariant, Millis};

/// Is a case that is to be reviewed, as it stands before.
pub(in crate::machine) struct Reviewing {
    review: Review,
    before: Option<Case>,
}

impl Reviewing {
    pub(super) fn of(books: &Books, review: &Review) -> Self {
        Self { review: review.clone(), before: books.cases().get(&review.case).cloned() }
    }

    pub(super) fn assert(&self, books: &Books, changed: &[Case], now: Millis) -> Result<(), Broken> {
        let (Some(before), [after]) = (&self.before, changed) else {
            return Invariant::CaseMoves
                .assert(false, || format!("the case {} was not live and was reviewed", self.review.case));
        };
        let leads_to = match self.review.advice {
            Advice::On => CaseState::Open,
            Advice::Back => CaseState::Returned,
        };
        let is_kept = books.cases().contains_key(&after.id) == (after.state == CaseState::Open);
        let moves = before.state == CaseState::Open && after.state == leads_to && now < before.expires && is_kept;
        Invariant::CaseMoves.assert(moves && after.expires == before.expires, || {
            format!("the review of {} led from {} to {}", after.id, before.state.as_str(), after.state.as_str())
        })?;
        let is_own = before.requester.agent() == Some(&self.review.reviewer);
        let once = before.reviews.iter().all(|given| given.reviewer != self.review.reviewer);
        let kept = after.votes == before.votes && after.reviews.len() == before.reviews.len() + 1;
        Invariant::PeopleDecide.assert(kept && once && !is_own, || {
            format!(
                "the review of {} by `agent:{}` is its own, a second one, or made a vote",
                after.id, self.review.reviewer
            )
        })
    }
}

/// Asserts that each case whose approval is used was approved by somebody, and that no agent is among those.
pub(super) fn people_decided(used: &[Case], is_person: impl Fn(&types::PersonId) -> bool) -> Result<(), Broken> {
    let approves = |vote: &types::case::Vote| vote.ballot == types::case::Ballot::Approve && is_person(&vote.person);
    let alone = used.iter().find(|case| !case.votes.iter().any(approves));
    Invariant::PeopleDecide.assert(alone.is_none(), || {
        let id = alone.map(|case| case.id.to_string()).unwrap_or_default();
        format!("nobody has approved the case {id}, and a permit runs on it")
    })
}
