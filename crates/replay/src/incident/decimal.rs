//! Numbers of JSON compared exactly, without floats.

use std::cmp::Ordering;
use std::fmt;

/// Is a decimal number as it stands in a text, compared by its value.
#[derive(Debug, Clone)]
pub struct Decimal {
    negative: bool,
    /// Its digits without zeros on either side; empty for zero.
    digits: String,
    /// The value is 0.DIGITS times ten to this power.
    power: i64,
    text: String,
}

impl Decimal {
    /// Reads a number as JSON writes it; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, rest) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = rest.split_once(['e', 'E']).unwrap_or((rest, "0"));
        let exponent: i64 = exponent.strip_prefix('+').unwrap_or(exponent).parse().ok()?;
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        if whole.is_empty() || !all.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let leading = all.len() - all.trim_start_matches('0').len();
        let digits = all.trim_matches('0').to_owned();
        let power =
            i64::try_from(whole.len()).ok()?.checked_sub(i64::try_from(leading).ok()?)?.checked_add(exponent)?;
        let zero = digits.is_empty();
        Some(Self { negative: negative && !zero, power: if zero { 0 } else { power }, digits, text: text.to_owned() })
    }

    fn magnitude(&self, other: &Self) -> Ordering {
        match (self.digits.is_empty(), other.digits.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => self.power.cmp(&other.power).then_with(|| self.digits.cmp(&other.digits)),
        }
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => self.magnitude(other),
            (true, true) => other.magnitude(self),
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Decimal {}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_in_the_order_of_their_values() {
        let ordered =
            ["-1e3", "-12.5", "-12", "-0.001", "0", "1e-7", "0.009", "0.01", "1", "1.5", "2", "10", "9007199254740991"];
        for (i, one) in ordered.iter().enumerate() {
            for (j, other) in ordered.iter().enumerate() {
                let (a, b) = (Decimal::parse(one).unwrap(), Decimal::parse(other).unwrap());
                assert_eq!(a.cmp(&b), i.cmp(&j), "{one} {other}");
            }
        }
        for (one, same) in [("0", "-0"), ("1", "1.0"), ("100", "1e2"), ("0.5", "5e-1"), ("1e+2", "100.00")] {
            assert_eq!(Decimal::parse(one), Decimal::parse(same), "{one} {same}");
        }
        for wrong in ["", "-", "1e", "abc", "1.x", ".5", "\"1\""] {
            assert!(Decimal::parse(wrong).is_none(), "{wrong}");
        }
    }
}
