//! Parameters of a request: whether they are there, and of the kind they should be.
//!
//! MLflow first reads a request by its schema, which also takes a number in quotes and the like. Only if that fails does
//! it look at the kinds of single parameters, so [`parameter`] belongs behind a request that could not be read.

use std::fmt::Display;

use super::{invalid, missing};
use crate::{Given, Refusal, python};

const HINT: &str = " See the API docs for more information about request parameters.";

/// Is the kind of value that a parameter takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Is a text.
    Text,
    /// Is an integer, or what becomes one: a number, a boolean, or a text of digits.
    Integer,
    /// Is a number, or what becomes one.
    Float,
    /// Is true or false.
    Bool,
    /// Is an array.
    List,
    /// Is an array of texts.
    Texts,
}

/// Checks that a required parameter is there; an empty text is not.
///
/// # Errors
///
/// A parameter that is missing, null or empty.
pub fn required(name: impl Display, value: Option<&Given>) -> Result<(), Refusal> {
    match value {
        None | Some(Given::Null) => Err(hinted(&missing(&name.to_string()))),
        Some(Given::Text(text)) if text.is_empty() => Err(hinted(&missing(&name.to_string()))),
        Some(_) => Ok(()),
    }
}

/// Checks the kind of a parameter.
///
/// # Errors
///
/// A value of another kind.
pub fn parameter(name: impl Display, value: &Given, kind: Kind) -> Result<(), Refusal> {
    let is_text = |value: &Given| matches!(value, Given::Text(_));
    let fits = match (kind, value) {
        (Kind::Text, value) => is_text(value),
        (Kind::Integer, Given::Text(text)) => python::integer(text).is_some(),
        (Kind::Float, Given::Text(text)) => python::is_float(text),
        (Kind::Integer, Given::Float(text)) => python::truncated(text).is_some(),
        (Kind::Integer | Kind::Float, value) => matches!(value, Given::Integer(_) | Given::Float(_) | Given::Bool(_)),
        (Kind::Bool, value) => matches!(value, Given::Bool(_)),
        (Kind::List, value) => matches!(value, Given::List(_)),
        (Kind::Texts, Given::List(values)) => values.iter().all(is_text),
        (Kind::Texts, _) => false,
    };
    if fits { Ok(()) } else { Err(wrong(&name.to_string(), value)) }
}

/// Checks that a number, what is behind its point cut off, or a text of digits, is at most so much.
///
/// # Errors
///
/// One that is more, and what is no integer.
pub fn at_most(name: &str, value: &Given, most: u64) -> Result<(), Refusal> {
    let number = match value {
        Given::Integer(text) | Given::Text(text) => python::integer(text),
        Given::Float(text) => python::truncated(text),
        Given::Bool(value) => Some(u8::from(*value).to_string()),
        _ => None,
    };
    // A number too long to be read is more than any limit.
    let fits = number.is_some_and(|text| text.starts_with('-') || text.parse().is_ok_and(|number: u64| number <= most));
    if fits { Ok(()) } else { Err(wrong(name, value)) }
}

fn wrong(name: &str, value: &Given) -> Refusal {
    let hint = format!(" Hint: Value was of type '{}'.", value.type_name());
    hinted(&invalid(name, value, Some(&hint)))
}

fn hinted(refusal: &Refusal) -> Refusal {
    Refusal::new(format!("{}{HINT}", refusal.message()))
}

/// Reads a boolean in the query of a `GET`, in any case.
///
/// # Errors
///
/// Any other text.
pub fn boolean(text: &str) -> Result<bool, Refusal> {
    match text.to_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Refusal::new(format!("Invalid boolean value: {text}, must be 'true' or 'false'."))),
    }
}

/// Refuses a request that spells one field in both of its ways, such as `run_id` and `runId`.
///
/// # Errors
///
/// An object that has both.
pub fn one_spelling(request: &Given, name: &str, json_name: &str) -> Result<(), Refusal> {
    let has = |name| request.member(name).is_some();
    if name == json_name || !has(name) || !has(json_name) {
        return Ok(());
    }
    Err(Refusal::new(format!("Request specifies both '{name}' and '{json_name}'; provide only one of them.")))
}
