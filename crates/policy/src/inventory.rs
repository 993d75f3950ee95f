//! Reads inventory data that lies in the bundle: TOML or JSON files with arrays of tables named after their kind.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use types::FactValue;
use types::bundle::{AttributeType, Inventory, Kind};

use crate::problem::{Place, Problem};

/// Is one entity of an inventory file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entity {
    /// Its kind, as `inventory.toml` declares it.
    pub kind: String,
    /// Its id, unique within the kind.
    pub id: String,
    /// Every attribute the kind declares.
    pub attributes: BTreeMap<String, FactValue>,
}

/// Reads the entities of one data file, which are complete and of the declared types.
///
/// - `file`: the path in the bundle; its ending says whether the text is TOML or JSON.
///
/// # Errors
///
/// One [`Problem`] per text that does not parse, unknown kind or key, missing or repeated id, and missing
/// or ill-typed attribute.
pub fn read(file: &str, text: &str, inventory: &Inventory) -> Result<Vec<Entity>, Vec<Problem>> {
    let root = parse(file, text).map_err(|problem| vec![problem])?;
    let mut reader = Reader { file, entities: Vec::new(), seen: BTreeSet::new(), problems: Vec::new() };
    match root {
        Value::Object(kinds) => kinds.iter().for_each(|(kind, rows)| reader.kind(kind, rows, inventory)),
        _ => reader.refuse("the file must be an object of arrays, one per kind"),
    }
    if reader.problems.is_empty() { Ok(reader.entities) } else { Err(reader.problems) }
}

fn parse(file: &str, text: &str) -> Result<Value, Problem> {
    if file.ends_with(".json") {
        return types::json::parse(text).map_err(|error| Problem::of_file(file, error.to_string()));
    }
    toml::from_str(text).map_err(|error| {
        let place = error.span().map(|span| Place::of(text, span.start));
        Problem::at(file, place, error.message())
    })
}

struct Reader<'a> {
    file: &'a str,
    entities: Vec<Entity>,
    seen: BTreeSet<(String, String)>,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn refuse(&mut self, message: impl Into<String>) {
        self.problems.push(Problem::of_file(self.file, message));
    }

    fn kind(&mut self, name: &str, rows: &Value, inventory: &Inventory) {
        let Some(kind) = inventory.kinds.get(name) else {
            return self.refuse(format!("there is no kind `{name}` in `inventory.toml`"));
        };
        let Some(rows) = rows.as_array() else {
            return self.refuse(format!("`{name}` must be an array of tables, each with an `id`"));
        };
        for (n, row) in rows.iter().enumerate() {
            self.row(name, kind, n + 1, row);
        }
    }

    fn row(&mut self, name: &str, kind: &Kind, number: usize, row: &Value) {
        let Some(id) = row.get("id").and_then(Value::as_str).filter(|id| !id.is_empty()) else {
            return self.refuse(format!("number {number} of `{name}` has no `id`, which must be a text"));
        };
        if !self.seen.insert((name.to_owned(), id.to_owned())) {
            self.refuse(format!("`{name}` has `{id}` twice"));
        }
        for key in row.as_object().into_iter().flat_map(|row| row.keys()) {
            if key != "id" && !kind.attributes.contains_key(key) {
                self.refuse(format!("`{name}` `{id}` has `{key}`, which the kind does not declare"));
            }
        }
        let mut attributes = BTreeMap::new();
        for (key, expected) in &kind.attributes {
            match attribute(row.get(key), *expected) {
                Some(value) => drop(attributes.insert(key.clone(), value)),
                None => self.refuse(format!("`{name}` `{id}` needs `{key}`, a `{}`", text(*expected))),
            }
        }
        self.entities.push(Entity { kind: name.to_owned(), id: id.to_owned(), attributes });
    }
}

fn attribute(value: Option<&Value>, expected: AttributeType) -> Option<FactValue> {
    match expected {
        AttributeType::String => value?.as_str().map(FactValue::from),
        AttributeType::Long => value?.as_i64().map(FactValue::from),
        AttributeType::Bool => value?.as_bool().map(FactValue::from),
    }
}

fn text(expected: AttributeType) -> &'static str {
    match expected {
        AttributeType::String => "string",
        AttributeType::Long => "long",
        AttributeType::Bool => "bool",
    }
}
