//! Instants and durations, as JSON has those of protobuf.

use jiff::Timestamp;

use super::{Answer, Refused};

const SECOND_MS: i64 = 1_000;

/// Reads an instant, such as `2026-11-23T05:00:00.5Z`, in milliseconds since the epoch.
///
/// - `path`: the field that has it.
///
/// # Errors
///
/// What is no instant.
pub fn instant(path: &str, text: &str) -> Answer<i64> {
    let read: Result<Timestamp, _> = text.parse();
    read.map(Timestamp::as_millisecond).map_err(|_| Refused::invalid(format!("'{text}' is no instant for '{path}'.")))
}

/// Writes an instant that is given in milliseconds since the epoch; one beyond all calendars is written as the epoch.
pub fn written_instant(at: i64) -> String {
    let instant = Timestamp::from_millisecond(at).unwrap_or_default();
    let digits = if at.rem_euclid(SECOND_MS) == 0 { 0 } else { 3 };
    format!("{instant:.digits$}")
}

/// Says whether a number of milliseconds since the epoch can be written as an instant.
pub(super) fn is_instant(at: i64) -> bool {
    Timestamp::from_millisecond(at).is_ok()
}

/// Reads a duration, such as `1.5s`, in milliseconds.
///
/// - `path`: the field that has it.
///
/// # Errors
///
/// What is no duration.
pub fn duration(path: &str, text: &str) -> Answer<i64> {
    let read = || {
        let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
        let (whole, fraction) = digits.strip_suffix('s')?.split_once('.').unwrap_or((digits.strip_suffix('s')?, ""));
        let are_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !are_digits(whole) || fraction.len() > 9 || !are_digits(fraction) {
            return None;
        }
        let seconds: i64 = whole.parse().ok()?;
        let thousandths: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
        seconds.checked_mul(SECOND_MS)?.checked_add(thousandths).map(|ms| sign * ms)
    };
    read().ok_or_else(|| Refused::invalid(format!("'{text}' is no duration for '{path}'.")))
}

/// Writes a duration that is given in milliseconds.
pub fn written_duration(ms: i64) -> String {
    let sign = if ms < 0 { "-" } else { "" };
    let ms = ms.unsigned_abs();
    let (seconds, thousandths) = (ms / 1_000, ms % 1_000);
    if thousandths == 0 { format!("{sign}{seconds}s") } else { format!("{sign}{seconds}.{thousandths:03}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read_and_written() {
        for (text, ms, written) in [
            ("2025-04-15T08:49:18.699Z", 1_744_706_958_699, "2025-04-15T08:49:18.699Z"),
            ("1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00Z"),
            ("2025-04-15T10:49:18.500+02:00", 1_744_706_958_500, "2025-04-15T08:49:18.500Z"),
        ] {
            assert_eq!(instant("at", text), Ok(ms), "{text}");
            assert_eq!(written_instant(ms), written);
        }
        for wrong in ["", "yesterday", "2025-04-15", "2025-13-15T08:49:18Z", "5"] {
            assert!(instant("at", wrong).is_err(), "{wrong}");
        }
        assert!(!is_instant(i64::MAX) && is_instant(0));
    }

    #[test]
    fn durations_are_read_and_written() {
        for (text, ms, written) in
            [("1.5s", 1_500, "1.500s"), ("0s", 0, "0s"), ("-1.001s", -1_001, "-1.001s"), ("2.0000009s", 2_000, "2s")]
        {
            assert_eq!(duration("took", text), Ok(ms), "{text}");
            assert_eq!(written_duration(ms), written);
        }
        for wrong in ["", "s", "1", ".5s", "1.s5", "1e3s", "--1s", "99999999999999999999s", "1.0000000000s"] {
            assert!(duration("took", wrong).is_err(), "{wrong}");
        }
    }
}
