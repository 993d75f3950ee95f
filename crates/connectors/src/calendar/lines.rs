//! Content lines: unfolded, and taken apart into name, parameters and value (RFC 5545 §3.1).

use super::CalendarError;

/// Is one content line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// Its number in the text, counted from 1; of the first part, where it is folded.
    pub(super) number: usize,
    /// The name in upper case.
    pub(super) name: String,
    /// The parameters, each name in upper case with its value; of several values the first.
    pub(super) parameters: Vec<(String, String)>,
    /// The value as it stands.
    pub(super) value: String,
}

impl Line {
    /// Returns the value of a parameter.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

/// Takes a text apart into content lines; empty ones are passed over.
///
/// # Errors
///
/// [`CalendarError::Invalid`] at the first line that is none.
pub(super) fn lines(text: &str) -> Result<Vec<Line>, CalendarError> {
    let mut unfolded: Vec<(usize, String)> = Vec::new();
    for (at, line) in text.split('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        // "Long content lines SHOULD be split into a multiple line representations using a line "folding" technique" (§3.1)
        match (line.strip_prefix([' ', '\t']), unfolded.last_mut()) {
            (Some(more), Some((_, before))) => before.push_str(more),
            _ if line.is_empty() => {}
            _ => unfolded.push((at + 1, line.to_owned())),
        }
    }
    unfolded.into_iter().map(|(number, line)| parse(number, &line)).collect()
}

fn parse(number: usize, line: &str) -> Result<Line, CalendarError> {
    let wrong = |what: &str| CalendarError::invalid(number, what);
    if line.chars().any(|c| c.is_control() && c != '\t') {
        return Err(wrong("a line holds no control characters"));
    }
    let end = line.find([';', ':']).ok_or_else(|| wrong("a line is `NAME:VALUE`, and this has no `:`"))?;
    let (name, mut rest) = line.split_at(end);
    if name.is_empty() || !name.bytes().all(is_name) {
        return Err(wrong("the name of a line has letters, digits and `-` alone"));
    }
    let mut parameters = Vec::new();
    while let Some(more) = rest.strip_prefix(';') {
        let (parameter, after) = parameter(more).ok_or_else(|| wrong("a parameter is `;NAME=VALUE`"))?;
        parameters.push(parameter);
        rest = after;
    }
    let value = rest.strip_prefix(':').ok_or_else(|| wrong("the value of a line stands behind a `:`"))?;
    Ok(Line { number, name: name.to_ascii_uppercase(), parameters, value: value.to_owned() })
}

/// Reads one parameter, and returns what stands behind it. Of several values the first is kept.
fn parameter(text: &str) -> Option<((String, String), &str)> {
    let (name, rest) = text.split_once('=')?;
    if name.is_empty() || !name.bytes().all(is_name) {
        return None;
    }
    let (first, mut rest) = one_value(rest)?;
    while let Some(more) = rest.strip_prefix(',') {
        rest = one_value(more)?.1;
    }
    Some(((name.to_ascii_uppercase(), first.to_owned()), rest))
}

fn one_value(text: &str) -> Option<(&str, &str)> {
    match text.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"'),
        None => {
            let end =
                text.find([';', ':', ',', '"']).filter(|at| !text.get(*at..).unwrap_or_default().starts_with('"'))?;
            Some(text.split_at(end))
        }
    }
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-'
}
