//! Events against the specification's own fixtures, and what is no event.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod fixtures;
mod refusals;
