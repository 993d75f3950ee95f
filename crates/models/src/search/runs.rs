//! Filters of runs: metrics, parameters, tags, attributes and datasets.

use super::clause::{Clause, Comparator, Entity, Value};
use super::identifier::run_identifier;
use super::items::Part;
use super::statement::{self, Comparison, Shown};
use super::value;
use crate::{Refusal, python};

/// The attributes that can be searched, with their aliases, in alphabetical order.
pub const ATTRIBUTES: [&str; 12] = [
    "Created",
    "Run Name",
    "Run name",
    "artifact_uri",
    "created",
    "end_time",
    "run name",
    "run_id",
    "run_name",
    "start_time",
    "status",
    "user_id",
];

const NUMERIC: [&str; 4] = ["Created", "created", "end_time", "start_time"];
const NUMBERS: [&str; 6] = ["!=", "<", "<=", "=", ">", ">="];
const TEXTS: [&str; 6] = ["!=", "=", "ILIKE", "IN", "LIKE", "NOT IN"];
const TAGS: [&str; 6] = ["!=", "=", "ILIKE", "IS NOT NULL", "IS NULL", "LIKE"];

/// Returns the attribute that an alias stands for.
pub(crate) fn attribute(key: &str) -> &str {
    match key {
        "created" | "Created" => "start_time",
        "run name" | "Run name" | "Run Name" => "run_name",
        key => key,
    }
}

/// Reads a filter of runs.
///
/// `start_time` and `end_time` compare with numbers, milliseconds since the Unix epoch; `run_id` and the fields of a
/// dataset with lists too. Keywords may stand in any case.
///
/// # Errors
///
/// What is no clause of this grammar, an unknown key, a value of the wrong kind, a comparator that its key lacks.
pub fn filter(text: &str) -> Result<Vec<Clause>, Refusal> {
    let read = statement::comparisons(text, Shown::Quoted, Raw::read)?;
    fitting(read.into_iter().map(Raw::clause).collect::<Result<_, _>>()?)
}

/// Is a clause whose comparator is not yet judged: MLflow reads all clauses first.
struct Raw {
    entity: Entity,
    key: String,
    operator: String,
    value: Value,
}

impl Raw {
    fn read(comparison: &Comparison) -> Result<Self, Refusal> {
        let (entity, key) = run_identifier(&comparison.left, &ATTRIBUTES)?;
        let operator = comparison.operator.to_uppercase();
        let value = match &comparison.right {
            Some(part) => read_value(entity, &key, part)?,
            None if matches!(entity, Entity::Tag | Entity::Parameter) => Value::Null,
            None => {
                let name = entity.name();
                return Err(Refusal::new(format!(
                    "IS NULL / IS NOT NULL is only supported for tags and params, not for '{name}' '{key}'"
                )));
            }
        };
        Ok(Self { entity, key, operator, value })
    }

    fn clause(self) -> Result<Clause, Refusal> {
        let key = if self.entity == Entity::Attribute { attribute(&self.key).to_owned() } else { self.key };
        let is_numeric = self.entity == Entity::Attribute && NUMERIC.contains(&key.as_str());
        // The text for a time lists the comparators of texts, and four of the six lack their last quote.
        let (allowed, listed, close) = match self.entity {
            Entity::Attribute if is_numeric => (NUMBERS, TEXTS, ""),
            Entity::Attribute => (TEXTS, TEXTS, "'"),
            Entity::Metric => (NUMBERS, NUMBERS, ""),
            Entity::Parameter => (TAGS, TAGS, "'"),
            Entity::Tag => (TAGS, TAGS, ""),
            // A dataset: no other entity is read here.
            _ => (TEXTS, TEXTS, ""),
        };
        let operator = self.operator.as_str();
        let comparator = Comparator::read(operator).filter(|_| allowed.contains(&operator)).ok_or_else(|| {
            Refusal::new(format!("Invalid comparator '{operator}' not one of '{}{close}", python::set(&listed)))
        })?;
        Ok(Clause { entity: self.entity, key, comparator, value: self.value })
    }
}

fn read_value(entity: Entity, key: &str, part: &Part) -> Result<Value, Refusal> {
    let found = &part.text;
    match entity {
        Entity::Metric if part.is_number() => Ok(value::number(part)),
        Entity::Metric => Err(Refusal::new(format!("Expected numeric value type for metric. Found {found}"))),
        Entity::Parameter | Entity::Tag if part.is_textual() => value::text(part),
        Entity::Parameter | Entity::Tag => Err(value::no_text(entity.name(), part)),
        Entity::Attribute => read_attribute(key, part, &NUMERIC, &["run_id"]),
        _ if part.is_textual() => value::text(part),
        _ if part.is_parenthesis() => value::list(part, key, &["name", "digest", "context"]),
        _ => Err(Refusal::new(format!("Expected a quoted string value for dataset attributes. Got value {found}"))),
    }
}

/// Reads the value of an attribute; those in `numeric` take numbers alone, those in `lists` lists too.
pub(super) fn read_attribute(key: &str, part: &Part, numeric: &[&str], lists: &[&str]) -> Result<Value, Refusal> {
    if numeric.contains(&key) {
        let message = || format!("Expected numeric value type for numeric attribute: {key}. Found {}", part.text);
        return if part.is_number() { Ok(value::number(part)) } else { Err(Refusal::new(message())) };
    }
    if part.is_textual() {
        return value::text(part);
    }
    if part.is_parenthesis() { value::list(part, key, lists) } else { Err(value::no_attribute_text(&part.text)) }
}

/// Refuses a list without `IN`, on which MLflow breaks when it has judged all clauses; `IN` without a list never gets here.
pub(super) fn fitting(clauses: Vec<Clause>) -> Result<Vec<Clause>, Refusal> {
    for Clause { comparator, value, .. } in &clauses {
        if let Value::List(texts) = value
            && !matches!(comparator, Comparator::In | Comparator::NotIn)
        {
            return Err(value::no_attribute_text(&python::list(texts)));
        }
    }
    Ok(clauses)
}
