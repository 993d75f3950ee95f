//! Columns, and what each came of.

use rusqlite::{Row, params};

use super::super::{Change, Done, View};
use super::edges::How;

/// Says that a column came of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnEdge {
    /// The dataset that was read.
    pub origin: i64,
    /// Its column.
    pub origin_field: String,
    /// The dataset that came of it.
    pub target: i64,
    /// Its column; nothing if all of them depend on what was read.
    pub target_field: Option<String>,
    /// How: a JSON list of transformations.
    pub told: String,
}

/// Is such a statement to be kept, by the nodes' own ids.
pub type NewColumn = ColumnEdge;

const COLUMNS: &str = "coalesce(o.shown, o.id), c.origin_field, coalesce(t.shown, t.id), c.target_field, c.told";
const NODES: &str = "CROSS JOIN lineage_node o ON o.id = c.origin CROSS JOIN lineage_node t ON t.id = c.target";

fn read(row: &Row<'_>) -> rusqlite::Result<ColumnEdge> {
    Ok(ColumnEdge {
        origin: row.get(0)?,
        origin_field: row.get(1)?,
        target: row.get(2)?,
        target_field: row.get(3)?,
        told: row.get(4)?,
    })
}

impl View<'_> {
    /// Returns what a column came of, at most `limit` of it.
    ///
    /// - `names`: the dataset with all its names.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn lineage_column_inputs(&self, names: &str, field: &str, limit: usize) -> Done<Vec<ColumnEdge>> {
        let sql = format!(
            "SELECT DISTINCT {COLUMNS} FROM json_each(?1) j CROSS JOIN lineage_column c ON c.target = j.value \
             AND (c.target_field = ?2 OR c.target_field IS NULL) {NODES} ORDER BY 1, 2, 3, 4 LIMIT ?3"
        );
        self.column_edges(&sql, names, field, limit)
    }

    /// Returns what came of a column, at most `limit` of it.
    ///
    /// - `names`: the dataset with all its names.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn lineage_column_outputs(&self, names: &str, field: &str, limit: usize) -> Done<Vec<ColumnEdge>> {
        let sql = format!(
            "SELECT DISTINCT {COLUMNS} FROM json_each(?1) j CROSS JOIN lineage_column c ON c.origin = j.value \
             AND c.origin_field = ?2 {NODES} ORDER BY 1, 2, 3, 4 LIMIT ?3"
        );
        self.column_edges(&sql, names, field, limit)
    }

    fn column_edges(&self, sql: &str, names: &str, field: &str, limit: usize) -> Done<Vec<ColumnEdge>> {
        let mut query = self.0.prepare_cached(sql)?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = query.query_map(params![names, field, limit], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns the columns of a dataset that are known from what came of what.
    ///
    /// - `names`: the dataset with all its names.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn lineage_columns_told(&self, names: &str) -> Done<Vec<String>> {
        let sql = "SELECT c.target_field FROM json_each(?1) j CROSS JOIN lineage_column c ON c.target = j.value \
                   WHERE c.target_field IS NOT NULL UNION \
                   SELECT c.origin_field FROM json_each(?1) j CROSS JOIN lineage_column c ON c.origin = j.value";
        let mut query = self.0.prepare_cached(sql)?;
        let rows = query.query_map([names], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Change<'_> {
    /// Sets what a node says of columns in one way; what it said before is gone.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn set_lineage_columns(&self, said: i64, how: How, columns: &[NewColumn]) -> Done<()> {
        let sql = "DELETE FROM lineage_column WHERE said = ?1 AND how = ?2";
        self.0.0.prepare_cached(sql)?.execute([said, how.number()])?;
        let sql = "INSERT INTO lineage_column (said, how, origin, origin_field, target, target_field, told) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let mut insert = self.0.0.prepare_cached(sql)?;
        for ColumnEdge { origin, origin_field, target, target_field, told } in columns {
            insert.execute(params![said, how.number(), origin, origin_field, target, target_field, told])?;
        }
        Ok(())
    }
}
