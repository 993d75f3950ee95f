//! Erasing: what is gone is gone from the file, not only from what a query finds.
//!
//! SQLite moves rows when it splits and joins pages, and may leave a copy in the room between them, which
//! `secure_delete` does not reach. So a content keeps its place and is overwritten there, by zeros of the same length:
//! contents are only ever appended, and a row that never leaves its place leaves no copy. Keys and state come and go, so
//! their tables are written anew: emptying a table zeroes every page it had. `VACUUM` would do it for everything at once, but writes
//! the whole journal, in no transaction of ours, with a temporary file outside the data folder.

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use crate::batch::{Erased, Erasure};
use crate::error::StoreError;
use crate::writer::as_i64;

/// Is the row of state that says that the write-ahead log is to be cut to nothing.
const MARK: (&str, &str) = ("store", "scrub");

/// Is how many bytes of an erased content say by which record it was erased; a sealed content is longer by its tag alone.
const BY_BYTES: usize = 8;

/// Says whether a list of subjects is that of an erased content: blanks where numbers were.
pub(crate) fn is_blank(subjects: &str) -> bool {
    !subjects.is_empty() && subjects.bytes().all(|byte| byte == b' ')
}

/// Reads from an erased content by which record it was erased.
pub(crate) fn by_whom(zeros: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(*zeros.first_chunk::<BY_BYTES>()?))
}

/// Ends subjects: overwrites the contents that were sealed under their keys, and removes the keys.
pub(crate) fn all(tx: &Transaction<'_>, erasures: &[Erasure]) -> Result<(), StoreError> {
    if erasures.is_empty() {
        return Ok(());
    }
    for record in erasures.iter().flat_map(|erasure| &erasure.records) {
        overwrite(tx, *record)?;
    }
    for erasure in erasures {
        tx.execute("DELETE FROM subject WHERE id = ?1", params![erasure.subject])?;
    }
    tx.execute("INSERT OR REPLACE INTO state (kind, key, value) VALUES (?1, ?2, x'')", params![MARK.0, MARK.1])?;
    rewrite_subjects(tx)?;
    rewrite_state(tx)
}

fn overwrite(tx: &Transaction<'_>, record: Erased) -> Result<(), StoreError> {
    let seq = as_i64(record.seq);
    let lengths = tx
        .prepare_cached("SELECT length(sealed), length(subjects) FROM content WHERE seq = ?1")?
        .query_row(params![seq], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))
        .optional()?;
    let (sealed, subjects) = lengths.ok_or_else(|| StoreError::Damaged(format!("content {seq} is missing")))?;
    let bytes = |length| usize::try_from(length).unwrap_or(0);
    let mut zeros = vec![0; bytes(sealed)];
    if let Some(front) = zeros.first_chunk_mut::<BY_BYTES>() {
        *front = record.by.to_be_bytes();
    }
    tx.prepare_cached("UPDATE content SET sealed = ?2, subjects = ?3 WHERE seq = ?1")?.execute(params![
        seq,
        zeros,
        " ".repeat(bytes(subjects))
    ])?;
    Ok(())
}

fn rewrite_subjects(tx: &Transaction<'_>) -> Result<(), StoreError> {
    type Subject = (i64, Vec<u8>, Vec<u8>);
    let rows: Vec<Subject> = tx
        .prepare("SELECT id, tag, wrapped FROM subject ORDER BY id")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<_, _>>()?;
    tx.execute("DELETE FROM subject", [])?;
    let mut insert = tx.prepare("INSERT INTO subject (id, tag, wrapped) VALUES (?1, ?2, ?3)")?;
    for (id, tag, wrapped) in rows {
        insert.execute(params![id, tag, wrapped])?;
    }
    Ok(())
}

fn rewrite_state(tx: &Transaction<'_>) -> Result<(), StoreError> {
    type State = (String, String, Vec<u8>);
    let rows: Vec<State> = tx
        .prepare("SELECT kind, key, value FROM state ORDER BY kind, key")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<_, _>>()?;
    tx.execute("DELETE FROM state", [])?;
    let mut insert = tx.prepare("INSERT INTO state (kind, key, value) VALUES (?1, ?2, ?3)")?;
    for (kind, key, value) in rows {
        insert.execute(params![kind, key, value])?;
    }
    Ok(())
}

/// Says whether a run before this one ended between an erasure and the cut of the write-ahead log.
pub(crate) fn is_marked(connection: &Connection) -> Result<bool, StoreError> {
    let found = connection
        .query_row("SELECT 1 FROM state WHERE kind = ?1 AND key = ?2", params![MARK.0, MARK.1], |_| Ok(()))
        .optional()?;
    Ok(found.is_some())
}

/// Says whether rows of a kind are the store's own.
pub(crate) fn is_own(kind: &str) -> bool {
    kind == MARK.0
}

/// Removes what [`is_marked`] looks for.
pub(crate) fn unmark(connection: &Connection) -> Result<(), StoreError> {
    connection.execute("DELETE FROM state WHERE kind = ?1 AND key = ?2", params![MARK.0, MARK.1])?;
    Ok(())
}
