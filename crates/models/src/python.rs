//! How Python writes and classifies what MLflow puts into its texts: `repr`, `int`, `float`, `str.isspace`, `\w`.

/// Returns true for what Python's `\w` matches: letters, digits of all kinds and the underscore.
///
/// Rust counts some combining marks as alphabetic, which Python does not; the difference is kept.
pub(crate) fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// Returns true for what Python's `\s` matches; it counts the four separators of ASCII, which Rust does not.
pub(crate) fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// Writes a text as `repr` does: in single quotes, or in double quotes if it has a single quote and no double one.
pub(crate) fn text(value: &str) -> String {
    let quote = if value.contains('\'') && !value.contains('"') { '"' } else { '\'' };
    let inner: String = value.chars().map(|c| character(c, quote)).collect();
    format!("{quote}{inner}{quote}")
}

fn character(c: char, quote: char) -> String {
    match c {
        '\\' => "\\\\".to_owned(),
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        c if c == quote => format!("\\{c}"),
        ' '..='~' => c.to_string(),
        c if is_printable(c) => c.to_string(),
        c => escaped(u32::from(c)),
    }
}

fn escaped(code: u32) -> String {
    match code {
        0..=0xff => format!("\\x{code:02x}"),
        0x100..=0xffff => format!("\\u{code:04x}"),
        _ => format!("\\U{code:08x}"),
    }
}

/// Returns true for what Python prints as it is; `char::escape_debug` draws nearly the same line.
fn is_printable(c: char) -> bool {
    let is_unseen = matches!(c, '\u{ad}' | '\u{600}'..='\u{605}' | '\u{200b}'..='\u{200f}' | '\u{feff}');
    !c.is_control() && !c.is_whitespace() && !is_unseen && !is_unassigned(c)
}

fn is_unassigned(c: char) -> bool {
    // A combining mark is escaped at the start of a text alone, so another character stands before it.
    let mut escaped = ['a', c].iter().collect::<String>();
    escaped = escaped.escape_debug().collect();
    escaped.starts_with("a\\u")
}

/// Writes bytes as `repr` does.
pub(crate) fn bytes(value: &[u8]) -> String {
    let quote = if value.contains(&b'\'') && !value.contains(&b'"') { '"' } else { '\'' };
    let byte = |byte: &u8| match byte {
        b'\\' => "\\\\".to_owned(),
        b'\n' => "\\n".to_owned(),
        b'\r' => "\\r".to_owned(),
        b'\t' => "\\t".to_owned(),
        b if char::from(*b) == quote => format!("\\{quote}"),
        b' '..=b'~' => char::from(*byte).to_string(),
        b => format!("\\x{b:02x}"),
    };
    format!("b{quote}{}{quote}", value.iter().map(byte).collect::<String>())
}

/// Writes texts as `repr` writes a list of them.
pub(crate) fn list<T: AsRef<str>>(values: &[T]) -> String {
    format!("[{}]", texts(values))
}

/// Writes texts as `repr` writes a tuple of them; there is more than one.
pub(crate) fn tuple<T: AsRef<str>>(values: &[T]) -> String {
    format!("({})", texts(values))
}

/// Writes texts as `repr` writes a set of them, in the order given.
///
/// The order of a Python set of texts differs from process to process; here it is the alphabetical one.
pub(crate) fn set<T: AsRef<str>>(values: &[T]) -> String {
    format!("{{{}}}", texts(values))
}

fn texts<T: AsRef<str>>(values: &[T]) -> String {
    values.iter().map(|value| text(value.as_ref())).collect::<Vec<_>>().join(", ")
}

/// Reads a text as `int` does, and writes the number in its shortest form; `None` where `int` raises.
///
/// Accepted are white space around it, a sign, leading zeros, and single underscores between digits.
pub(crate) fn integer(text: &str) -> Option<String> {
    let text = text.trim_matches(is_space);
    let (sign, digits) = signed(text);
    let digits = ungrouped(digits)?;
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let digits = digits.trim_start_matches('0');
    Some(if digits.is_empty() { "0".to_owned() } else { format!("{sign}{digits}") })
}

fn signed(text: &str) -> (&'static str, &str) {
    match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    }
}

/// Takes underscores out; `None` if one does not stand between two digits.
fn ungrouped(text: &str) -> Option<String> {
    let groups: Vec<&str> = text.split('_').collect();
    let joins = |pair: &[&str]| match pair {
        [before, after] => {
            before.ends_with(|c: char| c.is_ascii_digit()) && after.starts_with(|c: char| c.is_ascii_digit())
        }
        _ => false,
    };
    groups.windows(2).all(joins).then(|| groups.concat())
}

/// Is a decimal number in parts: the sign, the significant digits, and the power of ten of the point before them.
struct Decimal {
    sign: &'static str,
    digits: String,
    point: i64,
}

/// Reads what `float` reads of digits, a point and an exponent; `None` for words and all else.
fn decimal(text: &str) -> Option<Decimal> {
    let (sign, rest) = signed(text);
    let rest = ungrouped(rest)?.to_ascii_lowercase();
    let (mantissa, exponent) = rest.split_once('e').unwrap_or((&rest, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let (_, power) = signed(exponent);
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !are_digits(&digits) || !are_digits(power) {
        return None;
    }
    // An exponent beyond any float is as good as one at the end of what an integer holds.
    let power = exponent.trim_start_matches('+').parse::<i32>().map_or(i64::from(i32::MAX), i64::from);
    let power = if exponent.starts_with('-') { -power.abs() } else { power };
    let point = i64::try_from(whole.len()).ok()?.saturating_add(power);
    let zeros = digits.len() - digits.trim_start_matches('0').len();
    let digits = digits.trim_matches('0').to_owned();
    Some(Decimal { sign, digits, point: point.saturating_sub(i64::try_from(zeros).ok()?) })
}

/// Returns true for what `float` reads as a number, words such as `inf` and `nan` included.
pub(crate) fn is_float(text: &str) -> bool {
    let text = text.trim_matches(is_space);
    let (_, word) = signed(text);
    is_float_word(word) || decimal(text).is_some()
}

/// Returns true for the words that `float` reads: infinity and not-a-number.
pub(crate) fn is_float_word(text: &str) -> bool {
    ["inf", "infinity", "nan"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// The largest finite double is below this many tenths of a power of ten: 0.17976931348623157 × 10^309.
const LARGEST: &str = "17976931348623157";

/// Writes a number as `repr(float(text))` does, digits beyond the seventeenth aside; a text that is no number as it is.
///
/// No float is computed: what differs from Python are numbers with more digits than a double holds.
pub(crate) fn float(text: &str) -> String {
    let trimmed = text.trim_matches(is_space);
    let (sign, word) = signed(trimmed);
    if is_float_word(word) {
        let word = word.to_ascii_lowercase();
        return if word == "nan" { word } else { format!("{sign}inf") };
    }
    let Some(Decimal { sign, digits, point }) = decimal(trimmed) else { return text.to_owned() };
    if digits.is_empty() || point < -323 {
        return format!("{sign}0.0");
    }
    if point > 309 || (point == 309 && digits.as_str() > LARGEST) {
        return format!("{sign}inf");
    }
    format!("{sign}{}", placed(&digits, point))
}

/// Writes a finite number without what is behind its point, as `int(float(text))` does; `None` for all else.
///
/// The digits are those of the text: Python has those of the nearest double from the seventeenth on.
pub(crate) fn truncated(text: &str) -> Option<String> {
    let Decimal { sign, digits, point } = decimal(text)?;
    if float(text).ends_with("inf") {
        return None;
    }
    let count = usize::try_from(point).unwrap_or(0);
    let whole = digits.get(..count).map_or_else(|| format!("{digits:0<count$}"), str::to_owned);
    if digits.is_empty() || whole.is_empty() { Some("0".to_owned()) } else { Some(format!("{sign}{whole}")) }
}

/// Places the point among the digits, or writes an exponent below 10^-4 and from 10^16.
fn placed(digits: &str, point: i64) -> String {
    if !(-3..=16).contains(&point) {
        let (first, rest) = digits.split_at_checked(1).unwrap_or((digits, ""));
        let fraction = if rest.is_empty() { String::new() } else { format!(".{rest}") };
        let (sign, power) = if point < 1 { ('-', 1 - point) } else { ('+', point - 1) };
        return format!("{first}{fraction}e{sign}{power:02}");
    }
    let count = usize::try_from(point).unwrap_or(0);
    if point <= 0 {
        let zeros = usize::try_from(-point).unwrap_or(0);
        return format!("0.{}{digits}", "0".repeat(zeros));
    }
    match digits.split_at_checked(count) {
        Some((whole, fraction)) if !fraction.is_empty() => format!("{whole}.{fraction}"),
        _ => format!("{digits:0<count$}.0"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_written_as_repr_writes_them() {
        for (value, expected) in [
            ("a", "'a'"),
            ("it's", "\"it's\""),
            ("it's \"b\"", "'it\\'s \"b\"'"),
            ("a\\b\n\u{7f}\u{a0}", "'a\\\\b\\n\\x7f\\xa0'"),
            ("ä\u{301}\u{200b}\u{10ffff}", "'ä\u{301}\\u200b\\U0010ffff'"),
        ] {
            assert_eq!(text(value), expected);
        }
        assert_eq!(bytes(b"a'\x00"), "b\"a'\\x00\"");
    }

    #[test]
    fn numbers_are_written_as_python_writes_them() {
        for (value, expected) in [
            ("1", "1.0"),
            ("-0", "-0.0"),
            ("1.50", "1.5"),
            ("5.", "5.0"),
            (".5", "0.5"),
            ("0.0001", "0.0001"),
            ("0.00001", "1e-05"),
            ("1e15", "1000000000000000.0"),
            ("1e16", "1e+16"),
            ("123e20", "1.23e+22"),
            ("1e400", "inf"),
            ("-1e-400", "-0.0"),
            ("NaN", "nan"),
        ] {
            assert_eq!(float(value), expected, "{value}");
        }
        for (value, expected) in
            [("007", Some("7")), (" -1_0 ", Some("-10")), ("+0", Some("0")), ("1__0", None), ("1.0", None), ("", None)]
        {
            assert_eq!(integer(value).as_deref(), expected, "{value}");
        }
    }
}
