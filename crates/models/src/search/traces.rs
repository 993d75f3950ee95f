//! Filters of traces: attributes, tags, metadata, fields of spans, and what was judged.

use super::clause::{Clause, Comparator, Entity, Value};
use super::identifier::{unquoted, without_backticks};
use super::items::{Part, Timestamps};
use super::runs::fitting;
use super::statement::{self, Comparison, Shown};
use super::{list, value};
use crate::{Refusal, python};

/// The attributes that can be searched, with their aliases, in alphabetical order.
pub const ATTRIBUTES: [&str; 13] = [
    "client_request_id",
    "end_time",
    "end_time_ms",
    "execution_time",
    "execution_time_ms",
    "name",
    "prompt",
    "request_id",
    "run_id",
    "status",
    "text",
    "timestamp",
    "timestamp_ms",
];

/// Is the tag that holds a trace's name.
pub const NAME: &str = "mlflow.traceName";

/// Is the tag by which the prompts of a trace are asked for.
pub const PROMPTS: &str = "mlflow.linkedPrompts";

/// Is the metadata that says which run a trace was made in.
pub const RUN: &str = "mlflow.sourceRun";

/// Is the metadata that says which conversation a trace belongs to.
pub const SESSION: &str = "mlflow.trace.session";

/// Is the metadata that holds how many tokens were used.
pub const TOKENS: &str = "mlflow.trace.tokenUsage";

/// Is the metadata that holds what it cost.
pub const COST: &str = "mlflow.trace.cost";

/// Is the key of a span's whole content.
pub const CONTENT: &str = "content";

/// Is what stands before the name of an attribute of a span.
pub const SPAN_ATTRIBUTE: &str = "attributes.";

const ENTITIES: [(&str, Entity); 11] = [
    ("attribute", Entity::Attribute),
    ("attributes", Entity::Attribute),
    ("expectation", Entity::Expectation),
    ("feedback", Entity::Feedback),
    ("issue", Entity::Issue),
    ("metadata", Entity::Metadata),
    ("request_metadata", Entity::Metadata),
    ("span", Entity::Span),
    ("tag", Entity::Tag),
    ("tags", Entity::Tag),
    ("trace", Entity::Attribute),
];

const NUMERIC: [&str; 6] =
    ["end_time", "end_time_ms", "execution_time", "execution_time_ms", "timestamp", "timestamp_ms"];
const LISTS: [&str; 5] = ["client_request_id", "name", "request_id", "run_id", "status"];
const NUMBERS: [&str; 6] = ["!=", "<", "<=", "=", ">", ">="];
const TEXTS: [&str; 7] = ["!=", "=", "ILIKE", "IN", "LIKE", "NOT IN", "RLIKE"];
const PAIRS: [&str; 7] = ["!=", "=", "ILIKE", "IS NOT NULL", "IS NULL", "LIKE", "RLIKE"];
const JUDGEMENTS: [&str; 11] = ["!=", "<", "<=", "=", ">", ">=", "ILIKE", "IS NOT NULL", "IS NULL", "LIKE", "RLIKE"];

/// Reads a filter of traces.
///
/// The times are milliseconds, since the Unix epoch but for `execution_time`. A key is that of an attribute, a tag or
/// a piece of metadata, whatever alias was written: a name is a tag, a run is metadata. `RLIKE` is refused, since
/// expressions mean something else to every engine.
///
/// # Errors
///
/// What is no clause of this grammar, an unknown key, a value of the wrong kind, a comparator that its key lacks.
pub fn filter(text: &str) -> Result<Vec<Clause>, Refusal> {
    let read = statement::comparisons_with(Timestamps::Compared, text, Shown::Quoted, Raw::read)?;
    fitting(read.into_iter().map(Raw::clause).collect::<Result<_, _>>()?)
}

/// Reads an identifier; of an attribute the key must be one of these, in alphabetical order.
pub(crate) fn identifier(text: &str, attributes: &[&str]) -> Result<(Entity, String), Refusal> {
    let (entity, key) = match text.split_once('.') {
        Some((entity, key)) => (known_entity(without_backticks(entity))?, unquoted(key)),
        None => (Entity::Attribute, unquoted(text)),
    };
    if entity == Entity::Attribute && !attributes.contains(&key) {
        let valid = python::set(attributes);
        return Err(Refusal::new(format!("Invalid attribute key '{key}' specified. Valid keys are '{valid}'")));
    }
    Ok((entity, key.to_owned()))
}

fn known_entity(text: &str) -> Result<Entity, Refusal> {
    let known = ENTITIES.iter().find(|(name, _)| *name == text).map(|(_, entity)| *entity);
    known.ok_or_else(|| {
        let valid = python::set(&ENTITIES.map(|(name, _)| name));
        Refusal::new(format!("Invalid entity type '{text}'. Valid values are {valid}"))
    })
}

/// Returns what is kept under an alias. Some keys are aliases whatever they are keys of, but for those of spans.
pub(crate) fn meant(entity: Entity, key: String) -> (Entity, String) {
    if entity == Entity::Span {
        return (entity, key);
    }
    let (entity, known) = match key.to_lowercase().as_str() {
        "name" => (Entity::Tag, NAME),
        "prompt" => (Entity::Tag, PROMPTS),
        "run_id" => (Entity::Metadata, RUN),
        "text" => (Entity::Span, CONTENT),
        "timestamp" => (entity, "timestamp_ms"),
        "execution_time" => (entity, "execution_time_ms"),
        "end_time" => (entity, "end_time_ms"),
        _ => return (entity, key),
    };
    (entity, known.to_owned())
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
        let (entity, key) = identifier(&comparison.left, &ATTRIBUTES)?;
        let operator = &comparison.operator;
        let value = match &comparison.right {
            Some(part) => {
                let value = read_value(entity, &key, operator, part)?;
                if entity == Entity::Span {
                    judge_span(&key, operator)?;
                    no_list_of_an_attribute(&key, &value, part)?;
                }
                value
            }
            None => Value::Null,
        };
        let (entity, key) = meant(entity, key);
        Ok(Self { entity, key, operator: operator.to_uppercase(), value })
    }

    fn clause(self) -> Result<Clause, Refusal> {
        let operator = self.operator.as_str();
        match self.entity {
            Entity::Issue => judge_issue(&self.key, operator)?,
            Entity::Attribute if NUMERIC.contains(&self.key.as_str()) => fits(operator, &NUMBERS, &TEXTS, "")?,
            Entity::Tag => fits(operator, &PAIRS, &PAIRS, "")?,
            Entity::Metadata => fits(operator, &PAIRS, &PAIRS, "'")?,
            Entity::Span => judge_span(&self.key, operator)?,
            Entity::Feedback | Entity::Expectation => judge_assessment(&self.key, operator)?,
            _ => fits(operator, &TEXTS, &TEXTS, "'")?,
        }
        self.judge_reserved()?;
        let comparator = Comparator::read(operator).ok_or_else(|| {
            Refusal::new(format!("Comparator '{operator}' is not supported here. Use 'LIKE' or 'ILIKE' instead."))
        })?;
        Ok(Clause { entity: self.entity, key: span_key(self.entity, self.key), comparator, value: self.value })
    }

    /// Judges the keys whose values are made up of something else, and compare as a whole.
    fn judge_reserved(&self) -> Result<(), Refusal> {
        let (key, operator) = (self.key.as_str(), self.operator.as_str());
        let is_total = self.entity == Entity::Metadata && matches!(key, TOKENS | COST);
        if is_total && !matches!(operator, "=" | "!=" | "IS NULL" | "IS NOT NULL") {
            return Err(Refusal::new(format!(
                "Comparator '{operator}' is not supported for reserved metadata '{key}'. \
                 Only '=', '!=', 'IS NULL', and 'IS NOT NULL' are supported."
            )));
        }
        if self.entity != Entity::Tag || key != PROMPTS {
            return Ok(());
        }
        match &self.value {
            _ if operator != "=" => Err(Refusal::new(format!(
                "Invalid comparator '{operator}' for prompts filter. \
                 Only '=' is supported with format: prompt = \"name/version\""
            ))),
            Value::Text(text) if text.matches('/').count() != 1 => Err(Refusal::new(format!(
                "Invalid prompts filter value '{text}'. Expected format: prompt = \"name/version\""
            ))),
            _ => Ok(()),
        }
    }
}

/// Takes the backticks off the name of a span's attribute.
fn span_key(entity: Entity, key: String) -> String {
    match key.strip_prefix(SPAN_ATTRIBUTE) {
        Some(name) if entity == Entity::Span => format!("{SPAN_ATTRIBUTE}{}", without_backticks(name)),
        _ => key,
    }
}

fn fits(operator: &str, allowed: &[&str], listed: &[&str], close: &str) -> Result<(), Refusal> {
    if allowed.contains(&operator) {
        return Ok(());
    }
    Err(Refusal::new(format!("Invalid comparator '{operator}' not one of '{}{close}", python::set(listed))))
}

/// Judges a comparator of a field that is written with its entity.
fn fits_field(field: &str, operator: &str, allowed: &[&str]) -> Result<(), Refusal> {
    if allowed.contains(&operator) {
        return Ok(());
    }
    Err(Refusal::new(format!("{field} comparator '{operator}' not one of '{}'", python::set(allowed))))
}

fn judge_issue(key: &str, operator: &str) -> Result<(), Refusal> {
    if key != "id" {
        return Err(Refusal::new(format!("Invalid issue attribute '{key}'. Supported attributes: id")));
    }
    fits_field(&format!("issue.{key}"), operator, &["="])
}

fn judge_span(key: &str, operator: &str) -> Result<(), Refusal> {
    let field = format!("span.{key}");
    match key.strip_prefix(SPAN_ATTRIBUTE) {
        Some("") => Err(Refusal::new("Span attribute name cannot be empty after 'attributes.'")),
        Some(_) => fits_field(&field, operator, &TEXTS),
        None if matches!(key, "name" | "type" | "status") => fits_field(&field, operator, &TEXTS),
        None if key == CONTENT => fits_field(&field, operator, &["ILIKE", "LIKE"]),
        None => Err(Refusal::new(format!(
            "Invalid span attribute '{key}'. Supported attributes: name, status, type, attributes.<attribute_name>."
        ))),
    }
}

/// Refuses a list of values of an attribute of a span, on which MLflow breaks.
fn no_list_of_an_attribute(key: &str, value: &Value, part: &Part) -> Result<(), Refusal> {
    let is_list = key.starts_with(SPAN_ATTRIBUTE) && matches!(value, Value::List(_));
    if is_list { Err(value::no_text(Entity::Span.name(), part)) } else { Ok(()) }
}

fn judge_assessment(key: &str, operator: &str) -> Result<(), Refusal> {
    if key.is_empty() {
        return Err(Refusal::new("Assessment field name cannot be empty"));
    }
    fits_field(&format!("assessment.{key}"), operator, &JUDGEMENTS)
}

fn read_value(entity: Entity, key: &str, operator: &str, part: &Part) -> Result<Value, Refusal> {
    match entity {
        Entity::Attribute => read_attribute(key, part),
        Entity::Feedback | Entity::Expectation => read_judgement(entity, operator, part),
        _ if part.is_textual() => value::text(part),
        Entity::Tag | Entity::Span if part.is_parenthesis() => Ok(Value::List(list::read(&part.text)?)),
        _ => Err(value::no_text(entity.name(), part)),
    }
}

fn read_attribute(key: &str, part: &Part) -> Result<Value, Refusal> {
    if part.is_textual() {
        return value::text(part);
    }
    if part.is_parenthesis() {
        if LISTS.contains(&key) {
            return Ok(Value::List(list::read(&part.text)?));
        }
        let lists = python::set(&LISTS);
        let message = format!("Only attributes in {lists} supports comparison with a list of quoted string values.");
        return Err(Refusal::new(message));
    }
    if part.is_number() {
        if NUMERIC.contains(&key) {
            return Ok(value::number(part));
        }
        let numeric = python::set(&NUMERIC);
        return Err(Refusal::new(format!("Only the '{numeric}' attributes support comparison with numeric values.")));
    }
    let message = "Expected a quoted string value or a list of quoted string values for attributes. Got value";
    Err(Refusal::new(format!("{message} {}", part.text)))
}

/// Reads what a judgement is compared with: a number where it is more or less, else a text.
fn read_judgement(entity: Entity, operator: &str, part: &Part) -> Result<Value, Refusal> {
    let (name, found) = (entity.name(), &part.text);
    if !matches!(operator, "<" | "<=" | ">" | ">=") {
        return if part.is_textual() { value::text(part) } else { Err(value::no_text(name, part)) };
    }
    if part.is_number() {
        return Ok(value::number(part));
    }
    Err(Refusal::new(format!(
        "Expected a numeric value for {name} when using comparator '{operator}'. Got value {found}"
    )))
}
