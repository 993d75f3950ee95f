//! The real program: enrolled logs, each status of the protocol, kills, damage, and what a stranger may try.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

mod cosigning;
mod enrolment;
mod keeping;
mod offline;
mod program;
mod serving;
