//! The time in a token: `GeneralizedTime` as RFC 3161 §2.4.2 has it, in UTC, with or without fractions of a second.

use der::DateTime;
use types::Millis;

use super::error::TimestampError;

const WHAT: &str = "the token's time";

/// Reads `YYYYMMDDhhmmss[.s…]Z`; what is finer than a millisecond is cut off.
pub(super) fn instant(text: &[u8]) -> Result<Millis, TimestampError> {
    let malformed = || TimestampError::Malformed(WHAT);
    let text = std::str::from_utf8(text).ok().and_then(|text| text.strip_suffix('Z')).ok_or_else(malformed)?;
    let (seconds, fraction) = match text.split_once('.') {
        // "If the fractional-seconds are present, trailing 0's MUST be omitted."
        Some((_, fraction)) if fraction.is_empty() || fraction.ends_with('0') => return Err(malformed()),
        Some((seconds, fraction)) => (seconds, fraction),
        None => (text, ""),
    };
    if seconds.len() != 14 || !seconds.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return Err(malformed());
    }
    let number = |from: usize, to: usize| seconds.get(from..to).and_then(|digits| digits.parse::<u16>().ok());
    let small = |from: usize| number(from, from + 2).and_then(|n| u8::try_from(n).ok()).ok_or_else(malformed);
    let year = number(0, 4).ok_or_else(malformed)?;
    let time = DateTime::new(year, small(4)?, small(6)?, small(8)?, small(10)?, small(12)?);
    let since = time.map_err(|_| malformed())?.unix_duration();
    let whole = i64::try_from(since.as_millis()).map_err(|_| malformed())?;
    let thousandths = fraction.bytes().chain(*b"000").take(3).fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    Ok(Millis(whole + thousandths))
}

/// Shows an instant in UTC, to the millisecond.
pub(super) fn told(at: Millis) -> String {
    let since = std::time::Duration::from_millis(u64::try_from(at.0).unwrap_or_default());
    let Ok(time) = DateTime::from_unix_duration(since) else { return format!("{} ms", at.0) };
    let (date, ms) = ((time.year(), time.month(), time.day()), since.subsec_millis());
    let (hour, minute, second) = (time.hour(), time.minutes(), time.seconds());
    format!("{:04}-{:02}-{:02} {hour:02}:{minute:02}:{second:02}.{ms:03}Z", date.0, date.1, date.2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_are_read_to_the_millisecond() {
        let at = |text: &str| instant(text.as_bytes()).map(|at| at.0).ok();
        assert_eq!(at("20261121190000Z"), Some(1_795_287_600_000));
        assert_eq!(at("20261121190000.5Z"), Some(1_795_287_600_500));
        assert_eq!(at("20261121190000.0123456Z"), Some(1_795_287_600_012));
        assert_eq!(told(Millis(1_795_287_600_012)), "2026-11-21 19:00:00.012Z");
    }

    #[test]
    fn what_is_written_another_way_is_refused() {
        let texts = [
            "20261121190000",
            "20261121190000.Z",
            "20261121190000.50Z",
            "202611211900Z",
            "20261321190000Z",
            "2026112119+000Z",
            "é",
        ];
        for text in texts {
            assert!(instant(text.as_bytes()).is_err(), "{text}");
        }
    }
}
