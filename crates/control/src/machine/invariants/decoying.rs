//! A decoy that is shown or over: it is among no cases before, nor afterwards.

use replay::fold::{Books, Event};
use types::case::{Case, CaseState};
use types::{Broken, CaseId, Invariant, Millis};

/// Is a decoy that a record is about, as it stands before.
pub(in crate::machine) struct Decoying {
    case: Option<CaseId>,
    was_open: bool,
    /// The states it may be in then.
    to: &'static [CaseState],
    live: usize,
}

impl Decoying {
    /// Looks at the decoy that a record is about; `None` if it is about none.
    pub(super) fn of(books: &Books, event: &Event<'_>) -> Option<Self> {
        let (case, to): (_, &[_]) = match event {
            Event::DecoyShown(shown) => (shown.decision.case, &[CaseState::Open]),
            Event::DecoyVoted(vote) => (Some(vote.case), &[CaseState::Decoy]),
            Event::DecoyEnded(case, _) => (Some(*case), &[CaseState::Expired, CaseState::Void]),
            _ => return None,
        };
        let was_open = case.is_some_and(|case| books.decoys().contains_key(&case));
        Some(Self { case, was_open, to, live: books.cases().len() })
    }

    pub(super) fn assert(&self, books: &Books, changed: &[Case], now: Millis) -> Result<(), Broken> {
        let [after] = changed else {
            return Invariant::CaseMoves.assert(false, || "a decoy was recorded and is none".to_owned());
        };
        let is_open = after.state == CaseState::Open;
        let in_time = if after.state == CaseState::Expired { now >= after.expires } else { true };
        let moves = self.case == Some(after.id) && self.was_open != is_open && self.to.contains(&after.state);
        let is_kept = books.decoys().contains_key(&after.id) == is_open;
        Invariant::CaseMoves.assert(moves && is_kept && in_time, || {
            format!("the decoy {} became {}", after.id, after.state.as_str())
        })?;
        let is_apart = books.cases().len() == self.live && !books.cases().contains_key(&after.id);
        Invariant::TicketOnce.assert(is_apart, || format!("the decoy {} is among the cases", after.id))
    }
}
