//! The simulation under test: it finds nothing wrong, and it would find what is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

// A planted bug is on for the whole process, so nothing else runs where one can be.
#[cfg(feature = "mutants")]
mod mutants;
#[cfg(not(feature = "mutants"))]
mod seeds;
#[cfg(not(feature = "mutants"))]
mod shipped;
