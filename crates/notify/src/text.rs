//! Text from elsewhere, made inert: no channel takes it for markup, a mention, a link or a line of its own.

use std::fmt::Write as _;

use types::Millis;
use types::text::{escape, is_deceptive};

/// Is how many characters of one text are shown.
pub const SHOWN_MAX: usize = 200;

/// Writes a text so that no channel makes anything of it but its characters, cut to [`SHOWN_MAX`] of them.
///
/// Characters that move or hide text, markup (`<`, `>`, `&`, brackets, backquotes and asterisks), mentions and what clients
/// turn into links are written as `\u{…}`, as [`types::text::escape`] does; [`types::text::unescape`] gives the text back, unless it was cut.
pub fn inert(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    let mut before = None;
    for _ in 0..SHOWN_MAX {
        let Some(c) = characters.next() else { return out };
        let after = characters.peek().copied();
        if c == '\\' || is_deceptive(c) || is_markup(c) || makes_link(before, c, after) {
            // Writing to a `String` cannot fail.
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        } else {
            out.push(c);
        }
        before = Some(c);
    }
    if characters.peek().is_some() {
        out.push('…');
    }
    out
}

fn is_markup(c: char) -> bool {
    matches!(c, '<' | '>' | '&' | '[' | ']' | '`' | '*')
}

/// Says whether a character is where a client would find a link or a mention: in `://`, a host's name, or `@name`.
fn makes_link(before: Option<char>, c: char, after: Option<char>) -> bool {
    let inside = |side: Option<char>| side.is_some_and(char::is_alphanumeric);
    match c {
        ':' => after == Some('/'),
        '.' => inside(before) && inside(after),
        '@' => true,
        '#' | '!' => inside(after),
        // Cards compute what stands in two braces.
        '{' => after == Some('{'),
        _ => false,
    }
}

/// Writes a name that the bundle's rule for names admits, such as an agent's; only what no name may hold is escaped.
pub fn name(text: &str) -> String {
    if text.bytes().all(|b| b.is_ascii_alphanumeric() || b".:_@-".contains(&b)) { text.to_owned() } else { inert(text) }
}

/// Writes an instant in UTC, to the second, for people.
pub fn time(at: Millis) -> String {
    timestamp(at).map_or_else(|| at.0.to_string(), |at| at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}

/// Writes an instant as RFC 3339 does, for machines.
pub fn rfc3339(at: Millis) -> String {
    timestamp(at).map_or_else(String::new, |at| at.to_string())
}

fn timestamp(at: Millis) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_millisecond(at.0).ok()
}

/// Writes what failed, for the state of a target: without anything that could move, hide or colour what is seen.
pub fn failure(text: &str) -> String {
    escape(text, false).chars().take(SHOWN_MAX).collect()
}

#[cfg(test)]
mod tests {
    use types::text::unescape;

    use super::*;

    #[test]
    fn nothing_is_markup_a_mention_or_a_link() {
        for (hostile, shown) in [
            ("<!channel>", "\\u{3c}\\u{21}channel\\u{3e}"),
            ("@here", "\\u{40}here"),
            ("[click](https://evil.example)", "\\u{5b}click\\u{5d}(https\\u{3a}//evil\\u{2e}example)"),
            ("www.evil.example", "www\\u{2e}evil\\u{2e}example"),
            ("mailto:a@b", "mailto:a\\u{40}b"),
            ("{{DATE(1)}}", "\\u{7b}{DATE(1)}}"),
            ("a\r\nBcc: x", "a\\u{d}\\u{a}Bcc: x"),
            ("\u{202e}txt", "\\u{202e}txt"),
            ("\u{1b}[31m", "\\u{1b}\\u{5b}31m"),
            ("**bold** `code`", "\\u{2a}\\u{2a}bold\\u{2a}\\u{2a} \\u{60}code\\u{60}"),
        ] {
            assert_eq!(inert(hostile), shown);
        }
        for fine in ["restart the web tier", "prod", "a - b, 10 %", "e. g. this", "mcp:resources/read"] {
            assert_eq!(inert(fine), fine);
        }
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let long = "\u{202e}".repeat(SHOWN_MAX + 1);
        let shown = inert(&long);
        assert!(shown.ends_with("\\u{202e}…") && shown.matches("\\u").count() == SHOWN_MAX, "{shown}");
    }

    proptest::proptest! {
        #[test]
        fn what_is_shown_is_what_was_written(text in "(?s).{0,200}") {
            let shown = inert(&text);
            proptest::prop_assert!(!shown.contains(['<', '>', '&', '[', ']', '@', '\n', '\r']), "{}", shown);
            proptest::prop_assert!(!shown.contains("://"), "{}", shown);
            proptest::prop_assert_eq!(unescape(&shown), Some(text));
        }
    }
}
