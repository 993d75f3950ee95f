//! What registered models and model versions have in common.

use super::clause::{Clause, Comparator, Entity, Value};
use super::identifier::registry_identifier;
use super::items::Part;
use super::runs::fitting;
use super::statement::{self, Comparison, Shown};
use super::value;
use crate::Refusal;

type ReadNumber = fn(&str, &Part) -> Option<Result<Value, Refusal>>;
type JudgeAttribute = fn(&str, &str, Value) -> Result<(Comparator, Value), Refusal>;

/// Is how one noun of the registry reads its attributes.
pub(super) struct Reading {
    /// The attributes that can be searched, in alphabetical order.
    pub(super) attributes: &'static [&'static str],
    /// Those that take lists.
    pub(super) lists: &'static [&'static str],
    /// Reads a number for an attribute; `None` where the noun knows no numbers.
    pub(super) number: ReadNumber,
    /// Judges an attribute's comparator and value.
    pub(super) attribute: JudgeAttribute,
}

impl Reading {
    /// Reads a filter.
    pub(super) fn filter(&self, text: &str) -> Result<Vec<Clause>, Refusal> {
        let read = statement::comparisons(text, Shown::Plain, |comparison| self.read(comparison))?;
        let clauses = read.into_iter().map(|(entity, key, operator, value)| self.clause(entity, key, &operator, value));
        fitting(clauses.collect::<Result<_, _>>()?)
    }

    fn read(&self, comparison: &Comparison) -> Result<(Entity, String, String, Value), Refusal> {
        let operator = comparison.operator.to_uppercase();
        let Some(part) = &comparison.right else {
            // MLflow breaks on `IS NULL` here; it is refused as any other comparator that a tag lacks.
            return Err(no_comparator(Entity::Tag, &operator));
        };
        let (entity, key) = registry_identifier(&comparison.left, self.attributes)?;
        let value = match entity {
            Entity::Attribute => self.attribute_value(&key, part)?,
            _ if part.is_textual() => value::text(part)?,
            _ => return Err(value::no_text(entity.name(), part)),
        };
        Ok((entity, key, operator, value))
    }

    fn attribute_value(&self, key: &str, part: &Part) -> Result<Value, Refusal> {
        if part.is_textual() {
            return value::text(part);
        }
        if part.is_parenthesis() {
            return value::list(part, key, self.lists);
        }
        let message = "Expected a quoted string value or a list of quoted string values for attributes. Got value";
        let refusal = || Err(Refusal::new(format!("{message} {}", part.text)));
        (self.number)(key, part).unwrap_or_else(refusal)
    }

    fn clause(&self, entity: Entity, key: String, operator: &str, value: Value) -> Result<Clause, Refusal> {
        let (comparator, value) = match entity {
            Entity::Attribute => (self.attribute)(&key, operator, value)?,
            _ => (text_comparator(Entity::Tag, operator, &[])?, value),
        };
        Ok(Clause { entity, key, comparator, value })
    }
}

/// Reads a comparator of texts; `more` are those besides `=`, `!=`, `LIKE` and `ILIKE`.
pub(super) fn text_comparator(entity: Entity, operator: &str, more: &[Comparator]) -> Result<Comparator, Refusal> {
    let is = |comparator: &Comparator| {
        matches!(comparator, Comparator::Equal | Comparator::NotEqual | Comparator::Like | Comparator::ILike)
            || more.contains(comparator)
    };
    Comparator::read(operator).filter(is).ok_or_else(|| no_comparator(entity, operator))
}

fn no_comparator(entity: Entity, operator: &str) -> Refusal {
    Refusal::new(format!("Invalid comparator for {}: {operator}", entity.name()))
}
