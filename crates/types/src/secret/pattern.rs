//! Patterns of places in a JSON value: a JSON Pointer with wildcards.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Says why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It does not begin with `/`.
    #[error("`{0}` is not a JSON Pointer, which starts with `/`; `/*` is every member at the top")]
    NoPointer(String),
    /// A `~` stands alone.
    #[error("in `{0}` a `~` must be written `~0`, and a `/` inside a name `~1`")]
    Escape(String),
    /// It has more than 64 steps.
    #[error("`{0}` has more steps than a value can nest")]
    TooLong(String),
}

const STEPS_MAX: usize = crate::json::DEPTH_MAX;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Step {
    /// One name or position.
    Name(String),
    /// Any one name or position: `*`.
    Any,
    /// Any number of them, none too: `**`.
    Deep,
}

/// Is a set of places: `/password`, `/users/*/pin` (any position or name), `/**/ssn` (at any depth).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pattern {
    text: String,
    steps: Vec<Step>,
}

impl Pattern {
    /// Returns the text it was written as.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Says whether it names exactly the place that a path leads to.
    pub fn matches(&self, path: &[String]) -> bool {
        matches(&self.steps, path)
    }
}

fn matches(steps: &[Step], path: &[String]) -> bool {
    match (steps.split_first(), path.split_first()) {
        (None, first) => first.is_none(),
        (Some((Step::Deep, rest)), first) => {
            matches(rest, path) || first.is_some_and(|(_, deeper)| matches(steps, deeper))
        }
        (Some(_), None) => false,
        (Some((Step::Any, rest)), Some((_, deeper))) => matches(rest, deeper),
        (Some((Step::Name(name), rest)), Some((step, deeper))) => name == step && matches(rest, deeper),
    }
}

/// Reads the names and positions of a JSON Pointer.
pub(super) fn steps(text: &str) -> Result<Vec<String>, PatternError> {
    let inner = text.strip_prefix('/').ok_or_else(|| PatternError::NoPointer(text.to_owned()))?;
    let steps: Option<Vec<String>> = inner.split('/').map(unescape).collect();
    steps.ok_or_else(|| PatternError::Escape(text.to_owned()))
}

fn unescape(step: &str) -> Option<String> {
    let mut pieces = step.split('~');
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (sign, rest) =
            if let Some(rest) = piece.strip_prefix('0') { ('~', rest) } else { ('/', piece.strip_prefix('1')?) };
        out.push(sign);
        out.push_str(rest);
    }
    Some(out)
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut written = steps(text)?;
        written.dedup_by(|next, step| next == "**" && step == "**");
        if written.len() > STEPS_MAX {
            return Err(PatternError::TooLong(text.to_owned()));
        }
        let step = |name: String| match name.as_str() {
            "*" => Step::Any,
            "**" => Step::Deep,
            _ => Step::Name(name),
        };
        Ok(Self { text: text.to_owned(), steps: written.into_iter().map(step).collect() })
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Pattern {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hits(pattern: &str, pointer: &str) -> bool {
        pattern.parse::<Pattern>().unwrap().matches(&steps(pointer).unwrap())
    }

    #[test]
    fn a_pattern_names_exactly_its_places() {
        for (pattern, pointer, expected) in [
            ("/a", "/a", true),
            ("/a", "/b", false),
            ("/a", "/a/b", false),
            ("/*", "/a", true),
            ("/*", "/a/b", false),
            ("/a/*/b", "/a/0/b", true),
            ("/a/*/b", "/a/b", false),
            ("/**/b", "/b", true),
            ("/**/b", "/a/0/b", true),
            ("/**/b", "/a/b/c", false),
            ("/a/**", "/a", true),
            ("/a/**", "/a/b/c", true),
            ("/a~1b/~0", "/a~1b/~0", true),
            ("/**/**/a/**/b", "/x/a/y/z/b", true),
        ] {
            assert_eq!(hits(pattern, pointer), expected, "{pattern} {pointer}");
        }
    }

    #[test]
    fn what_is_no_pointer_is_refused() {
        for (text, expected) in [
            ("", "starts with `/`"),
            ("a", "starts with `/`"),
            ("/a~", "`~0`"),
            ("/a~2b", "`~0`"),
            (&"/a".repeat(65), "more steps"),
        ] {
            assert!(text.parse::<Pattern>().unwrap_err().to_string().contains(expected), "{text}");
        }
    }
}
