//! Tests of the demo through its public interface.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod bundle;
mod common;
mod effects;
mod protocol;
mod story;
