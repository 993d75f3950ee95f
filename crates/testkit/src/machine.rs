//! Time that is told and bytes that are counted, so that every run is the same.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use ledger::{Clock, Random};
use types::Millis;

/// Is a Monday at ten in the morning, UTC, in milliseconds since the epoch: when every test begins.
pub const START_MS: i64 = 1_767_607_200_000;

/// Is a clock that stands still until it is told to move.
#[derive(Debug)]
pub struct TestClock {
    wall: AtomicI64,
    steady: AtomicI64,
}

impl Default for TestClock {
    fn default() -> Self {
        Self { wall: AtomicI64::new(START_MS), steady: AtomicI64::new(0) }
    }
}

impl TestClock {
    /// Lets time pass.
    pub fn advance(&self, ms: i64) {
        self.steady.fetch_add(ms, Ordering::SeqCst);
        self.wall.fetch_add(ms, Ordering::SeqCst);
    }

    /// Returns how much time has passed, in milliseconds.
    pub fn passed(&self) -> i64 {
        self.steady.load(Ordering::SeqCst)
    }

    /// Moves the wall clock alone, as a wrong setting would.
    pub fn jump(&self, ms: i64) {
        self.wall.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn wall(&self) -> Millis {
        Millis(self.wall.load(Ordering::SeqCst))
    }

    fn steady_ms(&self) -> i64 {
        self.steady.load(Ordering::SeqCst)
    }
}

/// Is bytes that never repeat within a run and are the same in every run.
#[derive(Debug, Default)]
pub struct Counting(AtomicU64);

impl Random for Counting {
    fn fill(&self, out: &mut [u8]) {
        for chunk in out.chunks_mut(8) {
            // A Weyl sequence through the finalizer of SplitMix64.
            let mut z = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst).wrapping_add(0x9e37_79b9_7f4a_7c15);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            for (byte, fresh) in chunk.iter_mut().zip((z ^ (z >> 31)).to_le_bytes()) {
                *byte = fresh;
            }
        }
    }
}
