//! Writes clauses as a filter that reads as the same clauses.

use super::clause::{Clause, Entity, Value};
use super::{experiments, logged_models, model_versions, registered_models, runs, traces};
use crate::Refusal;

/// Is what a filter searches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Noun {
    /// Searches runs.
    Runs,
    /// Searches experiments.
    Experiments,
    /// Searches registered models.
    RegisteredModels,
    /// Searches model versions.
    ModelVersions,
    /// Searches logged models.
    LoggedModels,
    /// Searches traces.
    Traces,
}

impl Noun {
    /// Reads a filter of this noun.
    ///
    /// # Errors
    ///
    /// Those of the noun's own `filter`.
    pub fn filter(self, text: &str) -> Result<Vec<Clause>, Refusal> {
        match self {
            Self::Runs => runs::filter(text),
            Self::Experiments => experiments::filter(text),
            Self::RegisteredModels => registered_models::filter(text),
            Self::ModelVersions => model_versions::filter(text),
            Self::LoggedModels => logged_models::filter(text),
            Self::Traces => traces::filter(text),
        }
    }

    fn entity(self, entity: Entity) -> &'static str {
        match (self, entity) {
            (Self::LoggedModels, Entity::Attribute) => "attributes",
            (Self::LoggedModels, Entity::Metric) => "metrics",
            (Self::LoggedModels, Entity::Parameter) => "params",
            (Self::LoggedModels, Entity::Tag) => "tags",
            (_, entity) => entity.name(),
        }
    }
}

/// Writes clauses as a filter; `None` if the grammar has no way to write them.
///
/// It has none for a text that needs a quote of both kinds, or ends in a backslash with another clause behind it.
pub fn write(noun: Noun, clauses: &[Clause]) -> Option<String> {
    let written: Vec<String> = clauses.iter().map(|clause| written(noun, clause)).collect();
    let text = written.join(" AND ");
    let same = noun.filter(&text).is_ok_and(|read| read == clauses);
    same.then_some(text)
}

fn written(noun: Noun, clause: &Clause) -> String {
    let left = identifier(noun, clause.entity, &clause.key);
    let comparator = clause.comparator.text();
    match &clause.value {
        Value::Null => format!("{left} {comparator}"),
        Value::Number(number) if clause.key == "experiment_id" => format!("{left} {comparator} '{}'", number.text),
        Value::Number(number) => format!("{left} {comparator} {}", number.text),
        Value::Text(text) => format!("{left} {comparator} {}", quoted(noun, text)),
        Value::List(texts) => {
            let texts: Vec<String> = texts.iter().map(|text| listed(text)).collect();
            format!("{left} {comparator} ({})", texts.join(", "))
        }
    }
}

fn identifier(noun: Noun, entity: Entity, key: &str) -> String {
    let name = noun.entity(entity);
    match entity {
        Entity::Attribute | Entity::Dataset => format!("{name}.{key}"),
        // A backtick inside stands doubled already, where the key was read from backticks.
        _ if noun == Noun::LoggedModels || !key.replace("``", "").contains('`') => format!("{name}.`{key}`"),
        _ => format!("{name}.\"{key}\""),
    }
}

/// Quotes a text; single quotes inside call for double ones, unless they stand doubled or escaped.
fn quoted(noun: Noun, text: &str) -> String {
    let has_quote = text.replace("''", "").replace("\\'", "").contains('\'');
    match (noun, has_quote) {
        (Noun::LoggedModels, _) if text.starts_with('"') => text.to_owned(),
        (Noun::LoggedModels, _) | (_, false) => format!("'{text}'"),
        (_, true) => format!("\"{text}\""),
    }
}

/// Writes a text of a list, all but plain characters as escapes, so that no quote or backslash can end it.
fn listed(text: &str) -> String {
    let character = |c: char| match u32::from(c) {
        _ if c.is_ascii_alphanumeric() || " _-./:".contains(c) => c.to_string(),
        code @ 0..=0xff => format!("\\x{code:02x}"),
        code => format!("\\U{code:08x}"),
    };
    format!("'{}'", text.chars().map(character).collect::<String>())
}
