//! A case that moves: by one vote of one person, or to its end.

use std::collections::BTreeSet;

use replay::fold::Books;
use types::case::{Case, CaseState, Vote};
use types::{Broken, CaseId, Invariant, Millis};

/// Is a case that is to move.
pub(in crate::machine) struct Voting {
    case: CaseId,
    before: Option<(CaseState, usize)>,
    /// Where it is to end without a vote.
    end: Option<CaseState>,
}

impl Voting {
    pub(super) fn by_vote(books: &Books, vote: &Vote) -> Self {
        Self::of(books, vote.case, None)
    }

    pub(super) fn by_end(books: &Books, case: CaseId, state: CaseState) -> Self {
        Self::of(books, case, Some(state))
    }

    fn of(books: &Books, case: CaseId, end: Option<CaseState>) -> Self {
        let before = books.cases().get(&case).map(|case| (case.state, case.votes.len()));
        Self { case, before, end }
    }

    pub(super) fn assert(&self, books: &Books, changed: &[Case], now: Millis) -> Result<(), Broken> {
        let (Some((from, votes)), [after]) = (self.before, changed) else {
            return Invariant::CaseMoves.assert(false, || format!("the case {} was not live and moved", self.case));
        };
        let is_live = matches!(after.state, CaseState::Open | CaseState::Approved);
        let is_kept = books.cases().contains_key(&self.case) == is_live && after.id == self.case;
        let moves = match self.end {
            Some(end) => after.state == end && ends(from, end, after, now) && after.votes.len() == votes,
            None => counts(from, after.state) && now < after.expires,
        };
        Invariant::CaseMoves.assert(is_kept && moves, || {
            format!("the case {} went from {} to {}", self.case, from.as_str(), after.state.as_str())
        })?;
        let added = votes + usize::from(self.end.is_none());
        let people: BTreeSet<_> = after.votes.iter().map(|vote| &vote.person).collect();
        let whose: BTreeSet<_> = after.votes.iter().map(Vote::of).collect();
        let once = people.len() == added && whose.len() == added;
        Invariant::VoteOnce.assert(after.votes.len() == added && once, || {
            format!("the case {} had {votes} votes, and has {} of {}", self.case, after.votes.len(), people.len())
        })
    }
}

/// Says whether a vote leads from one state to another.
fn counts(from: CaseState, to: CaseState) -> bool {
    from == CaseState::Open && matches!(to, CaseState::Open | CaseState::Approved | CaseState::Denied)
}

/// Says whether a case may end like that without a vote, and not before its time.
fn ends(from: CaseState, to: CaseState, case: &Case, now: Millis) -> bool {
    let is_over = match to {
        CaseState::Expired => now >= case.expires,
        CaseState::Void | CaseState::Withdrawn => true,
        CaseState::Open
        | CaseState::Approved
        | CaseState::Denied
        | CaseState::Consumed
        | CaseState::Returned
        | CaseState::Decoy => false,
    };
    matches!(from, CaseState::Open | CaseState::Approved) && is_over
}
