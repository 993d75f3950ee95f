//! What races, raced: the real control, ledger and executor under a scheduler that decides at every step which thread goes on.
//!
//! Callers, the sequencer, the committing thread, the folding thread and those who wait are threads of the crate `shuttle`;
//! their locks, channels and threads are its own ([`ledger::sync`]), the journal is in memory (`store::memory`), and
//! nothing else is swapped but the ports: clock, random bytes and the server behind the gateway. One seed is one schedule.
//! What must hold is judged from what everybody was told, what the journal recorded and what the server received, by rules
//! of the [`oracle`]'s own.
#![cfg(feature = "shuttle")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a run that cannot go on says so at once"
)]

pub mod again;
pub mod ballots;
pub mod bundles;
pub mod delegations;
pub mod fold;
pub mod notes;
pub mod oracle;
pub mod scenes;
pub mod schedules;
pub mod told;
pub mod world;

/// Lets any other thread go on.
pub fn step() {
    shuttle::thread::sleep(std::time::Duration::ZERO);
}

/// Takes some steps, as many as the seed says: what ends a race must not always come first.
pub fn linger() {
    use shuttle::rand::Rng as _;
    for _ in 0..shuttle::rand::thread_rng().gen_range(0..60) {
        step();
    }
}
