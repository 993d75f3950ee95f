//! The SQLite file of an MLflow server as a source of imports: read, and never written.
//!
//! Its tables are known by the version that the file itself names. A file of another version is not read at all: a column that means
//! something else than it did would be taken over as if nothing had happened.

mod registry;
mod runs;

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Row};
use types::Code;
use types::imports::Pair;

/// Are the versions of the tables that are known, with the releases of MLflow that were looked at.
pub const KNOWN: [(&str, &str); 2] = [("bf29a5ff90ea", "3.6.0"), ("dc11669786a5", "3.17.2")];

/// Says why such a file cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForeignError {
    /// It is none of MLflow's, or of a version that is not known.
    #[error("the file is none that is read here: {0}")]
    Unknown(String),
    /// It cannot be read, or what is in it makes no sense.
    #[error("the file cannot be read to its end: {0}")]
    Broken(String),
}

impl ForeignError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> Code {
        match self {
            Self::Unknown(_) => Code::ImportSourceUnknown,
            Self::Broken(_) => Code::ImportSourceBroken,
        }
    }
}

impl From<rusqlite::Error> for ForeignError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Broken(types::text::escape(&error.to_string(), false))
    }
}

type Done<T> = Result<T, ForeignError>;

/// Is the file of an MLflow server.
#[derive(Debug)]
pub struct File {
    connection: Connection,
    release: &'static str,
}

impl File {
    /// Opens a file for reading, and all that is read of it is from one moment.
    ///
    /// # Errors
    ///
    /// A file that cannot be opened, is no file of MLflow's, or is of a version that is not known.
    pub fn open(path: &Path) -> Done<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let unknown = |why: &str| ForeignError::Unknown(types::text::escape(why, false));
        let connection = Connection::open_with_flags(path, flags).map_err(|error| unknown(&error.to_string()))?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.pragma_update(None, "query_only", true)?;
        // What views and triggers of a file from elsewhere say is not run.
        connection.pragma_update(None, "trusted_schema", false)?;
        connection.execute_batch("BEGIN").map_err(|error| unknown(&error.to_string()))?;
        let version =
            connection.query_row("SELECT version_num FROM alembic_version", [], |row| row.get::<_, String>(0));
        let version = version.map_err(|_| unknown("it does not say which version its tables have"))?;
        let known = KNOWN.iter().find(|(known, _)| *known == version);
        let (_, release) = known.ok_or_else(|| {
            let all: Vec<String> = KNOWN.iter().map(|(known, release)| format!("{known} (MLflow {release})")).collect();
            unknown(&format!("its tables have version `{version}`, and these are known: {}", all.join(", ")))
        })?;
        let file = Self { connection, release };
        // In several workspaces names may be there twice, and here there is one.
        if file.workspaces()? > 1 {
            return Err(unknown("it has several workspaces, and one is read"));
        }
        Ok(file)
    }

    /// Counts the workspaces that experiments and models are in, where there are such.
    fn workspaces(&self) -> Done<i64> {
        let has = "SELECT EXISTS (SELECT 1 FROM pragma_table_info('experiments') WHERE name = 'workspace')";
        let count =
            "SELECT count(*) FROM (SELECT workspace FROM experiments UNION SELECT workspace FROM registered_models)";
        let ask = |sql: &str| self.connection.query_row(sql, [], |row| row.get::<_, i64>(0));
        Ok(if ask(has)? == 0 { 1 } else { ask(count)? })
    }

    /// Returns the release of MLflow whose tables it has.
    pub fn release(&self) -> &'static str {
        self.release
    }

    /// Reads pairs of a thing.
    fn pairs(&self, sql: &str, of: &[&dyn rusqlite::ToSql]) -> Done<Vec<Pair>> {
        let text = |row: &Row<'_>, at: usize| row.get::<_, Option<String>>(at).map(Option::unwrap_or_default);
        self.all(sql, of, |row| Ok((text(row, 0)?, text(row, 1)?)))
    }

    fn all<T>(
        &self,
        sql: &str,
        of: &[&dyn rusqlite::ToSql],
        read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Done<Vec<T>> {
        let mut query = self.connection.prepare_cached(sql)?;
        let rows = query.query_map(of, read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

/// Reads a text; what is absent is empty.
fn text(row: &Row<'_>, at: &str) -> rusqlite::Result<String> {
    row.get::<_, Option<String>>(at).map(Option::unwrap_or_default)
}

/// Reads a number; what is absent is 0.
fn number(row: &Row<'_>, at: &str) -> rusqlite::Result<i64> {
    row.get::<_, Option<i64>>(at).map(Option::unwrap_or_default)
}

/// Writes a value of a metric.
fn value(value: Option<f64>, is_nan: bool) -> String {
    match value {
        Some(value) if !is_nan && !value.is_nan() => value.to_string(),
        _ => "NaN".to_owned(),
    }
}
