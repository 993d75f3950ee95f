//! Instants as events write them.

/// Reads an instant with its offset (RFC 3339), as microseconds since the epoch; what is finer is cut off.
pub fn instant(text: &str) -> Option<i64> {
    text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_microsecond)
}

/// Writes an instant, given in microseconds since the epoch, in UTC; one that no calendar has is an empty text.
pub fn written(at: i64) -> String {
    jiff::Timestamp::from_microsecond(at).map(|at| at.to_string()).unwrap_or_default()
}
