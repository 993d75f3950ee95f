//! The simulated network: nothing is wrong on it, a seed is one run in every process, and planted bugs are noticed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

#[cfg(feature = "mutants")]
mod mutants;
#[cfg(not(feature = "mutants"))]
mod seeds;

use countersign_sim::net::seeds::Asked;

fn asked(from: u64, to: u64, mutant: Option<u8>) -> Asked {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    Asked { program: env!("CARGO_BIN_EXE_countersign-sim").into(), from, to, threads, mutant }
}
