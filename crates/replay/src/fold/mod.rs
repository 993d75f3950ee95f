//! The fold: what the records, one after the other, make of everything that is kept between decisions.
//!
//! [`Books::take`] is the only way in which anything kept changes because of a record. Whoever records something lets it be
//! taken at once, and whoever counts a journal again lets its records be taken one by one: so there is no second set of
//! rules that could agree with itself. Nothing here decides: a vote, an ending, a charge is taken as it was recorded.

mod again;
mod behaviour;
mod books;
mod break_glass;
mod breakers;
mod cases;
mod compare;
mod counted;
mod decoys;
mod due;
mod event;
mod facts;
mod flights;
mod gone;
mod identities;
mod leaving;
mod meters;
mod ops;
mod permissions;
mod recent_votes;
mod reconciliations;
mod refusals;
mod repeats;
mod sagas;
mod sessions;
mod source;
mod watches;

use stages::approval::VoteError;
use stages::break_glass::BreakGlassError;
use stages::reviewing::ReviewError;
use types::bundle::BundleData;
use types::{ActionId, CaseId, Millis, SessionId};

pub use again::{Again, CARRIED, Problem, Rebuilt};
pub use behaviour::{Behaviour, KeptHour};
pub use books::{ACTIVE, Books};
pub use breakers::Breakers;
pub use cases::Tickets;
pub use compare::{Answer, Comparison, Counts, RowTold, compare};
pub use event::{Decided, DecoyShown, Event, Said, restored};
pub use facts::{Given, Recount, is_counted, of_session};
pub use flights::{Flights, REPORTED_PERMIT_MS, UNREPORTED_MS};
pub use leaving::Leaving;
pub use meters::Meters;
pub use ops::{Op, Ops};
pub use recent_votes::RecentVotes;
pub use refusals::Refusals;
pub use repeats::{KEY_MS, KEYS_MAX, Known, Repeats};
pub use sagas::{KEPT as SAGAS_KEPT, OPEN_MAX as SAGAS_MAX};
pub use sessions::{SESSION_IDLE_MS, Sessions};
pub use source::Rows;

/// Says why a record cannot follow upon those before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// The policy bundle it was recorded under is not at hand.
    #[error("{0}")]
    NoBundle(String),
    /// It is about a case that is not live.
    #[error("the case `{0}` is not live")]
    NoCase(CaseId),
    /// It is about an action that awaits no outcome.
    #[error("the action `{0}` awaits no outcome")]
    NoFlight(ActionId),
    /// It is about a saga that stands otherwise.
    #[error("the saga `{0}` does not stand so that this could follow")]
    NoSaga(SessionId),
    /// It is a vote that does not count.
    #[error(transparent)]
    Vote(#[from] VoteError),
    /// It is a step of a break-glass that could not be taken.
    #[error(transparent)]
    BreakGlass(#[from] BreakGlassError),
    /// It is a review that does not count.
    #[error(transparent)]
    Review(#[from] ReviewError),
    /// It does not say what a record of its kind says.
    #[error("its content is not that of such a record")]
    Unreadable,
}

/// Is where a record stands: its index, its time, and the policy bundle in force.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The record's index.
    pub index: u64,
    /// The record's time.
    pub now: Millis,
    /// The bundle; a text that says why it is not at hand.
    pub bundle: Result<&'a BundleData, &'a str>,
}

impl<'a> Place<'a> {
    pub(super) fn bundle(&self) -> Result<&'a BundleData, FoldError> {
        self.bundle.map_err(|why| FoldError::NoBundle(why.to_owned()))
    }
}
