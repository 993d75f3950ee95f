//! The machine's clocks.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Reads the steady clock.
#[expect(clippy::disallowed_methods, reason = "a torture run measures when it kills")]
pub fn now() -> Instant {
    Instant::now()
}

/// Returns what has passed since an instant, in microseconds.
pub fn us_since(begun: Instant) -> u64 {
    u64::try_from(now().duration_since(begun).as_micros()).unwrap_or(u64::MAX)
}

/// Reads the wall clock, in milliseconds since the epoch.
#[expect(clippy::disallowed_methods, reason = "the target writes down when something happened to it")]
pub fn wall_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Sleeps so many milliseconds.
pub async fn sleep(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}
