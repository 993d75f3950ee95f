//! The tamper corpus: a real log, what somebody does to it who holds its key and every file but no witness's key, and
//! whether the verifier says so for the right reason.
//!
//! Nothing here is part of the product. [`making`] runs the real application and has its log cosigned; [`attack`] draws
//! cases by class and record kind, each with the reasons for which it must be refused; [`reader`] asks the verifier;
//! [`run`] holds the two against each other. README.md says what the classes are and how to try another verifier.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a corpus that cannot be made fails its run"
)]

pub mod attack;
pub mod benign;
mod bundles;
mod byte_flips;
pub mod case;
pub mod class;
mod edits;
mod ends;
pub mod flaw;
mod forged;
pub mod making;
pub mod material;
mod oracle;
pub mod program;
mod published;
mod random;
pub mod reader;
mod render;
pub mod run;
pub mod written;
