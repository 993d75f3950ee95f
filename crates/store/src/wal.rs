//! Folding the write-ahead log into the main file, beside the writer, so that no commit waits for it.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use crate::error::StoreError;
use crate::pages;
use crate::writer::{as_u64, tune};

/// Names the file of a journal's write-ahead log.
pub fn log_of(journal: &Path) -> PathBuf {
    let mut name = journal.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

/// Folds the write-ahead log in. It has its own connection and never takes the writer's lock.
#[derive(Debug)]
pub struct Wal {
    connection: Connection,
}

/// Is how far the write-ahead log has been folded in, in pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Folded {
    /// How many pages the log holds.
    pub pages: u64,
    /// How many of them the main file holds too.
    pub folded: u64,
}

impl Wal {
    /// Opens a journal that is there already.
    ///
    /// # Errors
    ///
    /// What the disk says.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = pages::open(path, flags)?;
        tune(&connection)?;
        Ok(Self { connection })
    }

    /// Copies into the main file what no reader still needs from the log, and syncs it in portions; what is left of the last one is
    /// synced before the log is begun anew.
    ///
    /// # Errors
    ///
    /// What the disk says. After a failed sync nobody knows what the main file holds: the journal MUST stop, or the next
    /// folding might begin the log anew over what was lost.
    pub fn fold(&self) -> Result<Folded, StoreError> {
        let pages = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(1)?, row.get::<_, i64>(2)?));
        let (pages, folded) = self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], pages)?;
        Ok(Folded { pages: as_u64(pages), folded: as_u64(folded) })
    }
}
