//! Replay: the pure crates run again over what was recorded.
//!
//! A decision is a function of its proposal, its facts and the bundle, all of which are in the journal. So anybody who
//! holds those can compute it once more and hold the two against each other. Serving a request and replaying it go
//! through the same [`judge::early`], so that there is no second way to decide. Nothing here stores, reads a clock or
//! draws random bytes.

pub mod again;
pub mod audit;
pub mod bundles;
pub mod derived;
pub mod fold;
pub mod incident;
pub mod judge;
pub mod log_archive;
pub mod oversight;
pub mod report;
pub mod review;
pub mod state;
mod votes;

pub use again::{Replayed, decision, record};
pub use bundles::Bundles;
pub use log_archive::{Decisions, log_archive};
pub use report::{DecisionReport, Report, archive};
