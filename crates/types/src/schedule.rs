//! On-call schedules of a bundle as plain data: people who take turns, and exceptions from their turns.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::PersonId;

/// Is one rotation of `schedules.toml`: at any instant it names one person, or nobody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// The IANA time zone whose clock the turns follow, such as `Europe/Berlin`.
    pub zone: String,
    /// The people, in the order of their turns; who is named twice has two turns in a round.
    pub people: Vec<PersonId>,
    /// When the first person's first turn begins, as a local `YYYY-MM-DDTHH:MM`. Before it nobody is on call.
    pub start: String,
    /// How long a turn is, by the local clock.
    pub turn: Turn,
    /// The days on which anybody is on call, `mon` to `sun`; empty means every day.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub days: BTreeSet<String>,
    /// The minute of each of those days at which the call begins, `HH:MM`; it belongs together with `to`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The minute at which it ends, `HH:MM`; on the next day if it is not after `from`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Times at which somebody else is on call, whatever the rest says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<Override>,
}

impl Schedule {
    /// Says whether there are hours or days on which its turns leave nobody on call.
    pub fn is_restricted(&self) -> bool {
        let some_days = !self.days.is_empty() && self.days.len() < 7;
        let all_day =
            matches!((self.from.as_deref(), self.to.as_deref()), (None, None) | (Some("00:00"), Some("24:00")));
        some_days || !all_day
    }

    /// Lists everybody it can put on call, each once, in order of name.
    pub fn everybody(&self) -> BTreeSet<&PersonId> {
        self.people.iter().chain(self.overrides.iter().map(|over| &over.person)).collect()
    }
}

/// Is a time at which one person is on call instead of the rotation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Override {
    /// Who.
    pub person: PersonId,
    /// From when on: an RFC 3339 instant, or a local `YYYY-MM-DDTHH:MM`.
    pub from: String,
    /// Until when, not included, written in the same way.
    pub to: String,
}

/// Is the length of a turn in whole hours of the local clock: `12h`, `1d` or `2w`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Turn {
    hours: u32,
}

/// Is the longest turn, in hours: 52 weeks.
const HOURS_MAX: u32 = 52 * 7 * 24;

/// Are the units of a turn, each with its hours, the largest first.
const UNITS: [(char, u32); 3] = [('w', 7 * 24), ('d', 24), ('h', 1)];

/// Says that a text is no length of a turn.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the length of a turn: write hours, days or weeks such as `12h`, `1d` or `2w`, 52 weeks at most")]
pub struct TurnError(String);

impl Turn {
    /// Returns its length in hours of the local clock, 1 to 8,736.
    pub fn hours(self) -> u32 {
        self.hours
    }
}

impl FromStr for Turn {
    type Err = TurnError;

    fn from_str(text: &str) -> Result<Self, TurnError> {
        let read = || {
            let (_, hours) = UNITS.iter().find(|(unit, _)| text.ends_with(*unit))?;
            let number = text.get(..text.len().checked_sub(1)?)?;
            let plain = !number.starts_with('0') && number.bytes().all(|b| b.is_ascii_digit());
            let hours = number.parse::<u32>().ok()?.checked_mul(*hours)?;
            (plain && (1..=HOURS_MAX).contains(&hours)).then_some(Self { hours })
        };
        read().ok_or_else(|| TurnError(text.to_owned()))
    }
}

impl fmt::Display for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = UNITS.iter().find(|(_, hours)| self.hours.is_multiple_of(*hours));
        let (unit, hours) = fits.copied().unwrap_or(('h', 1));
        write!(f, "{}{unit}", self.hours / hours)
    }
}

impl Serialize for Turn {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Turn {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_whole_hours_days_or_weeks() {
        for (text, hours) in [("1h", 1), ("12h", 12), ("1d", 24), ("7d", 168), ("2w", 336), ("52w", 8_736)] {
            assert_eq!(text.parse::<Turn>().unwrap().hours(), hours, "{text}");
        }
        for text in ["", "h", "0h", "01h", "-1d", "+1d", "1", "1m", "1.5d", "53w", "99999999999w", "1 d", "１d", "1wd"]
        {
            assert!(text.parse::<Turn>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_turn_is_written_in_its_largest_unit() {
        for (text, written) in [("12h", "12h"), ("24h", "1d"), ("14d", "2w"), ("25h", "25h")] {
            assert_eq!(text.parse::<Turn>().unwrap().to_string(), written);
        }
    }
}
