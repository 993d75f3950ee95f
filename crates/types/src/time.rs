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

#[cfg(test)]
mod tests {
    use super::*;

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
