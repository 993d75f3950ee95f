//! Spans of time as people write them.

use ledger::Clock as _;

use crate::error::CliError;
use crate::machine::SystemClock;

const HOUR_MS: i64 = 3_600_000;

/// Returns the instant a span such as `30d`, `12h`, `15m` or `90s` from now, in milliseconds since the epoch.
///
/// # Errors
///
/// `usage-invalid` if the text is no such span.
pub fn after(span: &str) -> Result<i64, CliError> {
    let unit = span.chars().last().unwrap_or_default();
    let count: Option<i64> = span.strip_suffix(unit).and_then(|n| n.parse().ok()).filter(|n| *n > 0);
    let ms = match unit {
        's' => Some(1_000),
        'm' => Some(60_000),
        'h' => Some(3_600_000),
        'd' => Some(86_400_000),
        _ => None,
    };
    match (count, ms) {
        // The next full hour, so that saying the same again within the hour is the same request.
        (Some(count), Some(ms)) => {
            let end = SystemClock.wall().plus(count.saturating_mul(ms)).0;
            Ok(if ms < HOUR_MS { end } else { end.div_euclid(HOUR_MS).saturating_add(1).saturating_mul(HOUR_MS) })
        }
        _ => Err(CliError::usage(format!("`{span}` is no span: write 30d, 12h, 15m or 90s"))),
    }
}
