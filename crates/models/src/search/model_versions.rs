//! Filters of model versions: attributes and tags.

use super::clause::{Clause, Comparator, Entity, Number, NumberKind, Value};
use super::items::Part;
use super::registry::{Reading, text_comparator};
use super::value;
use crate::{Refusal, python};

/// The attributes that can be searched, in alphabetical order.
pub const ATTRIBUTES: [&str; 4] = ["name", "run_id", "source_path", "version_number"];

const NUMERIC: [&str; 3] = ["creation_timestamp", "last_updated_timestamp", "version_number"];
const NUMBERS: [&str; 6] = ["!=", "<", "<=", "=", ">", ">="];

const READING: Reading = Reading { attributes: &ATTRIBUTES, lists: &["name", "run_id"], number, attribute };

/// Reads a filter of model versions.
///
/// A `version_number` is an integer, with or without quotes. Prompts are left to whoever runs the clauses, as in
/// [`super::registered_models::filter`].
///
/// # Errors
///
/// What is no clause of this grammar, an unknown key, a value of the wrong kind, a comparator that its key lacks.
pub fn filter(text: &str) -> Result<Vec<Clause>, Refusal> {
    READING.filter(text)
}

fn number(key: &str, part: &Part) -> Option<Result<Value, Refusal>> {
    if !part.is_number() {
        return None;
    }
    if NUMERIC.contains(&key) {
        return Some(Ok(value::number(part)));
    }
    let message = format!("Only the '{}' attributes support comparison with numeric values.", python::set(&NUMERIC));
    Some(Err(Refusal::new(message)))
}

fn attribute(key: &str, operator: &str, value: Value) -> Result<(Comparator, Value), Refusal> {
    if key == "version_number" {
        let message = || format!("Invalid comparator for attribute {key}: {operator}");
        let comparator = Comparator::read(operator).filter(|_| NUMBERS.contains(&operator));
        return Ok((comparator.ok_or_else(|| Refusal::new(message()))?, version(key, value)?));
    }
    let lists = [Comparator::In, Comparator::NotIn];
    let more: &[Comparator] = if key == "source_path" { &[] } else { &lists };
    Ok((text_comparator(Entity::Attribute, operator, more)?, value))
}

fn version(key: &str, value: Value) -> Result<Value, Refusal> {
    let shown = match &value {
        Value::Number(number) if number.kind == NumberKind::Integer => return Ok(value),
        Value::Number(number) => number.as_float_text(),
        Value::Text(text) => match python::integer(text) {
            Some(number) => return Ok(Value::Number(Number::integer(number))),
            None => python::text(text),
        },
        Value::List(texts) => python::list(texts),
        Value::Null => "None".to_owned(),
    };
    Err(Refusal::new(format!("Invalid value for numeric attribute '{key}': {shown}")))
}
