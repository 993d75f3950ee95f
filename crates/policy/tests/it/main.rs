//! Tests of the policy crate through its public interface.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod again;
mod break_glass;
mod common;
mod deep;
mod ladder;
mod mutate;
mod oracle;
mod pipelines;
mod problems;
mod reviewers;
mod schema;
mod starter;
mod watching;
