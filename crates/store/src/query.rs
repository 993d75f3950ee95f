//! Inventory queries: read-only SQL of a bundle against a SQLite file that is not ours.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use types::FactValue;

use crate::error::StoreError;

const ROWS_MAX: usize = 100_000;

/// Runs one query and returns its rows by column name; an integer stays one, a null column is left out.
///
/// # Errors
///
/// [`StoreError::Query`] if the file cannot be opened, the query is not a read, a value is a fraction or a
/// blob, or there are more than 100,000 rows.
pub fn rows(path: &Path, query: &str) -> Result<Vec<BTreeMap<String, FactValue>>, StoreError> {
    let failed = |e: rusqlite::Error| StoreError::Query(e.to_string());
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(failed)?;
    connection.busy_timeout(std::time::Duration::from_secs(2)).map_err(failed)?;
    let mut statement = connection.prepare(query).map_err(failed)?;
    if !statement.readonly() {
        return Err(StoreError::Query("it does more than read".to_owned()));
    }
    let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let mut found = Vec::new();
    let mut rows = statement.query([]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        if found.len() >= ROWS_MAX {
            return Err(StoreError::Query(format!("more than {ROWS_MAX} rows")));
        }
        let mut entity = BTreeMap::new();
        for (i, column) in columns.iter().enumerate() {
            if let Some(value) = fact(row.get_ref(i).map_err(failed)?, column)? {
                entity.insert(column.clone(), value);
            }
        }
        found.push(entity);
    }
    Ok(found)
}

fn fact(value: ValueRef<'_>, column: &str) -> Result<Option<FactValue>, StoreError> {
    match value {
        ValueRef::Null => Ok(None),
        ValueRef::Integer(n) => Ok(Some(FactValue::Int(n))),
        ValueRef::Text(bytes) => Ok(Some(FactValue::Text(String::from_utf8_lossy(bytes).into_owned()))),
        ValueRef::Real(_) | ValueRef::Blob(_) => {
            Err(StoreError::Query(format!("column `{column}` is neither a whole number nor a text")))
        }
    }
}
