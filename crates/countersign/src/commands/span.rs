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
    let ms = ms(span)?;
    // The next full hour, so that saying the same again within the hour is the same request.
    let end = SystemClock.wall().plus(ms).0;
    Ok(if is_short(span) { end } else { end.div_euclid(HOUR_MS).saturating_add(1).saturating_mul(HOUR_MS) })
}

/// Returns the instant a span before now, in milliseconds since the epoch.
///
/// # Errors
///
/// `usage-invalid` if the text is no span.
pub fn before(span: &str) -> Result<i64, CliError> {
    Ok(SystemClock.wall().0.saturating_sub(ms(span)?))
}

/// Says whether a span is counted in seconds or minutes.
fn is_short(span: &str) -> bool {
    span.ends_with(['s', 'm'])
}

fn ms(span: &str) -> Result<i64, CliError> {
    let unit = span.chars().last().unwrap_or_default();
    let count: Option<i64> = span.strip_suffix(unit).and_then(|n| n.parse().ok()).filter(|n| *n > 0);
    let ms: Option<i64> = match unit {
        's' => Some(1_000),
        'm' => Some(60_000),
        'h' => Some(HOUR_MS),
        'd' => Some(86_400_000),
        _ => None,
    };
    let span_ms = count.zip(ms).map(|(count, ms)| count.saturating_mul(ms));
    span_ms.ok_or_else(|| CliError::usage(format!("`{span}` is no span: write 30d, 12h, 15m or 90s")))
}
