//! What stands in quotes, backticks and brackets.

use super::{Here, Kind, is_word};

/// Takes a name in backticks or acute accents; a doubled one stands for itself.
pub(super) fn name(here: Here<'_>) -> Option<(Kind, usize)> {
    let quote = ['`', '´'].into_iter().find(|quote| here.rest.starts_with(*quote))?;
    Some((Kind::Name, quoted(here.rest, quote, false)?))
}

/// Takes a text in single or double quotes; a doubled quote or one behind a backslash does not end it.
pub(super) fn text(here: Here<'_>) -> Option<(Kind, usize)> {
    let quotes = [('\'', Kind::Text), ('"', Kind::Symbol)];
    let (quote, kind) = quotes.into_iter().find(|(quote, _)| here.rest.starts_with(*quote))?;
    Some((kind, quoted(here.rest, quote, true)?))
}

/// Takes a name in square brackets that nothing is indexed by.
pub(super) fn bracketed(here: Here<'_>) -> Option<(Kind, usize)> {
    let inner = here.rest.strip_prefix('[')?;
    let is_index = here.before.is_some_and(|c| is_word(c) || matches!(c, ']' | ')'));
    let end = inner.find(['[', ']'])?;
    let is_name = !is_index && end > 0 && inner.get(end..)?.starts_with(']');
    is_name.then_some((Kind::Name, end + 2))
}

/// Returns the length of what is quoted; `None` if nothing closes it.
///
/// Where a text ends without a closing quote, the last quote that was read as part of it is taken as the closing one.
fn quoted(text: &str, quote: char, backslash: bool) -> Option<usize> {
    let mut chars = text.char_indices().skip(1).peekable();
    let mut fallback = None;
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map(|(_, next)| *next);
        if c == quote {
            if next != Some(quote) {
                return Some(at + quote.len_utf8());
            }
            fallback = Some(at + quote.len_utf8());
            chars.next();
        } else if backslash && c == '\\' && next == Some(quote) {
            fallback = Some(at + 1 + quote.len_utf8());
            chars.next();
        }
    }
    fallback
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_close_where_the_sql_reader_closes_them() {
        for (text, expected) in [
            ("''", Some(2)),
            ("'a' 'b'", Some(3)),
            ("'a''b'", Some(6)),
            ("'a\\'b'", Some(6)),
            ("'a\\'", Some(4)),
            ("'a''b", Some(3)),
            ("'a\\\\' '", Some(7)),
            ("'a", None),
            ("'", None),
        ] {
            assert_eq!(quoted(text, '\'', true), expected, "{text}");
        }
        assert_eq!(quoted("`a\\` `", '`', false), Some(4));
    }
}
