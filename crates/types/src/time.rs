//! Time as data: an instant is a number of milliseconds, and nobody here asks for the current one.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// Is an instant in milliseconds since the Unix epoch, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Encode, Decode, Serialize, Deserialize)]
#[cbor(transparent)]
#[serde(transparent)]
pub struct Millis(#[n(0)] pub i64);

impl Millis {
    /// Returns the instant `ms` milliseconds later, stopping at the end of time.
    pub fn plus(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Returns how many milliseconds have passed since `earlier`; negative if it lies ahead.
    pub fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// Is how many minutes a day has.
const DAY_MINUTES: i32 = 24 * 60;

/// Reads `HH:MM` as minutes since midnight, from `00:00` to `24:00`, which only an end can be.
pub fn minute_of_day(text: &str) -> Option<i32> {
    let (hours, minutes) = text.split_once(':')?;
    let digits = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(hours) || !digits(minutes) {
        return None;
    }
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    let minute = hours * 60 + minutes;
    (minutes < 60 && minute <= DAY_MINUTES).then_some(minute)
}

/// Says whether a text has the shape of a local time without a zone or an offset, `YYYY-MM-DDTHH:MM`.
///
/// Readers of dates pass over an offset that they did not ask for, so the shape is looked at first.
pub fn is_local(text: &str) -> bool {
    let shape = "0000-00-00T00:00";
    let fits = |(wanted, found): (u8, u8)| if wanted == b'0' { found.is_ascii_digit() } else { found == wanted };
    text.len() == shape.len() && shape.bytes().zip(text.bytes()).all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_time_has_neither_zone_nor_offset() {
        assert!(is_local("2026-01-05T09:00"));
        for text in
            ["2026-01-05T09:00Z", "2026-01-05T09:00+01:00", "2026-01-05 09:00", "2026-01-05T9:00", "", "2026-01-05"]
        {
            assert!(!is_local(text), "{text}");
        }
    }

    #[test]
    fn a_day_ends_at_its_last_minute_and_is_written_in_one_way() {
        for (text, expected) in [("00:00", Some(0)), ("09:30", Some(570)), ("23:59", Some(1439)), ("24:00", Some(1440))]
        {
            assert_eq!(minute_of_day(text), expected, "{text}");
        }
        for text in ["", "9:00", "24:01", "00:60", "+1:00", "09:00:00", "0900", "09:0", "٠٩:٠٠"] {
            assert_eq!(minute_of_day(text), None, "{text}");
        }
    }
}
