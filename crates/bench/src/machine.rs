//! The machine's clock and random bytes.

use std::time::{SystemTime, UNIX_EPOCH};

use ledger::{Clock, Random};
use types::Millis;

/// Reads the machine's clocks.
pub struct SystemClock(pub std::time::Instant);

#[expect(clippy::disallowed_methods, reason = "a benchmark runs on the machine's own clock")]
impl Clock for SystemClock {
    fn wall(&self) -> Millis {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn steady_ms(&self) -> i64 {
        i64::try_from(self.0.elapsed().as_millis()).unwrap_or(i64::MAX)
    }
}

/// Draws random bytes from the operating system.
pub struct SystemRandom;

#[expect(clippy::disallowed_methods, reason = "a benchmark seals with real keys")]
impl Random for SystemRandom {
    fn fill(&self, out: &mut [u8]) {
        if getrandom::fill(out).is_err() {
            std::process::abort();
        }
    }
}
