//! Text from agents, made safe to look at.
//!
//! What a person approves must be what is executed, so nothing an agent writes may move, hide or
//! colour what the person sees.

use std::fmt::Write as _;

/// Says whether a character could change how the text around it is shown.
pub fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Writes deceptive characters, and the backslash, as `\u{…}`, so that [`unescape`] gives the text back.
///
/// Line feeds are kept when `lines` is set, and escaped otherwise.
pub fn escape(text: &str, lines: bool) -> String {
    if text.bytes().all(|b| matches!(b, b' '..=b'~') && b != b'\\') {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '\\' || (is_deceptive(c) && !(lines && c == '\n')) {
            // Writing to a `String` cannot fail.
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

/// Writes deceptive characters of a JSON text as JSON's own escapes with `\u`: it is JSON still, and still means the same.
///
/// Line feeds are kept when `lines` is set. Other white space between tokens becomes a blank; inside a string JSON has no
/// such character.
///
/// - `json`: a well-formed JSON text; of anything else only [`escape`] is safe to read back.
pub fn escape_json(json: &str, lines: bool) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '\n' if lines => out.push(c),
            '\n' | '\r' | '\t' => out.push(' '),
            c if is_deceptive(c) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    // Writing to a `String` cannot fail.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
            c => out.push(c),
        }
    }
    out
}

/// Reverses [`escape`]; `None` if the text was not made by it.
pub fn unescape(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(rest.get(..at)?);
        let (hex, tail) = rest.get(at..)?.strip_prefix("\\u{")?.split_once('}')?;
        out.push(char::from_u32(u32::from_str_radix(hex, 16).ok()?)?);
        rest = tail;
    }
    out.push_str(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_moves_or_hides_text_survives() {
        for c in [
            '\u{202e}',
            '\u{200b}',
            '\u{1b}',
            '\r',
            '\u{feff}',
            '\u{e0041}',
            '\u{2066}',
            '\u{7f}',
            '\u{9b}',
            '\u{3164}',
        ] {
            let shown = escape(&format!("a{c}b"), true);
            assert!(!shown.contains(c), "{c:?} survived");
        }
        assert_eq!(escape("a\nb", true), "a\nb");
        assert_eq!(escape("a\nb", false), "a\\u{a}b");
    }

    #[test]
    fn json_is_shown_as_the_json_it_is() {
        assert_eq!(escape_json(r#"{"a":"x\ny","b":"\\"}"#, false), r#"{"a":"x\ny","b":"\\"}"#);
        assert_eq!(escape_json("{\"a\":\"safe\u{202e}txt\u{e0041}\"}", false), r#"{"a":"safe\u202etxt\udb40\udc41"}"#);
        let spaced = "{\r\n\t\"a\": 1\n}";
        assert_eq!(escape_json(spaced, true), "{ \n \"a\": 1\n}");
        let line = escape_json(spaced, false);
        assert_eq!(line, "{   \"a\": 1 }");
        assert!(serde_json::from_str::<serde_json::Value>(&line).is_ok());
    }

    proptest::proptest! {
        #[test]
        fn what_is_shown_is_what_was_written(text in proptest::prelude::any::<String>(), lines: bool) {
            let shown = escape(&text, lines);
            proptest::prop_assert_eq!(unescape(&shown), Some(text));
        }
    }
}
