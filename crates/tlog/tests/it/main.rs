//! Tests of the crate from outside: known answers, vectors from elsewhere, properties, planted faults.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod bundles;
mod checkpoints;
mod checks;
mod cosignatures;
mod frontiers;
mod hashes;
mod keys;
mod log_proofs;
mod notes;
mod policies;
mod proofs;
mod support;
mod tessera;
mod tiles;
mod vectors;
mod witness_requests;
mod witnesses;
