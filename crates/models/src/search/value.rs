//! The right side of a comparison, as several nouns read it.

use super::clause::{Number, NumberKind, Value};
use super::identifier::stripped;
use super::items::Part;
use super::list;
use crate::{Refusal, python};

/// Reads a text in single or double quotes.
pub(super) fn text(part: &Part) -> Result<Value, Refusal> {
    let text = &part.text;
    let inner = stripped(text, '\'').or_else(|| stripped(text, '"'));
    let inner = inner.ok_or_else(|| {
        Refusal::new(format!(
            "Parameter value is either not quoted or unidentified quote types used for string value {text}. \
             Use either single or double quotes."
        ))
    })?;
    Ok(Value::Text(inner.to_owned()))
}

/// Reads a list, which only some keys support.
pub(super) fn list(part: &Part, key: &str, supported: &[&str]) -> Result<Value, Refusal> {
    if !supported.contains(&key) {
        let supported = python::list(supported);
        return Err(Refusal::new(format!(
            "Only {supported} attributes support comparison with a list of quoted string values."
        )));
    }
    Ok(Value::List(list::read(&part.text)?))
}

/// Reads a number literal as it stands.
pub(super) fn number(part: &Part) -> Value {
    let kind = if part.is_integer() { NumberKind::Integer } else { NumberKind::Decimal };
    Value::Number(Number { text: part.text.clone(), kind })
}

/// Refuses what is no text where a tag or parameter is compared.
pub(super) fn no_text(entity: &str, part: &Part) -> Refusal {
    Refusal::new(format!("Expected a quoted string value for {entity} (e.g. 'my-value'). Got value {}", part.text))
}

/// Refuses what is no text where an attribute is compared.
pub(super) fn no_attribute_text(text: &str) -> Refusal {
    Refusal::new(format!("Expected a quoted string value for attributes. Got value {text}"))
}
