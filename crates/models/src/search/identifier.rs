//! Identifiers: an entity with a point and a key, or an attribute alone.

use super::clause::Entity;
use crate::{Refusal, python};

const SORTED_DATASET_KEYS: [&str; 3] = ["context", "digest", "name"];

/// Reads an identifier as runs have it: every entity, under its aliases.
///
/// `attributes` are the keys that count, in alphabetical order.
pub(crate) fn run_identifier(text: &str, attributes: &[&str]) -> Result<(Entity, String), Refusal> {
    let (entity, key) = match text.split_once('.') {
        Some((entity, key)) => (run_entity(entity)?, key),
        None => (Entity::Attribute, text),
    };
    let key = unquoted(key);
    match entity {
        Entity::Attribute => known_attribute(key, attributes)?,
        Entity::Dataset if !SORTED_DATASET_KEYS.contains(&key) => {
            let valid = python::set(&SORTED_DATASET_KEYS);
            return Err(Refusal::new(format!("Invalid dataset key '{key}' specified. Valid keys are '{valid}'")));
        }
        _ => {}
    }
    Ok((entity, key.to_owned()))
}

fn run_entity(text: &str) -> Result<Entity, Refusal> {
    let text = without_backticks(text);
    match text {
        "metric" | "metrics" => Ok(Entity::Metric),
        "parameter" | "parameters" | "param" | "params" => Ok(Entity::Parameter),
        "tag" | "tags" => Ok(Entity::Tag),
        "attribute" | "attr" | "attributes" | "run" => Ok(Entity::Attribute),
        "dataset" | "datasets" => Ok(Entity::Dataset),
        _ => {
            let valid = python::list(&["metric", "parameter", "tag", "attribute", "dataset"]);
            Err(Refusal::new(format!("Invalid entity type '{text}'. Valid values are {valid}")))
        }
    }
}

/// Reads an identifier as experiments have it: attributes and tags, the key checked without its quotes.
pub(crate) fn experiment_identifier(text: &str, attributes: &[&str]) -> Result<(Entity, String), Refusal> {
    let (entity, key) = attribute_or_tag(text)?;
    let key = unquoted(key);
    if entity == Entity::Attribute {
        known_attribute(key, attributes)?;
    }
    Ok((entity, key.to_owned()))
}

/// Reads an identifier as the registry has it: attributes and tags, an attribute never in quotes.
pub(super) fn registry_identifier(text: &str, attributes: &[&str]) -> Result<(Entity, String), Refusal> {
    let (entity, key) = attribute_or_tag(text)?;
    if entity == Entity::Attribute {
        known_attribute(key, attributes)?;
    }
    Ok((entity, unquoted(key).to_owned()))
}

fn attribute_or_tag(text: &str) -> Result<(Entity, &str), Refusal> {
    match text.split_once('.') {
        None => Ok((Entity::Attribute, text)),
        Some(("attribute", key)) => Ok((Entity::Attribute, key)),
        Some(("tag" | "tags", key)) => Ok((Entity::Tag, key)),
        Some((entity, _)) => {
            let valid = python::tuple(&["attribute", "tag", "tags"]);
            Err(Refusal::new(format!("Invalid entity type '{entity}'. Valid entity types are {valid}")))
        }
    }
}

fn known_attribute(key: &str, attributes: &[&str]) -> Result<(), Refusal> {
    if attributes.contains(&key) {
        return Ok(());
    }
    let valid = python::set(attributes);
    Err(Refusal::new(format!("Invalid attribute key '{key}' specified. Valid keys are '{valid}'")))
}

/// Takes one pair of quotes off, single or double, and then one of backticks.
pub(super) fn unquoted(key: &str) -> &str {
    without_backticks(stripped(key, '\'').or_else(|| stripped(key, '"')).unwrap_or(key))
}

pub(super) fn without_backticks(text: &str) -> &str {
    stripped(text, '`').unwrap_or(text)
}

/// Takes a pair of quotes off; `None` where there is none.
pub(super) fn stripped(text: &str, quote: char) -> Option<&str> {
    text.strip_prefix(quote)?.strip_suffix(quote)
}
