//! Filters of registered models: their name and their tags.

use super::clause::{Clause, Comparator, Entity};
use super::registry::{Reading, text_comparator};
use crate::Refusal;

/// The attributes that can be searched.
pub const ATTRIBUTES: [&str; 1] = ["name"];

const READING: Reading = Reading {
    attributes: &ATTRIBUTES,
    lists: &["name"],
    number: |_, _| None,
    attribute: |_, operator, value| {
        let comparator = text_comparator(Entity::Attribute, operator, &[Comparator::In, Comparator::NotIn])?;
        Ok((comparator, value))
    },
};

/// Reads a filter of registered models.
///
/// That a search leaves prompts out unless it asks for them by the tag `mlflow.prompt.is_prompt` is up to whoever runs
/// the clauses; here that tag is one as any other.
///
/// # Errors
///
/// What is no clause of this grammar, an unknown key, a value that is no text, a comparator that its key lacks.
pub fn filter(text: &str) -> Result<Vec<Clause>, Refusal> {
    READING.filter(text)
}
