//! What must hold of everything that is recorded, asserted where it is recorded: what is kept before and after one record
//! is compared, by other rules than those that changed it.

mod decoying;
mod ending;
mod limits;
mod permit;
mod quiet;
mod reviewing;
#[cfg(test)]
pub(super) mod tests;
#[cfg(test)]
mod tests_reviewing;
mod voting;

use replay::fold::{Books, Event, FoldError};
use types::case::Case;
use types::{Broken, Invariant, Millis};

pub(super) use permit::Permitting;
pub(super) use quiet::Quiet;

use decoying::Decoying;
use ending::Ending;
use reviewing::Reviewing;
use voting::Voting;

/// Is what is kept of that which a record is about, before the record.
#[expect(clippy::large_enum_variant, reason = "one is held at a time, while its record is taken")]
pub(super) enum Before {
    /// A decision is looked at by [`Permitting`]; of the rest nothing is to be asserted.
    Other,
    /// An action is to end.
    Ending(Ending),
    /// A case is to move.
    Voting(Voting),
    /// A decoy is to be shown, or to end.
    Decoying(Decoying),
    /// A case is to be reviewed.
    Reviewing(Box<Reviewing>),
}

impl Before {
    /// Looks at what is kept.
    pub(super) fn of(books: &Books, event: &Event<'_>) -> Self {
        match event {
            Event::Landed(action, status) => Self::Ending(Ending::of(books, *action, *status)),
            Event::Voted(vote) => Self::Voting(Voting::by_vote(books, vote)),
            Event::Reviewed(review) => Self::Reviewing(Box::new(Reviewing::of(books, review))),
            Event::CaseEnded(case, state) => Self::Voting(Voting::by_end(books, *case, *state)),
            _ => Decoying::of(books, event).map_or(Self::Other, Self::Decoying),
        }
    }

    /// Asserts that what is kept now follows.
    pub(super) fn assert(&self, books: &Books, changed: &[Case], now: Millis) -> Result<(), Broken> {
        match self {
            Self::Other => Ok(()),
            Self::Ending(ending) => ending.assert(books),
            Self::Decoying(decoying) => decoying.assert(books, changed, now),
            Self::Voting(voting) => voting.assert(books, changed, now),
            Self::Reviewing(reviewing) => reviewing.assert(books, changed, now),
        }
    }
}

/// Says that a record does not follow upon those before it: whoever records something has asked the books before.
pub(super) fn follows(index: u64, error: &FoldError) -> Result<(), Broken> {
    let invariant = match error {
        FoldError::NoFlight(_) => Invariant::FlightOnce,
        FoldError::NoCase(_) => Invariant::CaseMoves,
        FoldError::Vote(_) => Invariant::VoteOnce,
        FoldError::BreakGlass(_) => Invariant::GlassHolds,
        FoldError::Review(_) => Invariant::PeopleDecide,
        FoldError::NoBundle(_) | FoldError::NoSaga(_) | FoldError::Unreadable => Invariant::RecordFollows,
    };
    invariant.assert(false, || format!("record {index} does not follow upon those before it: {error}"))
}
