//! The MCP listener against a scripted door: both transports, both eras.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests"
)]

mod bounds;
mod codes;
mod fake;
mod hold;
mod hostile;
mod page;
mod park;
mod several;
mod stateful;
mod stateless;
mod stdio;
mod subscriptions;
mod tasks;
mod translate;
mod web;
