//! Numbers of a filter, cut as the SQL reader cuts them: one that a letter follows loses its last digit to a word.

use super::{Here, Kind, behind, first, is_number_letter, run};

/// Takes a number with its sign.
pub(super) fn number(here: Here<'_>) -> Option<(Kind, usize)> {
    let minus = usize::from(here.rest.starts_with('-'));
    let rest = behind(here.rest, minus);
    let (kind, length) = hexadecimal(rest).or_else(|| power(rest)).or_else(|| point(rest)).or_else(|| integer(rest))?;
    Some((kind, minus + length))
}

fn digits(text: &str) -> usize {
    run(text, |c| c.is_ascii_digit())
}

fn hexadecimal(text: &str) -> Option<(Kind, usize)> {
    let rest = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"))?;
    let length = run(rest, |c| c.is_ascii_hexdigit());
    (length > 0).then_some((Kind::Hexadecimal, length + 2))
}

/// Takes a number with an exponent, whatever follows it.
fn power(text: &str) -> Option<(Kind, usize)> {
    let whole = digits(text);
    let fraction = behind(text, whole).strip_prefix('.').map_or(0, digits);
    let mantissa = if fraction > 0 { whole + 1 + fraction } else { whole };
    let rest = behind(text, mantissa).strip_prefix(['e', 'E'])?;
    let minus = usize::from(rest.starts_with('-'));
    let exponent = digits(behind(rest, minus));
    (whole > 0 && exponent > 0).then_some((Kind::Float, mantissa + 1 + minus + exponent))
}

fn point(text: &str) -> Option<(Kind, usize)> {
    let whole = digits(text);
    let fraction = digits(behind(text, whole).strip_prefix('.')?);
    // Without a whole part the fraction needs a digit of its own.
    let least = usize::from(whole == 0);
    let taken = shortened(text, whole + 1 + fraction, whole + 1 + least)?;
    Some((Kind::Float, taken))
}

fn integer(text: &str) -> Option<(Kind, usize)> {
    Some((Kind::Integer, shortened(text, digits(text), 1)?))
}

/// Returns the length without the last digit where a letter follows; `None` if less than the least is left.
fn shortened(text: &str, length: usize, least: usize) -> Option<usize> {
    let is_glued = first(behind(text, length)).is_some_and(is_number_letter);
    let taken = length.checked_sub(usize::from(is_glued))?;
    (taken >= least).then_some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_end_where_the_sql_reader_ends_them() {
        for (text, expected) in [
            ("12", Some((Kind::Integer, 2))),
            ("-12 ", Some((Kind::Integer, 3))),
            ("1.5", Some((Kind::Float, 3))),
            ("5.", Some((Kind::Float, 2))),
            (".5", Some((Kind::Float, 2))),
            ("-1.5e-3x", Some((Kind::Float, 7))),
            ("1.e5", Some((Kind::Integer, 1))),
            ("12a", Some((Kind::Integer, 1))),
            ("1a", None),
            ("1.25a", Some((Kind::Float, 3))),
            (".5a", None),
            ("0x1F", Some((Kind::Hexadecimal, 4))),
            ("-", None),
        ] {
            assert_eq!(number(Here { rest: text, before: None, closes: false }), expected, "{text}");
        }
    }
}
