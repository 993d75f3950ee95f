//! Measuring: medians and tails of many runs.

use std::fmt;
use std::io::Write as _;
use std::time::{Duration, Instant};

/// Reads the machine's steady clock.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
pub fn now() -> Instant {
    Instant::now()
}

/// Returns what has passed since an instant.
pub fn since(begun: Instant) -> Duration {
    now().duration_since(begun)
}

/// Prints one figure.
pub fn line(name: &str, figure: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{name:<44} {figure}");
}

/// Is what many runs took.
pub struct Summary {
    /// The median.
    pub p50: Duration,
    p99: Duration,
    /// How many runs there were.
    pub count: usize,
    /// How many runs ended per second of wall time.
    pub per_second: f64,
}

impl Summary {
    /// Runs something so many times, after a tenth of that to warm up.
    pub fn of(runs: usize, mut run: impl FnMut()) -> Self {
        (0..runs / 10).for_each(|_| run());
        let begun = now();
        let mut times = Vec::with_capacity(runs);
        for _ in 0..runs {
            let one = now();
            run();
            times.push(since(one));
        }
        Self::from_times(times, since(begun))
    }

    /// Sums up times that were taken within a wall time.
    pub fn from_times(mut times: Vec<Duration>, wall: Duration) -> Self {
        times.sort_unstable();
        let at = |part: usize| times.get(times.len() * part / 100).copied().unwrap_or_default();
        let count = times.len();
        #[expect(clippy::cast_precision_loss, reason = "a count of runs is far below 2^52")]
        let per_second = count as f64 / wall.as_secs_f64().max(1e-9);
        Self { p50: at(50), p99: at(99), count, per_second }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let us = |d: Duration| d.as_secs_f64() * 1e6;
        write!(f, "p50 {:>9.1} µs  p99 {:>9.1} µs  {:>9.0}/s", us(self.p50), us(self.p99), self.per_second)
    }
}
