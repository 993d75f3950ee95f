//! Bringing a journal of an earlier version up to this one.
//!
//! Version 1 has no room for checksums in its pages, so the journal is copied into a new file beside it, which then takes its
//! name. A crash leaves the old journal, or the new one, whole.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, params};

use crate::error::StoreError;
use crate::writer::{self, is_empty, version};
use crate::{pages, reader};

/// The tables of version 1, but for the head, in the order in which they are copied.
const TABLES: [(&str, &str); 4] = [
    ("journal", "seq, leaf, kind, action, session"),
    ("content", "seq, sealed, subjects"),
    ("subject", "id, tag, wrapped"),
    ("state", "kind, key, value"),
];

/// Says whether a journal is of an earlier version, which [`copy`] brings up to this one; a missing file is not.
///
/// # Errors
///
/// What the disk says, or [`StoreError::Damaged`] if the file is no journal.
pub fn is_due(journal: &Path) -> Result<bool, StoreError> {
    // Who could write would fold the write-ahead log in when it closes.
    let Some(old) = reader::find(journal)? else { return Ok(false) };
    Ok(!is_empty(&old)? && !pages::are_sealed(&old)? && version(&old)? <= 1)
}

/// Copies a journal of version 1 into a new file of this version, and folds the write-ahead logs of both in.
///
/// - `to`: nothing may be there.
///
/// Nothing of it is synced when this returns: the caller MUST sync the new file and the folder before it renames the one over
/// the other.
///
/// # Errors
///
/// [`StoreError::DiskFull`] if there is no room for both; [`StoreError::Busy`] if somebody reads the old one; otherwise what the
/// disk says. The old journal is as it was.
pub fn copy(from: &Path, to: &Path) -> Result<(), StoreError> {
    let old = open_old(from)?;
    fold(&old)?;
    let has_tables = version(&old)? == 1;
    // What a connection leaves, the next one could take for its own.
    old.close().map_err(|(_, error)| error)?;
    let mut new = writer::open(to)?;
    if has_tables {
        let path = from.to_str().ok_or_else(|| StoreError::Disk("the journal's path is not in UTF-8".into()))?;
        new.execute("ATTACH DATABASE ?1 AS old", params![path])?;
        copy_rows(&mut new)?;
        new.execute("DETACH DATABASE old", [])?;
    }
    fold(&new)?;
    new.close().map_err(|(_, error)| error)?;
    Ok(())
}

fn copy_rows(new: &mut Connection) -> Result<(), StoreError> {
    let tx = new.transaction()?;
    for (table, columns) in TABLES {
        tx.execute(&format!("INSERT INTO main.{table} ({columns}) SELECT {columns} FROM old.{table}"), [])?;
    }
    tx.execute("DELETE FROM main.head", [])?;
    tx.execute(
        "INSERT INTO main.head (one, size, frontier, epoch, commits) SELECT one, size, frontier, epoch, 0 FROM old.head",
        [],
    )?;
    tx.commit()?;
    Ok(())
}

fn open_old(journal: &Path) -> rusqlite::Result<Connection> {
    let connection = pages::open(journal, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    Ok(connection)
}

fn fold(connection: &Connection) -> Result<(), StoreError> {
    let busy: i64 = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if busy == 0 { Ok(()) } else { Err(StoreError::Busy) }
}
