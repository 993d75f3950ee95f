//! Filters of experiments: attributes and tags.

use super::clause::{Clause, Comparator, Entity, Number, NumberKind, Value};
use super::identifier::experiment_identifier;
use super::runs::{fitting, read_attribute};
use super::statement::{self, Comparison, Shown};
use super::value;
use crate::{Refusal, names, python};

/// The attributes that can be searched and ordered by, in alphabetical order.
pub const ATTRIBUTES: [&str; 4] = ["creation_time", "experiment_id", "last_update_time", "name"];

const NUMERIC: [&str; 2] = ["creation_time", "last_update_time"];
const NUMBERS: [&str; 6] = ["!=", "<", "<=", "=", ">", ">="];
const TEXTS: [&str; 6] = ["!=", "=", "ILIKE", "IN", "LIKE", "NOT IN"];

/// Reads a filter of experiments.
///
/// The times compare with integers, milliseconds since the Unix epoch. An `experiment_id` is an integer in quotes, and
/// its value a [`Number`], or a list of integers in their shortest form. Comparators stand in capitals.
///
/// # Errors
///
/// What is no clause of this grammar, an unknown key, a value of the wrong kind, a comparator that its key lacks.
pub fn filter(text: &str) -> Result<Vec<Clause>, Refusal> {
    let read = statement::comparisons(text, Shown::Plain, Raw::read)?;
    fitting(read.into_iter().map(Raw::clause).collect::<Result<_, _>>()?)
}

struct Raw {
    entity: Entity,
    key: String,
    operator: String,
    value: Value,
}

impl Raw {
    fn read(comparison: &Comparison) -> Result<Self, Refusal> {
        let (entity, key) = experiment_identifier(&comparison.left, &ATTRIBUTES)?;
        let value = match &comparison.right {
            Some(part) if entity == Entity::Attribute => read_attribute(&key, part, &NUMERIC, &["experiment_id"])?,
            Some(part) if part.is_textual() => value::text(part)?,
            Some(part) => return Err(value::no_text(entity.name(), part)),
            None if entity == Entity::Tag => Value::Null,
            None => {
                return Err(Refusal::new(format!(
                    "IS NULL / IS NOT NULL is only supported for tags, not for attribute '{key}'"
                )));
            }
        };
        Ok(Self { entity, key, operator: comparison.operator.clone(), value })
    }

    fn clause(self) -> Result<Clause, Refusal> {
        let operator = self.operator.as_str();
        let (comparator, value) = match self.key.as_str() {
            _ if self.entity == Entity::Tag => (tag_comparator(operator)?, self.value),
            "experiment_id" => (id_comparator(operator)?, id_value(self.value)?),
            key if NUMERIC.contains(&key) => (time_comparator(operator)?, time_value(key, self.value)?),
            _ => (text_comparator(operator)?, self.value),
        };
        Ok(Clause { entity: self.entity, key: self.key, comparator, value })
    }
}

fn tag_comparator(operator: &str) -> Result<Comparator, Refusal> {
    let is = |comparator: &Comparator| {
        use Comparator::{Equal, ILike, IsNotNull, IsNull, Like, NotEqual};
        matches!(comparator, Equal | NotEqual | Like | ILike | IsNull | IsNotNull)
    };
    let message = || format!("Invalid comparator for tag: {operator}");
    Comparator::read(operator).filter(is).ok_or_else(|| Refusal::new(message()))
}

fn id_comparator(operator: &str) -> Result<Comparator, Refusal> {
    let is = |comparator: &Comparator| {
        matches!(comparator, Comparator::Equal | Comparator::NotEqual | Comparator::In | Comparator::NotIn)
    };
    let message = || format!("Invalid comparator for experiment_id: {operator}");
    Comparator::read(operator).filter(is).ok_or_else(|| Refusal::new(message()))
}

fn id_value(value: Value) -> Result<Value, Refusal> {
    Ok(match value {
        Value::Text(text) => Value::Number(Number::integer(names::experiment_number(&text)?)),
        Value::List(texts) => {
            Value::List(texts.iter().map(|text| names::experiment_number(text)).collect::<Result<_, _>>()?)
        }
        other => other,
    })
}

/// Reads the comparator of a time; the text of a refusal lists those of texts.
fn time_comparator(operator: &str) -> Result<Comparator, Refusal> {
    let message = || format!("Invalid comparator '{operator}' not one of '{}", python::set(&TEXTS));
    let comparator = Comparator::read(operator).filter(|_| NUMBERS.contains(&operator));
    comparator.ok_or_else(|| Refusal::new(message()))
}

fn time_value(key: &str, value: Value) -> Result<Value, Refusal> {
    match value {
        Value::Number(number) if number.kind != NumberKind::Integer => {
            let shown = python::text(&number.as_float_text());
            Err(Refusal::new(format!("Invalid value for numeric attribute '{key}': {shown}")))
        }
        value => Ok(value),
    }
}

fn text_comparator(operator: &str) -> Result<Comparator, Refusal> {
    let message = || format!("Invalid comparator '{operator}' not one of '{}'", python::set(&TEXTS));
    let comparator = Comparator::read(operator).filter(|_| TEXTS.contains(&operator));
    comparator.ok_or_else(|| Refusal::new(message()))
}
