//! Keys and values of metrics, parameters and tags.

use std::fmt::Display;

use super::{at_most_characters, invalid, invalid_text, joined, missing, unique_as_path};
use crate::{Given, Refusal, python};

const KEY_MAX: usize = 250;
const PARAM_VALUE_MAX: usize = 6_000;
const TAG_VALUE_MAX: usize = 8_000;

/// Checks the name of a metric. `path` is where it stands in the request, such as `name`.
///
/// # Errors
///
/// A character other than letters, digits, `_`, `-`, `.`, space, `:` and `/`; a name that is another one as a path.
pub fn metric_name(name: &str, path: impl Display) -> Result<(), Refusal> {
    key(name, path)
}

/// Checks the name of a parameter, as [`metric_name`] does.
///
/// # Errors
///
/// Those of [`metric_name`].
pub fn param_name(name: &str, path: impl Display) -> Result<(), Refusal> {
    key(name, path)
}

/// Checks the name of a tag, as [`metric_name`] does.
///
/// # Errors
///
/// Those of [`metric_name`].
pub fn tag_name(name: &str, path: impl Display) -> Result<(), Refusal> {
    key(name, path)
}

fn key(name: &str, path: impl Display) -> Result<(), Refusal> {
    let is_allowed = |c: char| python::is_word(c) || matches!(c, '/' | '.' | '-' | ' ' | ':');
    if !name.chars().all(is_allowed) {
        let message = "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), \
                       colon(:) and slashes (/).";
        return Err(invalid_text(&path.to_string(), name, Some(message)));
    }
    unique_as_path(path, name)
}

/// Checks a metric. `path` is empty for one on its own, else where it stands, such as `metrics[0]`.
///
/// # Errors
///
/// Those of [`metric_name`]; a value that is missing or no number; a timestamp that is none or below 0; a step that is
/// no number; a name of more than 250 characters.
pub fn metric(path: &str, name: &str, value: &Given, timestamp: &Given, step: &Given) -> Result<(), Refusal> {
    metric_name(name, joined(path, "name"))?;
    let value_path = joined(path, "value").to_string();
    if *value == Given::Null {
        return Err(missing(&value_path));
    }
    if !matches!(value, Given::Integer(_) | Given::Float(_)) {
        let when = timestamp.shown();
        let message = format!("(timestamp={when}). Please specify value as a valid double (64-bit floating point)");
        return Err(invalid(&value_path, value, Some(&message)));
    }
    let named = format!("metric '{name}' (value={}).", value.shown());
    if !is_number(timestamp) || is_negative(timestamp) {
        let message = format!("{named} Timestamp must be a nonnegative long (64-bit integer) ");
        return Err(invalid(&joined(path, "timestamp").to_string(), timestamp, Some(&message)));
    }
    if !is_number(step) {
        let message = format!("{named} Step must be a valid long (64-bit integer).");
        return Err(invalid(&joined(path, "step").to_string(), step, Some(&message)));
    }
    at_most_characters("Metric name", KEY_MAX, name)
}

/// Checks the name of a metric whose numbers are known to be right, as [`metric`] does.
///
/// # Errors
///
/// Those of [`metric_name`]; a name of more than 250 characters.
pub fn metric_key(path: impl Display, name: &str) -> Result<(), Refusal> {
    metric_name(name, joined(path, "name"))?;
    at_most_characters("Metric name", KEY_MAX, name)
}

fn is_number(value: &Given) -> bool {
    matches!(value, Given::Integer(_) | Given::Float(_) | Given::Bool(_))
}

fn is_negative(value: &Given) -> bool {
    let written = value.shown();
    written.starts_with('-') && written != "-0.0"
}

/// Checks a parameter, and returns its value, cut to 6,000 characters. `path` is as in [`metric`].
///
/// # Errors
///
/// Those of [`param_name`], and a name of more than 250 characters.
pub fn param<'a>(path: impl Display, name: &str, value: &'a str) -> Result<&'a str, Refusal> {
    param_name(name, joined(path, "key"))?;
    at_most_characters("Param key", KEY_MAX, name)?;
    Ok(cut(value, PARAM_VALUE_MAX))
}

/// Checks a tag of a run, and returns its value, cut to 8,000 characters. `path` is as in [`metric`].
///
/// # Errors
///
/// Those of [`tag_name`], and a name of more than 250 characters.
pub fn tag<'a>(path: impl Display + Copy, name: &str, value: &'a str) -> Result<&'a str, Refusal> {
    tag_name(name, joined(path, "key"))?;
    at_most_characters(joined(path, "key"), KEY_MAX, name)?;
    Ok(cut(value, TAG_VALUE_MAX))
}

/// Returns the first characters of a text.
fn cut(text: &str, characters: usize) -> &str {
    let end = text.char_indices().nth(characters).map_or(text.len(), |(at, _)| at);
    text.get(..end).unwrap_or(text)
}
