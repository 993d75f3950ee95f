//! Tests of the stages from outside: tables for every rule, the reference decider, and planted bugs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod differential;

mod fast;
mod generate;

#[cfg(feature = "mutants")]
mod mutants;

mod vectors;
