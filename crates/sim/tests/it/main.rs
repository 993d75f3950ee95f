//! The power-loss simulation in the time of a test: losses, faults, and planted bugs that must be noticed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

#[cfg(not(feature = "mutants"))]
mod folding;
#[cfg(feature = "mutants")]
mod mutants;
#[cfg(not(feature = "mutants"))]
mod power_loss;
