//! The road under a scripted world: one seed is one run, the same in every process.
//!
//! The real control, ledger, store and executor run on a simulated disk. Swapped are the ports alone: clock and random bytes,
//! the disk, the upstream server, and whoever calls, approves, kills and administers. Calls are polled by hand, so that a
//! seed decides after which await point the world goes on, and where a crash falls. In every fourth run the disk fails
//! now and then, and the power goes with what was not synced.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a simulation that cannot go on says so at once"
)]

pub mod bursts;
pub mod cli;
pub mod coverage;
pub mod dice;
pub mod journal;
pub mod lives;
pub mod oracle;
pub mod player;
pub mod points;
pub mod ports;
pub mod rules;
pub mod seeds;
pub mod stage;
pub mod steps;
pub mod trace;
pub mod trouble;
pub mod upstream;

pub use cli::main;
