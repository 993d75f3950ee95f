//! From the sources of a bundle to the entities they describe.

use std::collections::BTreeMap;

use types::bundle::{AttributeType, Inventory, Kind, Source};
use types::{FactValue, Millis};

use super::entity::{Entities, Entity};
use super::error::InventoryError;
use super::file::{self, Row};

/// Asks a database; the caller brings the one that knows SQL.
pub trait QuerySource {
    /// Runs a query on the SQLite database at `path` and returns its rows by column name.
    ///
    /// # Errors
    ///
    /// A sentence for people if the database cannot be opened or the query fails.
    fn rows(&self, path: &str, query: &str) -> Result<Vec<BTreeMap<String, FactValue>>, String>;
}

/// Loads every source of an inventory.
///
/// - `files`: the bundle's files by path relative to its folder.
/// - `now`: the instant recorded as the entities' own.
///
/// # Errors
///
/// [`InventoryError`] at the first thing that does not fit; nothing is loaded then.
pub fn load(
    inventory: &Inventory,
    files: &BTreeMap<String, String>,
    database: &dyn QuerySource,
    now: Millis,
) -> Result<Entities, InventoryError> {
    let mut entities = Entities::default();
    for (name, source) in &inventory.sources {
        let loader = Loader { name, source, kinds: &inventory.kinds, now };
        let (found, age_ms_max) = loader.read(files, database)?;
        for (kind, rows) in found {
            loader.add(&mut entities, &kind, rows, age_ms_max)?;
        }
    }
    Ok(entities)
}

struct Loader<'a> {
    name: &'a str,
    source: &'a Source,
    kinds: &'a BTreeMap<String, Kind>,
    now: Millis,
}

type Found = (BTreeMap<String, Vec<Row>>, Option<i64>);

impl Loader<'_> {
    fn read(&self, files: &BTreeMap<String, String>, database: &dyn QuerySource) -> Result<Found, InventoryError> {
        match (&self.source.file, &self.source.sqlite) {
            (Some(path), None) if self.source.queries.is_empty() => Ok((self.file(path, files)?, None)),
            (None, Some(_)) if self.source.queries.is_empty() => {
                Err(self.declaration("a database needs a query per kind"))
            }
            (None, Some(path)) => Ok((self.database(path, database)?, Some(self.source.age_ms_max))),
            (Some(_), None) => Err(self.declaration("a file has no queries")),
            _ => Err(self.declaration("it must name either a `file` or a `sqlite` database")),
        }
    }

    fn file(&self, path: &str, files: &BTreeMap<String, String>) -> Result<BTreeMap<String, Vec<Row>>, InventoryError> {
        let failed =
            |reason: String| InventoryError::File { source_name: self.name.to_owned(), path: path.to_owned(), reason };
        if !file::is_inside(path) {
            return Err(failed("it lies outside the bundle".into()));
        }
        let text = files.get(path).or_else(|| files.get(path.trim_start_matches("./")));
        file::read(path, text.ok_or_else(|| failed("it is not in the bundle".into()))?).map_err(failed)
    }

    fn database(&self, path: &str, database: &dyn QuerySource) -> Result<BTreeMap<String, Vec<Row>>, InventoryError> {
        let mut found = BTreeMap::new();
        for (kind, query) in &self.source.queries {
            let rows = database.rows(path, query).map_err(|reason| InventoryError::Query {
                source_name: self.name.to_owned(),
                kind: kind.clone(),
                reason,
            })?;
            found.insert(kind.clone(), rows);
        }
        Ok(found)
    }

    fn add(
        &self,
        entities: &mut Entities,
        kind: &str,
        rows: Vec<Row>,
        age_ms_max: Option<i64>,
    ) -> Result<(), InventoryError> {
        let declared =
            self.kinds.get(kind).ok_or_else(|| self.declaration(&format!("the kind `{kind}` is not declared")))?;
        for (at, row) in rows.into_iter().enumerate() {
            let failed = |reason: String| InventoryError::Entity {
                source_name: self.name.to_owned(),
                kind: kind.to_owned(),
                number: at + 1,
                reason,
            };
            let (id, attributes) = fit(row, declared, self.source.sqlite.is_some()).map_err(failed)?;
            let source = format!("inventory:{}", self.name);
            let entity = Entity { attributes, source, at: self.now, age_ms_max };
            if !entities.add(kind, id.clone(), entity) {
                return Err(failed(format!("has the id `{id}`, which another one has")));
            }
        }
        Ok(())
    }

    fn declaration(&self, reason: &str) -> InventoryError {
        InventoryError::Declaration { source_name: self.name.to_owned(), reason: reason.to_owned() }
    }
}

/// Fits a row to its kind: its id, and every declared attribute with its type.
///
/// - `from_sqlite`: 0 and 1 stand for truth values, since SQLite has none of its own.
fn fit(mut row: Row, kind: &Kind, from_sqlite: bool) -> Result<(String, Row), String> {
    let id = match row.remove("id") {
        Some(FactValue::Text(id)) if !id.is_empty() => id,
        _ => return Err("has no text `id`".into()),
    };
    let mut attributes = BTreeMap::new();
    for (name, kind) in &kind.attributes {
        let value = row.remove(name).ok_or_else(|| format!("lacks the attribute `{name}`"))?;
        let value = typed(value, *kind, from_sqlite)
            .ok_or_else(|| format!("has an attribute `{name}` that is no {}", type_name(*kind)))?;
        attributes.insert(name.clone(), value);
    }
    match row.keys().next() {
        Some(unknown) => Err(format!("has an attribute `{unknown}` that its kind does not declare")),
        None => Ok((id, attributes)),
    }
}

fn typed(value: FactValue, kind: AttributeType, from_sqlite: bool) -> Option<FactValue> {
    match (kind, value) {
        (AttributeType::Bool, FactValue::Int(flag @ (0 | 1))) if from_sqlite => Some(FactValue::Bool(flag == 1)),
        (AttributeType::String, value @ FactValue::Text(_))
        | (AttributeType::Long, value @ FactValue::Int(_))
        | (AttributeType::Bool, value @ FactValue::Bool(_)) => Some(value),
        _ => None,
    }
}

fn type_name(kind: AttributeType) -> &'static str {
    match kind {
        AttributeType::String => "text",
        AttributeType::Long => "whole number",
        AttributeType::Bool => "truth value",
    }
}
