//! Turns the JSON Schema of a tool's arguments into a Cedar record type, and says what it leaves out.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::names;

const DEPTH_MAX: usize = 8;

// A schema that refers to itself from several places would else grow with every level.
const PROPERTIES_MAX: usize = 1_000;

/// Writes the Cedar record type of an object schema, over several lines.
///
/// - `indent`: the depth of the line it starts on, in steps of two blanks.
/// - `secret`: says of a path whether it is secret and hence left out; the items of a list are a step `*`.
pub(crate) fn record(schema: &Value, indent: usize, secret: &dyn Fn(&[String]) -> bool) -> String {
    let writer = Writer { root: schema, left: Cell::new(PROPERTIES_MAX), path: RefCell::default(), secret };
    let written = writer.resolve(schema).and_then(|object| writer.record(object, indent, 0));
    written.unwrap_or_else(|_| "{}".to_owned())
}

/// Says why a schema has no Cedar type.
type LeftOut = &'static str;

struct Writer<'a> {
    root: &'a Value,
    left: Cell<usize>,
    path: RefCell<Vec<String>>,
    secret: &'a dyn Fn(&[String]) -> bool,
}

impl<'a> Writer<'a> {
    fn record(&self, object: &'a Map<String, Value>, indent: usize, depth: usize) -> Result<String, LeftOut> {
        let properties = object.get("properties").and_then(Value::as_object).ok_or("a free-form object")?;
        if properties.is_empty() {
            return Ok("{}".to_owned());
        }
        let required = |name: &str| {
            let list = object.get("required").and_then(Value::as_array);
            list.is_some_and(|list| list.iter().any(|entry| entry.as_str() == Some(name)))
        };
        let margin = "  ".repeat(indent + 1);
        let mut out = "{\n".to_owned();
        // In order of name, because a parser may or may not keep the order of the text.
        let sorted: BTreeMap<&String, &Value> = properties.iter().collect();
        for (name, schema) in sorted {
            let _ = match self.property(name, schema, indent + 1, depth) {
                Ok(ty) => {
                    let mark = if required(name) { "" } else { "?" };
                    writeln!(out, "{margin}{}{mark}: {ty},", names::attribute(name))
                }
                Err(why) => writeln!(out, "{margin}// left out: {} ({why})", names::quote(name)),
            };
        }
        out.push_str(&"  ".repeat(indent));
        out.push('}');
        Ok(out)
    }

    fn property(&self, name: &str, schema: &'a Value, indent: usize, depth: usize) -> Result<String, LeftOut> {
        if name.starts_with("__") {
            return Err("a name that Cedar keeps for itself");
        }
        let Some(left) = self.left.get().checked_sub(1) else { return Err("too many arguments") };
        self.left.set(left);
        self.inside(name, || {
            if (self.secret)(&self.path.borrow()) { Err("secret") } else { self.cedar(schema, indent, depth + 1) }
        })
    }

    fn inside<T>(&self, step: &str, work: impl FnOnce() -> T) -> T {
        self.path.borrow_mut().push(step.to_owned());
        let done = work();
        self.path.borrow_mut().pop();
        done
    }

    fn cedar(&self, schema: &'a Value, indent: usize, depth: usize) -> Result<String, LeftOut> {
        if depth > DEPTH_MAX {
            return Err("nested too deeply");
        }
        let schema = self.resolve(schema)?;
        if ["anyOf", "oneOf", "allOf", "not", "if"].iter().any(|key| schema.contains_key(*key)) {
            return Err("one of several types");
        }
        match schema.get("type") {
            Some(Value::String(name)) => match name.as_str() {
                "string" => Ok("String".to_owned()),
                "integer" => Ok("Long".to_owned()),
                "boolean" => Ok("Bool".to_owned()),
                "array" => self.set(schema, indent, depth),
                "object" => self.record(schema, indent, depth),
                "number" => Err("a number that may have a fraction"),
                "null" => Err("nothing but null"),
                _ => Err("an unknown type"),
            },
            Some(Value::Array(_)) => Err("one of several types"),
            _ if is_text_choice(schema) => Ok("String".to_owned()),
            _ => Err("no type given"),
        }
    }

    fn set(&self, schema: &'a Map<String, Value>, indent: usize, depth: usize) -> Result<String, LeftOut> {
        let items = schema.get("items").ok_or("a list of anything")?;
        Ok(format!("Set<{}>", self.inside("*", || self.cedar(items, indent, depth + 1))?))
    }

    /// Follows references within the schema; one that leads nowhere or in a circle has no type.
    fn resolve(&self, schema: &'a Value) -> Result<&'a Map<String, Value>, LeftOut> {
        let mut object = schema.as_object().ok_or("anything at all")?;
        for _ in 0..DEPTH_MAX {
            let Some(reference) = object.get("$ref") else { return Ok(object) };
            let target = reference
                .as_str()
                .and_then(|text| text.strip_prefix('#'))
                .and_then(|pointer| self.root.pointer(pointer));
            object = target.and_then(Value::as_object).ok_or("a reference that leads nowhere")?;
        }
        Err("a reference that leads in a circle")
    }
}

fn is_text_choice(schema: &Map<String, Value>) -> bool {
    let choices = schema.get("enum").and_then(Value::as_array);
    choices.is_some_and(|list| !list.is_empty() && list.iter().all(Value::is_string))
        || schema.get("const").is_some_and(Value::is_string)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_cedar_can_type_is_typed_and_the_rest_is_named() {
        let schema = json!({
            "type": "object",
            "required": ["path", "n"],
            "properties": {
                "path": {"type": "string"},
                "n": {"type": "integer"},
                "deep": {"type": "object", "required": ["on"], "properties": {"on": {"type": "boolean"}}},
                "tags": {"type": "array", "items": {"$ref": "#/$defs/tag"}},
                "mode": {"enum": ["a", "b"]},
                "ratio": {"type": "number"},
                "either": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                "free": {"type": "object"},
                "odd name\n": {"type": "string"},
                "loop": {"$ref": "#/properties/loop"},
                "gone": {"$ref": "#/$defs/none"},
                "__entity": {"type": "string"},
            },
            "$defs": {"tag": {"type": "string"}},
        });
        let expected = r##"{
  // left out: "__entity" (a name that Cedar keeps for itself)
  deep?: {
    on: Bool,
  },
  // left out: "either" (one of several types)
  // left out: "free" (a free-form object)
  // left out: "gone" (a reference that leads nowhere)
  // left out: "loop" (a reference that leads in a circle)
  mode?: String,
  n: Long,
  "odd name\n"?: String,
  path: String,
  // left out: "ratio" (a number that may have a fraction)
  tags?: Set<String>,
}"##;
        assert_eq!(record(&schema, 0, &|_| false), expected);
    }

    #[test]
    fn what_is_secret_is_left_out() {
        let schema = json!({"type": "object", "properties": {
            "pin": {"type": "string"},
            "users": {"type": "array", "items": {"type": "object", "properties": {"key": {"type": "string"}, "name": {"type": "string"}}}},
        }});
        let secret = |path: &[String]| ["pin", "users/*/key"].contains(&path.join("/").as_str());
        let text = record(&schema, 0, &secret);
        assert!(
            text.contains("// left out: \"pin\" (secret)") && text.contains("// left out: \"key\" (secret)"),
            "{text}"
        );
        assert!(text.contains("name?: String"), "{text}");
    }

    #[test]
    fn a_schema_that_contains_itself_ends() {
        let schema = json!({"type": "object", "properties": {"child": {"$ref": "#"}}});
        let text = record(&schema, 0, &|_| false);
        assert!(text.contains("nested too deeply"), "{text}");
        let twice = json!({"type": "object", "properties": {"a": {"$ref": "#"}, "b": {"$ref": "#"}, "c": {"$ref": "#"}, "d": {"$ref": "#"}}});
        assert!(record(&twice, 0, &|_| false).contains("too many arguments"));
        for odd in [json!(true), json!({}), json!({"type": "string"}), json!(null)] {
            assert_eq!(record(&odd, 0, &|_| false), "{}");
        }
    }
}
