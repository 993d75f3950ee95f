//! A captured table: its columns, its triggers, and the statements that compare and restore its rows.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, params_from_iter};

use super::{failed, literal};
use crate::sql::error::SqlError;
use crate::sql::images::{Net, Step};

/// Is a table, with the names of its columns as they are.
#[derive(Debug, Clone)]
pub(super) struct Table {
    name: String,
    columns: Vec<String>,
    key: Vec<usize>,
}

/// Writes a name so that it is one.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Is a row of literals, in the order of the columns.
pub(super) type Row = Vec<Value>;

/// Is a row before and after.
pub(super) type Pair = (Option<Row>, Option<Row>);

impl Table {
    /// Reads what a table is; `None` if it is not there, or has no primary key.
    pub(super) fn read(db: &Connection, name: &str) -> Result<Option<Self>, SqlError> {
        // Columns that are computed cannot be written, and follow from the others.
        let text = "SELECT i.name, i.pk FROM sqlite_master m, pragma_table_xinfo(m.name) i
                    WHERE m.type = 'table' AND m.name = ?1 AND i.hidden = 0 ORDER BY i.cid";
        let mut statement = db.prepare(text).map_err(|error| failed(&error))?;
        let rows = statement.query_map([name], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)));
        let columns: Vec<(String, i64)> = rows.and_then(Iterator::collect).map_err(|error| failed(&error))?;
        let mut key: Vec<(i64, usize)> =
            columns.iter().enumerate().filter(|(_, (_, pk))| *pk > 0).map(|(at, (_, pk))| (*pk, at)).collect();
        key.sort_unstable();
        if key.is_empty() {
            return Ok(None);
        }
        let key = key.into_iter().map(|(_, at)| at).collect();
        Ok(Some(Self { name: name.to_owned(), columns: columns.into_iter().map(|(name, _)| name).collect(), key }))
    }

    /// Writes how a row is imaged.
    fn image(&self, row: &str) -> String {
        // `quote` ends a text at its first NUL.
        let quote = |column: &String| {
            let column = format!("{row}{}", quoted(column));
            format!("CASE typeof({column}) WHEN 'text' THEN 'T' || hex({column}) ELSE quote({column}) END")
        };
        format!("json_array({})", self.columns.iter().map(quote).collect::<Vec<_>>().join(", "))
    }

    /// Writes its triggers, each with its name.
    pub(super) fn triggers(&self) -> Vec<(String, String)> {
        let (old, new) = (self.image("OLD."), self.image("NEW."));
        let one = |event: &str, before: &str, after: &str| {
            let name = format!("countersign_{}_{}", event.to_lowercase(), self.name);
            let text = format!(
                "CREATE TRIGGER {} AFTER {event} ON {} BEGIN INSERT INTO countersign_image (change, tab, before, after) \
                 VALUES ((SELECT key FROM countersign_now), {}, {before}, {after}); END",
                quoted(&name),
                quoted(&self.name),
                literal_of(&self.name)
            );
            (name, text)
        };
        vec![one("INSERT", "NULL", &new), one("UPDATE", &old, &new), one("DELETE", &old, "NULL")]
    }

    /// Says whether all its triggers are there, and image every column it has now.
    pub(super) fn is_captured(&self, db: &Connection) -> Result<bool, SqlError> {
        for (name, text) in self.triggers() {
            let there =
                db.query_row("SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = ?1", [&name], |row| {
                    row.get::<_, String>(0)
                });
            if there.optional().map_err(|error| failed(&error))?.as_deref() != Some(&text) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn row(&self, image: &str) -> Result<Row, SqlError> {
        let wrong = || SqlError::Conflict(format!("an image of `{}` does not fit its columns", self.name));
        let literals: Vec<String> = serde_json::from_str(image).map_err(|_| wrong())?;
        let row: Option<Row> = literals.iter().map(|text| literal::read(text)).collect();
        row.filter(|row| row.len() == self.columns.len()).ok_or_else(wrong)
    }

    fn key_of<'a>(&self, row: &'a Row) -> Vec<&'a Value> {
        self.key.iter().filter_map(|at| row.get(*at)).collect()
    }

    fn by_key(&self) -> String {
        let same = |at: &usize| self.columns.get(*at).map(|column| format!("{} IS ?", quoted(column)));
        self.key.iter().filter_map(same).collect::<Vec<_>>().join(" AND ")
    }

    /// Returns the image of a row as it is now.
    fn now(&self, db: &Connection, row: &Row) -> Result<Option<String>, SqlError> {
        let text = format!("SELECT {} FROM {} WHERE {}", self.image(""), quoted(&self.name), self.by_key());
        let mut statement = db.prepare_cached(&text).map_err(|error| failed(&error))?;
        let found = statement.query_row(params_from_iter(self.key_of(row)), |row| row.get(0));
        found.optional().map_err(|error| failed(&error))
    }

    /// Pairs the rows of both sides by their keys: those before first, in their order.
    pub(super) fn pairs(&self, net: &Net) -> Result<Vec<Pair>, SqlError> {
        let rows = |side: &[String]| side.iter().map(|image| self.row(image)).collect::<Result<Vec<_>, _>>();
        let (before, after) = (rows(&net.before)?, rows(&net.after)?);
        let text = |row: &Row| format!("{:?}", self.key_of(row));
        let mut left: std::collections::BTreeMap<String, Row> =
            after.into_iter().map(|row| (text(&row), row)).collect();
        let mut pairs: Vec<_> = before
            .into_iter()
            .map(|row| {
                let other = left.remove(&text(&row));
                (Some(row), other)
            })
            .collect();
        pairs.extend(left.into_values().map(|row| (None, Some(row))));
        Ok(pairs)
    }

    /// Writes a row as JSON shows it.
    pub(super) fn shown(&self, row: &Row) -> serde_json::Value {
        let members = self.columns.iter().zip(row);
        members
            .map(|(column, value)| (column.clone(), literal::shown(value.into())))
            .collect::<serde_json::Map<_, _>>()
            .into()
    }

    /// Counts the rows that are not as a change left them: gone, other, or there again.
    pub(super) fn differing(&self, db: &Connection, net: &Net) -> Result<usize, SqlError> {
        let mut differing = 0;
        for image in &net.after {
            differing += usize::from(self.now(db, &self.row(image)?)?.as_ref() != Some(image));
        }
        for (before, after) in self.pairs(net)? {
            if let (Some(row), None) = (before, after) {
                differing += usize::from(self.now(db, &row)?.is_some());
            }
        }
        Ok(differing)
    }

    /// Writes the rows as they were in one step, where `net` says what was changed.
    pub(super) fn restore(&self, db: &Connection, net: &Net, step: Step) -> Result<(), SqlError> {
        let taken = |error: rusqlite::Error| {
            SqlError::Conflict(format!("`{}` does not take its rows back: {error}", self.name))
        };
        let (table, by_key) = (quoted(&self.name), self.by_key());
        let names: Vec<_> = self.columns.iter().map(|column| quoted(column)).collect();
        let text = match step {
            Step::Delete => format!("DELETE FROM {table} WHERE {by_key}"),
            Step::Update => {
                let set: Vec<_> = names.iter().map(|name| format!("{name} = ?")).collect();
                format!("UPDATE {table} SET {} WHERE {by_key}", set.join(", "))
            }
            Step::Insert => {
                format!("INSERT INTO {table} ({}) VALUES ({})", names.join(", "), vec!["?"; names.len()].join(", "))
            }
        };
        let mut statement = db.prepare_cached(&text).map_err(taken)?;
        for pair in &self.pairs(net)? {
            let values: Vec<&Value> = match (step, pair) {
                (Step::Delete, (None, Some(row))) => self.key_of(row),
                (Step::Update, (Some(row), Some(_))) => row.iter().chain(self.key_of(row)).collect(),
                (Step::Insert, (Some(row), None)) => row.iter().collect(),
                _ => continue,
            };
            statement.execute(params_from_iter(values)).map_err(taken)?;
        }
        Ok(())
    }
}

/// Writes a text as a literal.
fn literal_of(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
