//! The types a schema declares for values that come from outside, and how such values become Cedar's.

use cedar_policy_core::ast::{Name, Value};
use cedar_policy_core::extensions::Extensions;
use cedar_policy_core::validator::types::{AttributeType, BoolType, Type};
use types::decision::Semantics;
use types::secret::is_mark;

/// Is the declared type of an argument or attribute.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shape {
    /// A yes or no.
    Bool,
    /// A whole number.
    Long,
    /// A text.
    Text,
    /// A text that this function makes an extension value from, such as `datetime`.
    Extension(Name),
    /// A list whose order and repetitions do not count.
    Set(Box<Shape>),
    /// An object of declared members.
    Record(Vec<Field>),
}

/// Is one declared member of a record or an entity.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Field {
    /// Its name.
    pub(crate) name: String,
    /// It must be there.
    pub(crate) required: bool,
    /// Its type.
    pub(crate) shape: Shape,
}

impl Shape {
    /// Reads a declared type; `None` if no value from outside can have it.
    pub(crate) fn of(declared: &Type) -> Option<Self> {
        match declared {
            Type::Bool(BoolType::AnyBool) => Some(Self::Bool),
            Type::Long => Some(Self::Long),
            Type::String => Some(Self::Text),
            Type::ExtensionType { name } => Some(Self::Extension(constructor(name)?)),
            Type::Set { element_type: Some(element) } => Some(Self::Set(Box::new(Self::of(element)?))),
            Type::Record { attrs, .. } => {
                let fields = attrs.iter().map(|(name, attribute)| Field::of(name, attribute));
                Some(Self::Record(fields.collect::<Option<_>>()?))
            }
            _ => None,
        }
    }

    fn describe(&self) -> String {
        match self {
            Self::Bool => "a Bool".to_owned(),
            Self::Long => "a Long".to_owned(),
            Self::Text => "a String".to_owned(),
            Self::Extension(name) => format!("a text that `{name}(…)` takes"),
            Self::Set(_) => "a list".to_owned(),
            Self::Record(_) => "an object".to_owned(),
        }
    }

    /// Turns a JSON value into a Cedar value of this type. Undeclared members are left out.
    ///
    /// # Errors
    ///
    /// A sentence that names the place, never the value, if the value does not fit.
    ///
    /// A mark in the place of a secret becomes some value of the type: whoever asks MUST have made sure that no policy
    /// reads it.
    pub(crate) fn value(&self, json: &serde_json::Value, place: &str, rules: Semantics) -> Result<Value, String> {
        if rules.has_marks() && is_mark(json) {
            return self.any().ok_or_else(|| format!("`{place}` is redacted"));
        }
        let fitting = match (self, json) {
            (Self::Bool, serde_json::Value::Bool(truth)) => Some(Value::from(*truth)),
            (Self::Long, serde_json::Value::Number(number)) => whole(number).map(Value::from),
            (Self::Text, serde_json::Value::String(text)) => Some(Value::from(text.as_str())),
            (Self::Extension(name), serde_json::Value::String(text)) => extension(name, text),
            (Self::Set(element), serde_json::Value::Array(items)) => {
                let items = items.iter().map(|item| element.value(item, place, rules));
                return Ok(Value::set(items.collect::<Result<Vec<_>, _>>()?, None));
            }
            (Self::Record(fields), serde_json::Value::Object(object)) => return record(fields, object, place, rules),
            _ => None,
        };
        fitting.ok_or_else(|| format!("`{place}` must be {}", self.describe()))
    }
}

impl Shape {
    /// Makes some value of the type.
    fn any(&self) -> Option<Value> {
        Some(match self {
            Self::Bool => Value::from(false),
            Self::Long => Value::from(0),
            Self::Text => Value::from(""),
            Self::Extension(name) => {
                ["1970-01-01", "0ms", "0.0", "0.0.0.0"].iter().find_map(|text| extension(name, text))?
            }
            Self::Set(_) => Value::set(std::iter::empty::<Value>(), None),
            Self::Record(fields) => {
                let required = fields.iter().filter(|field| field.required);
                let members = required.map(|field| Some((field.name.as_str(), field.shape.any()?)));
                Value::record(members.collect::<Option<Vec<_>>>()?, None)
            }
        })
    }
}

impl Field {
    /// Reads a declared member; `None` if no value from outside can have its type.
    pub(crate) fn of(name: &str, attribute: &AttributeType) -> Option<Self> {
        Some(Self { name: name.to_owned(), required: attribute.is_required, shape: Shape::of(&attribute.attr_type)? })
    }
}

/// Turns a JSON object into a Cedar record of exactly the declared members.
pub(crate) fn record(
    fields: &[Field],
    object: &serde_json::Map<String, serde_json::Value>,
    place: &str,
    rules: Semantics,
) -> Result<Value, String> {
    let mut members: Vec<(&str, Value)> = Vec::with_capacity(fields.len());
    for field in fields {
        match object.get(&field.name) {
            Some(json) => {
                let value = field.shape.value(json, &field.name, rules).map_err(|error| within(place, error))?;
                members.push((&field.name, value));
            }
            None if field.required => return Err(within(place, format!("`{}` is missing", field.name))),
            None => {}
        }
    }
    Ok(Value::record(members, None))
}

fn within(place: &str, error: String) -> String {
    if place.is_empty() { error } else { format!("{error}, inside `{place}`") }
}

/// Reads a JSON number as a whole one; `1.0` is whole, as JSON Schema has it.
fn whole(number: &serde_json::Number) -> Option<i64> {
    let from_float = || {
        let float = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() <= 9_007_199_254_740_991.0)?;
        #[expect(clippy::cast_possible_truncation, reason = "a whole number within 2^53 is exact")]
        Some(float as i64)
    };
    number.as_i64().or_else(from_float)
}

/// Returns the function that makes values of an extension type: it bears the type's name, but for addresses.
fn constructor(ty: &Name) -> Option<Name> {
    match ty.to_string().as_str() {
        "ipaddr" => "ip".parse().ok(),
        _ => Some(ty.clone()),
    }
}

/// Calls the function that makes an extension value from a text.
pub(crate) fn extension(constructor: &Name, text: &str) -> Option<Value> {
    let made = Extensions::all_available().func(constructor).ok()?.call(&[Value::from(text)]).ok()?;
    Value::try_from(made).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shape() -> Shape {
        Shape::Record(vec![
            Field { name: "n".into(), required: true, shape: Shape::Long },
            Field { name: "tags".into(), required: false, shape: Shape::Set(Box::new(Shape::Text)) },
            Field { name: "at".into(), required: false, shape: Shape::Extension("datetime".parse().unwrap()) },
            Field {
                name: "from".into(),
                required: false,
                shape: Shape::Extension(constructor(&"ipaddr".parse().unwrap()).unwrap()),
            },
        ])
    }

    #[test]
    fn declared_members_are_taken_and_others_left_out() {
        let json =
            json!({"n": 3.0, "tags": ["b", "a", "b"], "at": "2026-01-02", "from": "10.0.0.0/8", "other": {"x": 1.5}});
        let value = shape().value(&json, "", Semantics::LATEST).unwrap();
        assert_eq!(
            value.to_string(),
            r#"{at: datetime("2026-01-02"), from: ip("10.0.0.0/8"), n: 3, tags: ["a", "b"]}"#
        );
    }

    #[test]
    fn what_does_not_fit_is_named_without_its_value() {
        for (json, expected) in [
            (json!({}), "`n` is missing"),
            (json!({"n": 1.5}), "`n` must be a Long"),
            (json!({"n": "secret"}), "`n` must be a Long"),
            (json!({"n": null}), "`n` must be a Long"),
            (json!({"n": 1, "tags": ["a", 1]}), "`tags` must be a String"),
            (json!({"n": 1, "at": "tomorrow"}), "`at` must be a text that `datetime(…)` takes"),
        ] {
            assert_eq!(shape().value(&json, "", Semantics::LATEST).unwrap_err(), expected, "{json}");
        }
    }
}
