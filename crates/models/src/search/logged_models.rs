//! Filters of logged models, which have a reader of their own: entities in the plural, quotes optional.

use super::clause::{Clause, Comparator, Entity, Number, Value};
use super::items::{self, Item, Part, Timestamps};
use super::list;
use super::runs::fitting;
use crate::{Given, Refusal, python};

/// The attributes that can be searched, by the names that they have here.
pub const ATTRIBUTES: [&str; 11] = [
    "artifact_location",
    "creation_timestamp",
    "experiment_id",
    "last_updated_timestamp",
    "lifecycle_stage",
    "model_id",
    "model_type",
    "name",
    "source_run_id",
    "status",
    "status_message",
];

const NUMBERS: [&str; 6] = ["<", "<=", ">", ">=", "=", "!="];
const TEXTS: [&str; 6] = ["=", "!=", "LIKE", "ILIKE", "IN", "NOT IN"];

/// Returns the attribute that a name stands for; `None` for an unknown one.
pub(crate) fn attribute(key: &str) -> Option<&str> {
    let key = match key {
        "creation_time" | "creation_timestamp_ms" => "creation_timestamp",
        "last_updated_timestamp_ms" => "last_updated_timestamp",
        key => key,
    };
    ATTRIBUTES.contains(&key).then_some(key)
}

/// Reads a filter of logged models.
///
/// Entities are `attributes`, `metrics`, `params` and `tags`; without one, a key is an attribute. Metrics and the two
/// times compare with numbers. A text needs no quotes, and keeps double ones. Whether a metric is to be one on certain
/// datasets is no part of the filter.
///
/// # Errors
///
/// What is no clause of this grammar, an unknown entity or attribute, a comparator that its key lacks, a value of the
/// wrong kind.
pub fn filter(text: &str) -> Result<Vec<Clause>, Refusal> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let invalid = |why: &str| Refusal::new(format!("Invalid filter string: {}. {why}", python::text(text)));
    let statements = items::read(text, Timestamps::No).map_err(|unreadable| {
        let reason = python::text(&unreadable.reason());
        invalid(&format!("SQLParseError({reason})"))
    })?;
    let [items] = statements.as_slice() else { return Err(invalid("Expected a single SQL expression.")) };
    let no_list = "Expected a list of comparisons separated by 'AND' \
                   (e.g. 'metrics.loss > 0.1 AND params.lr = 0.01').";
    let mut clauses = Vec::new();
    for item in items {
        match item {
            Item::Comparison(parts, text) => clauses.push(clause(parts, text)?),
            Item::And => {}
            Item::Other(_) => return Err(invalid(no_list)),
        }
    }
    fitting(clauses)?.into_iter().map(known).collect()
}

fn clause(parts: &[Part], text: &str) -> Result<Clause, Refusal> {
    let [left, operator, right] = parts else {
        return Err(Refusal::new(format!("Invalid comparison: {text}. Expected a comparison with 3 tokens.")));
    };
    let (entity, key) = identifier(&left.text)?;
    let operator = operator.text.to_uppercase();
    let is_numeric = entity == Entity::Metric || (entity == Entity::Attribute && is_time(&key));
    let allowed = if is_numeric { NUMBERS } else { TEXTS };
    let comparator = Comparator::read(&operator).filter(|_| allowed.contains(&operator.as_str())).ok_or_else(|| {
        let shown = python::text(&operator);
        let name = format!("{}.{key}", plural(entity));
        let allowed = python::tuple(&allowed);
        Refusal::new(format!("Invalid comparison operator for {name}: {shown}. Expected one of {allowed}."))
    })?;
    let value = if is_numeric { number(&key, entity, right)? } else { text_value(right)? };
    Ok(Clause { entity, key, comparator, value })
}

fn is_time(key: &str) -> bool {
    matches!(attribute(key), Some("creation_timestamp" | "last_updated_timestamp"))
}

fn plural(entity: Entity) -> &'static str {
    match entity {
        Entity::Metric => "metrics",
        Entity::Parameter => "params",
        Entity::Tag => "tags",
        _ => "attributes",
    }
}

/// Reads an identifier: small letters, a point and a key; anything else is the key of an attribute.
fn identifier(text: &str) -> Result<(Entity, String), Refusal> {
    let is_entity = |entity: &str| !entity.is_empty() && entity.bytes().all(|b| b.is_ascii_lowercase());
    let pair = text.split_once('.').filter(|(entity, key)| is_entity(entity) && !key.is_empty() && !key.contains('\n'));
    let Some((entity, key)) = pair else {
        // Refusals call a time by its long name, where it stands without its entity.
        let key = match text {
            "creation_time" | "creation_timestamp" => "creation_timestamp_ms",
            "last_updated_timestamp" => "last_updated_timestamp_ms",
            key => key.trim_matches('`'),
        };
        return Ok((Entity::Attribute, key.to_owned()));
    };
    let entity = match entity {
        "attributes" => Entity::Attribute,
        "metrics" => Entity::Metric,
        "params" => Entity::Parameter,
        "tags" => Entity::Tag,
        _ => {
            let valid = python::list(&["attributes", "metrics", "params", "tags"]);
            let shown = python::text(entity);
            return Err(Refusal::new(format!("Invalid entity type: {shown}. Expected one of {valid}.")));
        }
    };
    Ok((entity, key.trim_matches('`').to_owned()))
}

/// Reads a number; MLflow breaks on anything else, and here it is refused as where runs are searched.
fn number(key: &str, entity: Entity, part: &Part) -> Result<Value, Refusal> {
    let what = if entity == Entity::Metric { "metric".to_owned() } else { format!("numeric attribute: {key}") };
    let message = || format!("Expected numeric value type for {what}. Found {}", part.text);
    Number::read(&part.text).map(Value::Number).ok_or_else(|| Refusal::new(message()))
}

/// Reads a text, or a list, which may be empty here and holds texts alone.
fn text_value(part: &Part) -> Result<Value, Refusal> {
    if !part.text.starts_with('(') || !part.text.ends_with(')') {
        return Ok(Value::Text(part.text.trim_matches('\'').to_owned()));
    }
    if list::values(&part.text).is_some_and(|values: Vec<Given>| values.is_empty()) {
        return Ok(Value::List(Vec::new()));
    }
    list::read(&part.text).map(Value::List)
}

/// Refuses an attribute that nobody knows, on which MLflow breaks when all clauses are read.
fn known(clause: Clause) -> Result<Clause, Refusal> {
    if clause.entity != Entity::Attribute {
        return Ok(clause);
    }
    let Some(key) = attribute(&clause.key) else {
        let (key, valid) = (&clause.key, python::set(&ATTRIBUTES));
        return Err(Refusal::new(format!("Invalid attribute key '{key}' specified. Valid keys are '{valid}'")));
    };
    Ok(Clause { key: key.to_owned(), ..clause })
}

/// Checks that every dataset that metrics are to be on has a name.
///
/// # Errors
///
/// A name that is missing or empty.
pub fn datasets<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<(), Refusal> {
    let refusal = || Refusal::new("`dataset_name` in the `datasets` clause must be specified.");
    if names.into_iter().any(str::is_empty) { Err(refusal()) } else { Ok(()) }
}
