//! Readers: each has its own read-only connection and sees only what is committed.

use std::path::Path;

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, ffi, params};

use crate::batch::Head;
use crate::erase;
use crate::error::StoreError;
use crate::pages;
use crate::writer::{as_i64, as_u64, read_head, version};

/// Is one record as the journal holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its index.
    pub seq: u64,
    /// The leaf's exact bytes.
    pub leaf: Vec<u8>,
    /// The sealed content; absent once erased.
    pub sealed: Option<Vec<u8>>,
    /// The numbers of the subjects whose keys seal it.
    pub subjects: Vec<i64>,
    /// The index of the record by which the content was erased.
    pub erased_by: Option<u64>,
}

/// Is a record about a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Its index.
    pub seq: u64,
    /// The action it belongs to, as 16 bytes.
    pub action: Option<[u8; 16]>,
    /// The numbers of everybody it is about.
    pub subjects: Vec<i64>,
}

/// Is a stored subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectRow {
    /// Its number.
    pub id: i64,
    /// The keyed tag over its name.
    pub tag: Vec<u8>,
    /// Its wrapped key.
    pub wrapped: Vec<u8>,
}

/// Is one value of state, as it is carried from a journal to the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateRow {
    /// The table-like kind.
    pub kind: String,
    /// The key within the kind.
    pub key: String,
    /// The value in canonical bytes.
    pub value: Vec<u8>,
}

impl StateRow {
    /// Says whether it is the store's own, which is about this one file.
    pub fn is_of_the_file(&self) -> bool {
        erase::is_own(&self.kind)
    }
}

/// Reads the journal.
#[derive(Debug)]
pub struct Reader {
    pub(crate) connection: Connection,
}

const ROW: &str = "SELECT j.seq, j.leaf, c.sealed, c.subjects FROM journal j LEFT JOIN content c ON c.seq = j.seq";

fn row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    let (sealed, subjects): (Option<Vec<u8>>, Option<String>) = (row.get(2)?, row.get(3)?);
    let subjects = subjects.unwrap_or_default();
    let erased = erase::is_blank(&subjects);
    Ok(Row {
        seq: as_u64(row.get(0)?),
        leaf: row.get(1)?,
        erased_by: sealed.as_deref().filter(|_| erased).and_then(erase::by_whom),
        sealed: sealed.filter(|_| !erased),
        subjects: numbers(&subjects),
    })
}

/// Opens a journal for reading; `None` if there is no file, or one that nobody has finished making.
pub(crate) fn find(path: &Path) -> Result<Option<Connection>, StoreError> {
    let connection = match connect(path) {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::CannotOpen) => return Ok(None),
        opened => opened?,
    };
    match version(&connection) {
        Err(error) if error.sqlite_extended_error_code() == Some(ffi::SQLITE_READONLY_ROLLBACK) => Ok(None),
        Err(error) => Err(error.into()),
        Ok(_) => Ok(Some(connection)),
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = pages::open(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

fn numbers(subjects: &str) -> Vec<i64> {
    subjects.split_ascii_whitespace().filter_map(|n| n.parse().ok()).collect()
}

impl Reader {
    /// Opens a journal for reading.
    ///
    /// # Errors
    ///
    /// What the disk says, or [`StoreError::Damaged`] if the file is no journal.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { connection: connect(path)? })
    }

    /// Opens a journal for reading; `None` if there is none, or one in which nothing was ever committed, be it because the one
    /// who made it died before it was made.
    ///
    /// # Errors
    ///
    /// As [`Reader::open`], but for a file that is missing.
    pub fn find(path: &Path) -> Result<Option<Self>, StoreError> {
        let Some(connection) = find(path)? else { return Ok(None) };
        Ok((version(&connection)? > 0).then_some(Self { connection }))
    }

    /// Returns where the journal ends now.
    ///
    /// # Errors
    ///
    /// What the disk says.
    pub fn head(&self) -> Result<Head, StoreError> {
        read_head(&self.connection)
    }

    /// Returns the leaves of `from..to`, in order; fewer if the journal ends before.
    ///
    /// # Errors
    ///
    /// What the disk says.
    pub fn leaves(&self, from: u64, to: u64) -> Result<Vec<Vec<u8>>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT leaf FROM journal WHERE seq >= ?1 AND seq < ?2 ORDER BY seq")?;
        let rows = statement.query_map(params![as_i64(from), as_i64(to)], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns the record at an index.
    ///
    /// # Errors
    ///
    /// What the disk says.
    pub fn record(&self, seq: u64) -> Result<Option<Row>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!("{ROW} WHERE j.seq = ?1"))?;
        Ok(statement.query_row(params![as_i64(seq)], row).optional()?)
    }

    /// Returns the records of `from..to`, in order.
    ///
    /// # Errors
    ///
    /// What the disk says.
    pub fn records(&self, from: u64, to: u64) -> Result<Vec<Row>, StoreError> {
        let mut statement =
            self.connection.prepare_cached(&format!("{ROW} WHERE j.seq >= ?1 AND j.seq < ?2 ORDER BY j.seq"))?;
        let rows = statement.query_map(params![as_i64(from), as_i64(to)], row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns the records of one action, in order.
    ///
    /// # Errors
    ///
    /// What the disk says.
    pub fn of_action(&self, action: &[u8; 16]) -> Result<Vec<Row>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!("{ROW} WHERE j.action = ?1 ORDER BY j.seq"))?;
        let rows = statement.query_map(params![action], row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns the records of one session, in order.
    ///
    /// # Errors
    ///
    /// What the disk says.
    pub fn of_session(&self, session: &[u8; 16]) -> Result<Vec<Row>, StoreError> {
        let mut statement = self.connection.prepare_cached(&format!("{ROW} WHERE j.session = ?1 ORDER BY j.seq"))?;
        let rows = statement.query_map(params![session], row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns the records about a subject whose contents are there, in order. It looks at every record.
    ///
    /// # Errors
    ///
    /// What the disk says.
    pub fn about(&self, subject: i64) -> Result<Vec<About>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT c.seq, j.action, c.subjects FROM content c JOIN journal j ON j.seq = c.seq \
             WHERE instr(' ' || c.subjects || ' ', ' ' || ?1 || ' ') > 0 ORDER BY c.seq",
        )?;
        let rows = statement.query_map(params![subject], |row| {
            let subjects: String = row.get(2)?;
            Ok(About { seq: as_u64(row.get(0)?), action: row.get(1)?, subjects: numbers(&subjects) })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns the last leaf of a session.
    ///
    /// # Errors
    ///
    /// What the disk says.
    pub fn last_of_session(&self, session: &[u8; 16]) -> Result<Option<Vec<u8>>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT leaf FROM journal WHERE session = ?1 ORDER BY seq DESC LIMIT 1")?;
        Ok(statement.query_row(params![session], |row| row.get(0)).optional()?)
    }

    /// Returns all state of a kind, by key.
    ///
    /// # Errors
    ///
    /// What the disk says.
    pub fn state(&self, kind: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT key, value FROM state WHERE kind = ?1 ORDER BY key")?;
        let rows = statement.query_map(params![kind], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns all state there is, by kind and key.
    ///
    /// # Errors
    ///
    /// What the disk says.
    pub fn all_state(&self) -> Result<Vec<StateRow>, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT DISTINCT kind FROM state ORDER BY kind")?;
        let kinds: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        let mut all = Vec::new();
        for kind in kinds {
            let rows = self.state(&kind)?.into_iter();
            all.extend(rows.map(|(key, value)| StateRow { kind: kind.clone(), key, value }));
        }
        Ok(all)
    }

    /// Returns one value of state.
    ///
    /// # Errors
    ///
    /// What the disk says.
    pub fn state_value(&self, kind: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT value FROM state WHERE kind = ?1 AND key = ?2")?;
        Ok(statement.query_row(params![kind, key], |row| row.get(0)).optional()?)
    }

    /// Returns all subjects, by number.
    ///
    /// # Errors
    ///
    /// What the disk says.
    pub fn subjects(&self) -> Result<Vec<SubjectRow>, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT id, tag, wrapped FROM subject ORDER BY id")?;
        let rows = statement
            .query_map([], |row| Ok(SubjectRow { id: row.get(0)?, tag: row.get(1)?, wrapped: row.get(2)? }))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
