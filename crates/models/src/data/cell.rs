//! One value of a file: of what type it is, and how it compares.

use std::cmp::Ordering;

use serde_json::Value;

use super::ColumnType;

/// Is one value.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cell<'a> {
    /// There is none.
    Missing,
    /// A text: all that a file of fields has.
    Text(&'a str),
    /// A value of JSON that is none of the others.
    Json(&'a Value),
}

/// Is a finite number, whole where it is written as a whole one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Number {
    double: f64,
    whole: Option<i128>,
}

impl Number {
    /// Reads a decimal number; nothing of what is not finite, or not written as a number.
    pub(super) fn read(text: &str) -> Option<Self> {
        let double: f64 = text.parse().ok().filter(|double: &f64| double.is_finite())?;
        Some(Self { double, whole: text.parse().ok() })
    }

    /// Compares two numbers: whole ones to the digit, others as doubles.
    pub(super) fn order(self, other: Self) -> Ordering {
        match (self.whole, other.whole) {
            (Some(one), Some(other)) => one.cmp(&other),
            _ => self.double.total_cmp(&other.double),
        }
    }

    /// Returns it in whole millionths, rounded.
    pub(super) fn millionths(self) -> i64 {
        // Written and read, since a cast could cut what does not fit.
        format!("{:.0}", self.double * 1e6).parse().unwrap_or(i64::MAX)
    }
}

impl<'a> Cell<'a> {
    /// Takes a value of JSON.
    pub(super) fn of_json(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Missing,
            other => Self::Json(other),
        }
    }

    /// Returns it as a number.
    pub(super) fn number(self) -> Option<Number> {
        match self {
            Self::Text(text) => Number::read(text),
            Self::Json(Value::Number(number)) => Number::read(&number.to_string()),
            _ => None,
        }
    }

    /// Says whether it is of a type.
    pub(super) fn is(self, kind: ColumnType) -> bool {
        match (kind, self) {
            (_, Self::Missing) => true,
            (ColumnType::Number, _) => self.number().is_some(),
            (ColumnType::Integer, _) => self.number().is_some_and(|number| number.whole.is_some()),
            (ColumnType::Boolean, Self::Text(text)) => {
                text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false")
            }
            (ColumnType::Boolean, Self::Json(value)) => value.is_boolean(),
            (ColumnType::Text, Self::Text(_)) => true,
            (ColumnType::Text, Self::Json(value)) => value.is_string(),
            (ColumnType::Time | ColumnType::EpochSeconds | ColumnType::EpochMilliseconds, _) => {
                self.instant(kind).is_some()
            }
        }
    }

    /// Returns it as an instant, in milliseconds since the epoch; without a zone it is in UTC, and a date is its beginning.
    pub(super) fn instant(self, kind: ColumnType) -> Option<i64> {
        let whole = || self.number().and_then(|number| i64::try_from(number.whole?).ok());
        let text = || match self {
            Self::Text(text) => Some(text),
            Self::Json(value) => value.as_str(),
            Self::Missing => None,
        };
        match kind {
            ColumnType::EpochSeconds => whole()?.checked_mul(1_000),
            ColumnType::EpochMilliseconds => whole(),
            ColumnType::Time => instant(text()?),
            _ => None,
        }
    }

    /// Says whether it is written as one of some texts.
    pub(super) fn is_one_of(self, texts: &std::collections::BTreeSet<String>) -> bool {
        match self {
            Self::Missing => true,
            Self::Text(text) => texts.contains(text),
            Self::Json(Value::String(text)) => texts.contains(text),
            Self::Json(other) => texts.contains(&other.to_string()),
        }
    }
}

/// Reads an instant of RFC 3339, a time without a zone, or a date.
pub(super) fn instant(text: &str) -> Option<i64> {
    if let Ok(instant) = text.parse::<jiff::Timestamp>() {
        return Some(instant.as_millisecond());
    }
    // A time with a zone that is named is none here: what it means changes with the rules of that zone.
    let plain = text.parse::<jiff::civil::DateTime>().ok().filter(|_| !text.contains('['))?;
    let zoned = plain.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(zoned.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_finite_is_no_number() {
        for text in ["NaN", "nan", "inf", "-inf", "Infinity", "1e999", "", " 1", "1_000", "0x1", "1,5"] {
            assert_eq!(Number::read(text), None, "{text}");
        }
        for text in ["0", "-1.5", "+2", "1e3", ".5", "123456789012345678901234567890"] {
            assert!(Number::read(text).is_some(), "{text}");
        }
    }

    #[test]
    fn whole_numbers_compare_to_the_digit() {
        let order = |one: &str, other: &str| Number::read(one).zip(Number::read(other)).map(|(a, b)| a.order(b));
        assert_eq!(order("9007199254740993", "9007199254740992"), Some(Ordering::Greater));
        assert_eq!(order("1.5", "2"), Some(Ordering::Less));
        assert_eq!(order("2.0", "2"), Some(Ordering::Equal));
        assert_eq!(Number::read("0.015").map(Number::millionths), Some(15_000));
    }

    #[test]
    fn types_are_those_of_how_it_is_written() {
        let json = |text: &str| serde_json::from_str::<Value>(text).ok();
        let is = |text: &str, kind| json(text).is_some_and(|value| Cell::of_json(&value).is(kind));
        assert!(is("1", ColumnType::Integer) && !is("1.0", ColumnType::Integer) && is("1.5", ColumnType::Number));
        assert!(!is("\"1\"", ColumnType::Number) && is("\"1\"", ColumnType::Text) && !is("1", ColumnType::Text));
        assert!(is("true", ColumnType::Boolean) && !is("\"true\"", ColumnType::Boolean));
        assert!(Cell::Text("True").is(ColumnType::Boolean) && !Cell::Text("1").is(ColumnType::Boolean));
        assert!(is("null", ColumnType::Integer), "what is missing is not of another type");
        assert!(!is("[1]", ColumnType::Number) && !is("{}", ColumnType::Text));
    }

    #[test]
    fn instants_are_read_in_utc() {
        let of = |text: &str| Cell::Text(text).instant(ColumnType::Time);
        assert_eq!(of("1970-01-02"), Some(86_400_000));
        assert_eq!(of("1970-01-01 00:00:01"), Some(1_000));
        assert_eq!(of("1970-01-01T01:00:01+01:00"), Some(1_000));
        assert_eq!(of("yesterday"), None);
        assert_eq!(of("1970"), None);
        assert_eq!(Cell::Text("2").instant(ColumnType::EpochSeconds), Some(2_000));
        assert_eq!(Cell::Text("2").instant(ColumnType::EpochMilliseconds), Some(2));
        assert_eq!(Cell::Text("2.5").instant(ColumnType::EpochSeconds), None);
    }
}
