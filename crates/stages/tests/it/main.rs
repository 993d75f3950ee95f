//! Tests of the stages from outside: tables for every rule, the reference decider, and planted bugs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod approval;
mod approval_budget;
mod behaviour;
mod break_glass;
mod breaker;
mod decision;
mod differential;
mod escalation;
mod facting;
mod facts;
mod fast;
mod generate;
mod matrix;
mod meter;
#[cfg(feature = "mutants")]
mod mutants;
mod on_call;
mod permission;
mod policies;
mod reviewing;
mod rules;
mod trial;
mod vectors;
mod world;
