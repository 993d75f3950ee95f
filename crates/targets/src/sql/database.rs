//! What is asked of a database, whichever it is.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::SqlError;
use super::images::{Counts, Net};
use super::statement::{Language, Statement};
use crate::changes::{Entry, Standing};

/// Bounds what one statement may take and change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// How many rows a change may change, those of cascades among them.
    pub rows_max: usize,
    /// How many rows a query tells.
    pub told_max: usize,
    /// How large what a query tells may be, in bytes as JSON.
    pub told_bytes_max: usize,
    /// How many differences a change shows.
    pub shown_max: usize,
    /// How long a statement may run, in milliseconds.
    pub statement_ms: u64,
    /// How long it may wait for others, in milliseconds.
    pub lock_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            rows_max: 1_000,
            told_max: 1_000,
            told_bytes_max: 4 << 20,
            shown_max: 20,
            statement_ms: 30_000,
            lock_ms: 5_000,
        }
    }
}

/// Are rows that a query told.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rows {
    /// The rows, each an object of columns.
    pub rows: Vec<Value>,
    /// There were more.
    pub truncated: bool,
}

/// Is one row's difference, as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// The table.
    pub table: String,
    /// The row before; absent if it was not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// The row after; absent if it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

/// Is what a statement changed, or would change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Changed {
    /// How many rows in all.
    pub rows: usize,
    /// How many of which table.
    pub tables: Vec<TableChanged>,
    /// SHA-256 over every row before and after.
    pub digest: String,
    /// The first differences.
    pub differences: Vec<Difference>,
}

/// Is what became of one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableChanged {
    /// The table.
    pub table: String,
    /// How many rows.
    #[serde(flatten)]
    pub counts: Counts,
}

/// Is a database that agents change.
pub trait Database {
    /// Returns the language of its statements.
    fn language(&self) -> Language;

    /// Reads, in a transaction that can do nothing else.
    ///
    /// # Errors
    ///
    /// [`SqlError`].
    fn query(&mut self, statement: &Statement, params: &[Value], limits: &Limits) -> Result<Rows, SqlError>;

    /// Changes rows in a transaction that is rolled back, and says what it would have changed.
    ///
    /// # Errors
    ///
    /// [`SqlError`].
    fn plan(&mut self, statement: &Statement, params: &[Value], limits: &Limits) -> Result<Changed, SqlError>;

    /// Changes rows once under a key: a repeat changes nothing and is answered as the first.
    ///
    /// # Errors
    ///
    /// [`SqlError`]; nothing was changed then, except that nobody knows after [`SqlError::InDoubt`].
    fn change(
        &mut self,
        key: &str,
        statement: &Statement,
        params: &[Value],
        limits: &Limits,
    ) -> Result<Changed, SqlError>;

    /// Says what is to be seen of a change.
    ///
    /// # Errors
    ///
    /// [`SqlError`].
    fn standing(&mut self, key: &str) -> Result<Standing, SqlError>;

    /// Takes a change back in one transaction, if every row it left is as it left it; once under a key.
    ///
    /// # Errors
    ///
    /// [`SqlError::Conflict`] if a row is another by now, or more than those rows would change.
    fn undo(&mut self, key: &str, undo: &str, limits: &Limits) -> Result<Changed, SqlError>;

    /// Lists transactions that changed captured rows, ours and others', in their order.
    ///
    /// # Errors
    ///
    /// [`SqlError`].
    fn entries(&mut self, after: i64, limit: i64) -> Result<Vec<Entry>, SqlError>;

    /// Captures tables from now on. It is asked of whoever owns them, and is no tool.
    ///
    /// # Errors
    ///
    /// [`SqlError`].
    fn capture(&mut self, tables: &[String]) -> Result<(), SqlError>;
}

/// Counts what became of a table, by how many of its keys are on both sides.
pub fn counts(net: &Net, same_key: usize) -> Counts {
    Counts { inserted: net.after.len() - same_key, updated: same_key, deleted: net.before.len() - same_key }
}
