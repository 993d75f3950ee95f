//! The ports through which time and randomness come in, so that a simulation can swap them.

use types::Millis;

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    /// Returns the wall clock.
    fn wall(&self) -> Millis;
    /// Returns milliseconds on a clock that never goes back, from an arbitrary start.
    fn steady_ms(&self) -> i64;
}

/// Draws random bytes fit for keys.
pub trait Random: Send + Sync + 'static {
    /// Fills `out` with random bytes, or aborts the process: there is no safe way on without them.
    fn fill(&self, out: &mut [u8]);
}

/// Draws a fixed number of random bytes.
pub fn draw<const N: usize>(random: &dyn Random) -> [u8; N] {
    let mut out = [0; N];
    random.fill(&mut out);
    out
}
