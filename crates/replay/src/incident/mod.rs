//! An incident replayed: a recorded session's calls met again by a new agent or a new policy bundle.
//!
//! A [`Recording`] is what a journal or an evidence bundle tells of one session. A [`Player`] answers calls from it, and
//! decides each under a bundle on the facts as they were recorded; [`compare`] holds what happened in several runs against
//! the record, call by call. Nothing here reaches a server, reads a clock or draws random bytes, so that the same calls get
//! the same answers.

mod align;
mod answers;
mod calls;
mod compare;
mod conditions;
mod decimal;
mod differ;
mod form;
mod interval;
mod listings;
mod player;
mod recording;
mod report;
mod ruling;
mod sources;
mod spread;

pub use align::{Key, Step, align};
pub use answers::{Answers, Place};
pub use calls::{Answer, Call};
pub use compare::{Run, Seen, compare};
pub use conditions::{Conditions, Judged};
pub use decimal::Decimal;
pub use differ::differing;
pub use form::{HIDDEN, Secrets, shown};
pub use interval::wilson_bp;
pub use listings::Listings;
pub use player::{Asked, Made, Player, Reply, Rules, Served};
pub use recording::{CALLS_MAX, Gap, Lost, Recording, RecordingError, Source};
pub use report::{
    CallReport, ExtraReport, FactsReport, GapReport, Numbers, Report, RulingCount, Standing, Summary, Variant,
};
pub use ruling::{People, Ruling};
pub use sources::{sessions_in, sources_of};
