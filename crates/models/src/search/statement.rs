//! From a filter to its comparisons, as all nouns but one do it alike; and the checks of a single comparison.

use super::items::{self, Item, Part, Timestamps};
use crate::Refusal;
use crate::python;

/// Says how what has no place in a filter is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    Quoted,
    Plain,
}

type Read<T> = Result<T, Refusal>;

/// Is a comparison whose left side is an identifier.
pub(super) struct Comparison {
    pub(super) left: String,
    /// As it was written.
    pub(super) operator: String,
    /// Nothing behind `IS NULL` and `IS NOT NULL`.
    pub(super) right: Option<Part>,
}

/// Reads the comparisons of a filter, each wholly before the next, so that the first that is wrong is told.
pub(super) fn comparisons<T>(filter: &str, shown: Shown, read: impl Fn(&Comparison) -> Read<T>) -> Read<Vec<T>> {
    comparisons_with(Timestamps::No, filter, shown, read)
}

/// Reads comparisons, as [`comparisons`] does, of which some may have the word `timestamp` at their left.
pub(super) fn comparisons_with<T>(
    timestamps: Timestamps,
    filter: &str,
    shown: Shown,
    read: impl Fn(&Comparison) -> Read<T>,
) -> Read<Vec<T>> {
    if filter.is_empty() {
        return Ok(Vec::new());
    }
    let statements =
        items::read(filter, timestamps).map_err(|_| Refusal::new(format!("Error on parsing filter '{filter}'")))?;
    match statements.as_slice() {
        [] => Err(Refusal::new(format!("Invalid filter '{filter}'. Could not be parsed."))),
        [items] => of_items(items, shown, read),
        _ => Err(Refusal::new(format!(
            "Search filter contained multiple expression {}. Provide AND-ed expression list.",
            python::text(filter)
        ))),
    }
}

fn of_items<T>(items: &[Item], shown: Shown, read: impl Fn(&Comparison) -> Read<T>) -> Read<Vec<T>> {
    let other = |item: &Item| match item {
        Item::Other(text) if shown == Shown::Quoted => Some(format!("'{text}'")),
        Item::Other(text) => Some(text.clone()),
        Item::Comparison(..) | Item::And => None,
    };
    let others: Vec<String> = items.iter().filter_map(other).collect();
    if !others.is_empty() {
        return Err(Refusal::new(format!("Invalid clause(s) in filter string: {}", others.join(", "))));
    }
    let parts = items.iter().filter_map(|item| match item {
        Item::Comparison(parts, _) => Some(parts.as_slice()),
        Item::And | Item::Other(_) => None,
    });
    parts.map(|parts| read(&comparison(parts)?)).collect()
}

fn comparison(parts: &[Part]) -> Result<Comparison, Refusal> {
    let (left, operator, right) = match parts {
        [left, operator] if ["IS NULL", "IS NOT NULL"].contains(&operator.text.as_str()) => (left, operator, None),
        [left, operator, right] => (left, operator, Some(right.clone())),
        _ => {
            let message = format!("Invalid comparison clause. Expected 3 tokens found {}", parts.len());
            return Err(Refusal::new(message));
        }
    };
    // Only a reader that knows the word puts it at the left of a comparison.
    if !left.is_identifier() && !left.is_timestamp() {
        let message = format!("Invalid comparison clause. Expected 'Identifier' found '{}'", left.text);
        return Err(Refusal::new(message));
    }
    Ok(Comparison { left: left.text.clone(), operator: operator.text.clone(), right })
}
