//! Sample arguments for the starter's tests: the least that a schema asks for.

use std::cell::Cell;

use serde_json::{Map, Value, json};

const DEPTH_MAX: usize = 8;

// A schema that refers to itself from several places would else grow with every level.
const VALUES_MAX: usize = 200;

/// Builds an object with every required argument, or an empty one if the schema is not that of an object.
pub(super) fn arguments(schema: &Value) -> Value {
    Sampler { root: schema, left: Cell::new(VALUES_MAX) }.object(schema, 0)
}

struct Sampler<'a> {
    root: &'a Value,
    left: Cell<usize>,
}

impl Sampler<'_> {
    fn object(&self, schema: &Value, depth: usize) -> Value {
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let property = |name: &str| schema.get("properties").and_then(|properties| properties.get(name));
        let members = required.filter_map(|name| Some((name.to_owned(), self.value(property(name)?, depth + 1)?)));
        Value::Object(members.collect::<Map<_, _>>())
    }

    /// Builds a value; `None` where the schema does not say plainly what it wants.
    fn value(&self, schema: &Value, depth: usize) -> Option<Value> {
        self.left.set(self.left.get().checked_sub(1)?);
        if depth > DEPTH_MAX {
            return None;
        }
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            return self.value(self.root.pointer(reference.strip_prefix('#')?)?, depth + 1);
        }
        let first_choice = schema.get("enum").and_then(Value::as_array).and_then(|choices| choices.first());
        if let Some(choice) =
            schema.get("const").or(first_choice).filter(|choice| choice.is_string() || choice.is_i64())
        {
            return Some(choice.clone());
        }
        match schema.get("type")?.as_str()? {
            "string" => Some(json!("example")),
            "integer" | "number" => Some(json!(1)),
            "boolean" => Some(json!(false)),
            "array" => Some(json!([])),
            "object" => Some(self.object(schema, depth)),
            _ => None,
        }
    }
}
