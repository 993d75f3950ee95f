//! Addresses, taken apart as Python's `urllib.parse` takes them apart.

use super::ENCODED_MAX;

/// Are the parts of an address that matter here.
pub(super) struct Parts {
    /// In small letters; empty if there is none.
    pub(super) scheme: String,
    /// What stands behind two slashes, up to the next one.
    pub(super) authority: String,
    /// The path, without query and fragment.
    pub(super) path: String,
}

/// Takes an address apart.
pub(super) fn split(address: &str) -> Parts {
    parts(address, true)
}

/// Takes an address apart in which `#` is a character as any other.
pub(super) fn split_whole(address: &str) -> Parts {
    parts(address, false)
}

fn parts(address: &str, has_fragment: bool) -> Parts {
    let address = address.trim_start_matches(|c: char| c <= ' ').replace(['\t', '\r', '\n'], "");
    let (scheme, rest) = match address.split_once(':') {
        Some((scheme, rest)) if is_scheme(scheme) => (scheme.to_lowercase(), rest),
        _ => (String::new(), address.as_str()),
    };
    let (authority, rest) = match rest.strip_prefix("//") {
        Some(rest) => rest.split_at_checked(rest.find(['/', '?', '#']).unwrap_or(rest.len())).unwrap_or((rest, "")),
        None => ("", rest),
    };
    let end = rest.find(|c: char| c == '?' || (c == '#' && has_fragment)).unwrap_or(rest.len());
    let path = rest.get(..end).unwrap_or_default();
    Parts { scheme, authority: authority.to_owned(), path: path.to_owned() }
}

fn is_scheme(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(is_part)
}

/// Returns the segments of a path that are not empty; single dots are passed over.
pub(super) fn segments(path: &str) -> Vec<String> {
    path.split('/').filter(|part| !matches!(*part, "" | ".")).map(str::to_owned).collect()
}

/// Decodes a text until it stays as it is; nothing if that takes more than a few times.
pub(super) fn decoded(text: &str, plus_is_space: bool) -> Option<String> {
    let mut text = text.to_owned();
    for _ in 0..=ENCODED_MAX {
        let next = unquoted(&text, plus_is_space);
        if next == text {
            return Some(text);
        }
        text = next;
    }
    None
}

/// Decodes what is percent-encoded, once; bytes that are no text become the sign for that.
pub(super) fn unquoted(text: &str, plus_is_space: bool) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let pair = if *first == b'%' { pair(tail) } else { None };
        bytes.push(match (pair, first) {
            (Some(byte), _) => byte,
            (None, b'+') if plus_is_space => b' ',
            (None, byte) => *byte,
        });
        rest = if pair.is_some() { tail.get(2..).unwrap_or_default() } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Reads two hexadecimal digits.
fn pair(tail: &[u8]) -> Option<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let [high, low, ..] = tail else { return None };
    Some((digit(high)? << 4) | digit(low)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        for (address, scheme, authority, path) in [
            ("s3://b/p?x#y", "s3", "b", "/p"),
            (" \tRuns:/a/b", "runs", "", "/a/b"),
            ("a/b:c", "", "", "a/b:c"),
            ("1a:b", "", "", "1a:b"),
            ("models:///m", "models", "", "/m"),
            ("//h/p", "", "h", "/p"),
            ("s\n3:/a\tb", "s3", "", "/ab"),
            (":a", "", "", ":a"),
        ] {
            let parts = split(address);
            assert_eq!((&*parts.scheme, &*parts.authority, &*parts.path), (scheme, authority, path), "{address:?}");
        }
        assert_eq!(split_whole("models:/a#b/1").path, "/a#b/1");
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        for (text, expected) in [("%41%zz%4", "A%zz%4"), ("a+b", "a b"), ("%c3%a4%ff", "ä\u{fffd}"), ("%", "%")] {
            assert_eq!(unquoted(text, true), expected, "{text}");
        }
        assert_eq!(unquoted("a+b", false), "a+b");
        assert_eq!(decoded("%252e", false).as_deref(), Some("."));
    }
}
