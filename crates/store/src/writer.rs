//! The one writer. SQLite in WAL mode with `synchronous=FULL`: a commit that returns is on the disk.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, params};

use crate::batch::{Batch, Head, NewRecord, StateOp};
use crate::erase;
use crate::error::StoreError;
use crate::mutant::{self, Mutant};
use crate::pages;
use crate::reader::StateRow;

/// Is the version of the tables below. In files of version 1 no page carries a checksum, and commits were not counted.
pub const SCHEMA_VERSION: i64 = 2;

const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

const SCHEMA: &str = "
CREATE TABLE journal (
    seq     INTEGER PRIMARY KEY,
    leaf    BLOB NOT NULL,
    kind    INTEGER NOT NULL,
    action  BLOB,
    session BLOB
) STRICT;
CREATE INDEX journal_by_action ON journal (action, seq) WHERE action IS NOT NULL;
CREATE INDEX journal_by_session ON journal (session, seq) WHERE session IS NOT NULL;
CREATE TABLE content (
    seq      INTEGER PRIMARY KEY,
    sealed   BLOB NOT NULL,
    subjects TEXT NOT NULL
) STRICT;
CREATE TABLE subject (
    id      INTEGER PRIMARY KEY,
    tag     BLOB NOT NULL UNIQUE,
    wrapped BLOB NOT NULL
) STRICT;
CREATE TABLE state (
    kind  TEXT NOT NULL,
    key   TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE head (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    size     INTEGER NOT NULL,
    frontier BLOB NOT NULL,
    epoch    INTEGER NOT NULL,
    commits  INTEGER NOT NULL
) STRICT;
";

/// Writes batches. There is one per journal, owned by one thread.
#[derive(Debug)]
pub struct Writer {
    connection: Connection,
    head: Head,
    /// What was erased may be in the write-ahead log still.
    scrub_due: bool,
}

pub(crate) fn tune(connection: &Connection) -> Result<(), StoreError> {
    write_ahead(connection)?;
    // Anything less acknowledges before the sync.
    let synchronous = if mutant::on(Mutant::NoSync) { "NORMAL" } else { "FULL" };
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.pragma_update(None, "secure_delete", true)?;
    connection.pragma_update(None, "mmap_size", 0)?;
    connection.pragma_update(None, "cache_size", -16_384)?;
    // Folding the write-ahead log in is done beside the writer, see `wal`.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    Ok(())
}

/// Turns the write-ahead log on, for good.
fn write_ahead(connection: &Connection) -> Result<(), StoreError> {
    let mut statement = connection.prepare("PRAGMA journal_mode = WAL")?;
    // The answer comes before the change is committed; only who asks for the end hears that this failed.
    let modes: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    match modes.as_slice() {
        [mode] if mode == "wal" => Ok(()),
        other => Err(StoreError::Disk(format!("the journal stays in the mode {other:?}"))),
    }
}

impl Writer {
    /// Opens the journal file, creates it if there is none, and takes over as its writer.
    ///
    /// Taking over raises the epoch, so that a writer which believed it was alone can no longer commit.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] if the file is no journal of this version; otherwise what the disk says.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let mut connection = open(path)?;
        connection.set_prepared_statement_cache_capacity(32);
        let head = take_over(&mut connection)?;
        let scrub_due = erase::is_marked(&connection)?;
        Ok(Self { connection, head, scrub_due })
    }

    /// Returns where the journal ends.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Adds a batch in one transaction. When this returns, the batch is synced.
    ///
    /// # Errors
    ///
    /// [`StoreError::DiskFull`] with nothing written; [`StoreError::HeadMoved`] if another writer has
    /// committed or taken over; [`StoreError::Disk`] after which the writer MUST NOT be used again.
    pub fn commit(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let head = self.head.after(batch);
        let tx = self.connection.transaction()?;
        insert_subjects(&tx, batch)?;
        insert_records(&tx, self.head.size, &batch.records)?;
        apply_state(&tx, &batch.state)?;
        erase::all(&tx, &batch.erasures)?;
        if !move_head(&tx, &self.head, &head)? {
            return Err(StoreError::HeadMoved { expected: self.head.size });
        }
        tx.commit()?;
        self.head = head;
        self.scrub_due |= !batch.erasures.is_empty();
        Ok(())
    }

    /// Puts state into a journal that has none yet, as the one before it leaves it. When this returns, it is synced.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] if there is some already; otherwise what the disk says.
    pub fn carry(&mut self, rows: &[StateRow]) -> Result<(), StoreError> {
        let tx = self.connection.transaction()?;
        let there: i64 = tx.query_row("SELECT count(*) FROM state", [], |row| row.get(0))?;
        if there > 0 {
            return Err(StoreError::Damaged("it has state already, so none can be carried over".to_owned()));
        }
        let mut put = tx.prepare("INSERT INTO state (kind, key, value) VALUES (?1, ?2, ?3)")?;
        for StateRow { kind, key, value } in rows {
            put.execute(params![kind, key, value])?;
        }
        drop(put);
        Ok(tx.commit()?)
    }

    /// Removes all state but that of some kinds.
    ///
    /// # Errors
    ///
    /// What the disk says.
    pub fn forget_state(&mut self, kept: &[&str]) -> Result<(), StoreError> {
        let tx = self.connection.transaction()?;
        let kinds: Vec<String> = tx
            .prepare("SELECT DISTINCT kind FROM state")?
            .query_map([], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for kind in kinds.iter().filter(|kind| !kept.contains(&kind.as_str())) {
            tx.execute("DELETE FROM state WHERE kind = ?1", params![kind])?;
        }
        Ok(tx.commit()?)
    }

    /// Destroys every subject's key, so that no content of this journal can be read any more; says whether their bytes are
    /// gone, which a reader holds up as long as it reads.
    ///
    /// # Errors
    ///
    /// What the disk says; the same call does what is left.
    pub fn destroy_keys(&mut self) -> Result<bool, StoreError> {
        self.connection.execute("DELETE FROM subject", [])?;
        self.fold_all()
    }

    /// Folds all of the write-ahead log in and cuts it to nothing; says whether it did. It waits up to five seconds for
    /// readers to let go.
    ///
    /// # Errors
    ///
    /// What the disk says.
    pub fn fold_all(&mut self) -> Result<bool, StoreError> {
        self.truncate_wal(BUSY_TIMEOUT)
    }

    /// Says whether something was erased whose bytes may be in the write-ahead log still.
    pub fn scrub_due(&self) -> bool {
        self.scrub_due
    }

    /// Folds the write-ahead log in and cuts it to nothing, so that no erased byte is left in it; says whether it did.
    ///
    /// It waits up to five seconds for readers to let go, or not at all unless `wait` is set.
    ///
    /// # Errors
    ///
    /// [`StoreError::DiskFull`] with the log as it was; otherwise what the disk says, and the writer MUST NOT be used again.
    pub fn scrub(&mut self, wait: bool) -> Result<bool, StoreError> {
        if self.truncate_wal(if wait { BUSY_TIMEOUT } else { Duration::ZERO })? {
            erase::unmark(&self.connection)?;
            self.scrub_due = false;
        }
        Ok(!self.scrub_due)
    }

    fn truncate_wal(&mut self, wait: Duration) -> Result<bool, StoreError> {
        self.connection.busy_timeout(wait)?;
        let busy = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
        self.connection.busy_timeout(BUSY_TIMEOUT)?;
        Ok(busy? == 0)
    }

    /// Bounds the journal file, so that it is full before the disk is; what is there already stays.
    ///
    /// - `bytes_max`: rounded down to whole pages of 8 KiB.
    ///
    /// # Errors
    ///
    /// What the disk says.
    pub fn limit(&mut self, bytes_max: u64) -> Result<(), StoreError> {
        let page: i64 = self.connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
        let pages = as_i64(bytes_max) / page.max(1);
        self.connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?;
        Ok(())
    }

    /// Folds in what is left of the write-ahead log and begins it anew, unless a reader still needs it; says whether it did.
    ///
    /// # Errors
    ///
    /// [`StoreError::DiskFull`] with the log as it was; otherwise what the disk says, and the writer MUST NOT be used again.
    pub fn restart_wal(&mut self) -> Result<bool, StoreError> {
        self.connection.busy_timeout(Duration::ZERO)?;
        let busy = self.connection.query_row("PRAGMA wal_checkpoint(RESTART)", [], |row| row.get::<_, i64>(0));
        self.connection.busy_timeout(BUSY_TIMEOUT)?;
        Ok(busy? == 0)
    }

    /// Copies the write-ahead log into the main file, so that a copy of the file alone is whole.
    ///
    /// # Errors
    ///
    /// What the disk says.
    pub fn checkpoint(&mut self) -> Result<(), StoreError> {
        self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        Ok(())
    }
}

pub(crate) fn as_i64(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

pub(crate) fn as_u64(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}

/// Opens a journal of this version to write it, and creates it if there is none.
pub(crate) fn open(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = pages::open(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    if is_empty(&connection)? {
        pages::prepare(&connection)?;
    }
    tune(&connection)?;
    match version(&connection)? {
        0 => create(&mut connection)?,
        SCHEMA_VERSION => {}
        other => {
            return Err(StoreError::Damaged(format!("its version is {other}, this program knows {SCHEMA_VERSION}")));
        }
    }
    Ok(connection)
}

pub(crate) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

pub(crate) fn is_empty(connection: &Connection) -> Result<bool, StoreError> {
    let pages: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
    Ok(pages == 0)
}

fn create(connection: &mut Connection) -> Result<(), StoreError> {
    let tx = connection.transaction()?;
    tx.execute_batch(SCHEMA)?;
    tx.execute("INSERT INTO head (one, size, frontier, epoch, commits) VALUES (1, 0, x'', 0, 0)", [])?;
    tx.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    tx.commit()?;
    Ok(())
}

fn take_over(connection: &mut Connection) -> Result<Head, StoreError> {
    let tx = connection.transaction()?;
    tx.execute("UPDATE head SET epoch = epoch + 1 WHERE one = 1", [])?;
    let head = read_head(&tx)?;
    tx.commit()?;
    Ok(head)
}

pub(crate) fn read_head(connection: &Connection) -> Result<Head, StoreError> {
    // Who only reads a journal reads one of version 1 too, which did not count its commits.
    let row = connection
        .prepare_cached("SELECT size, frontier, epoch, * FROM head WHERE one = 1")?
        .query_row([], |row| {
            let commits = if row.as_ref().column_count() > 7 { as_u64(row.get(7)?) } else { 0 };
            Ok(Head { size: as_u64(row.get(0)?), frontier: row.get(1)?, epoch: as_u64(row.get(2)?), commits })
        })
        .optional()?;
    row.ok_or_else(|| StoreError::Damaged("it has no head".to_owned()))
}

/// Moves the head from where this writer left it; says whether it was still there.
fn move_head(tx: &Transaction<'_>, from: &Head, to: &Head) -> Result<bool, StoreError> {
    let from = if mutant::on(Mutant::HeadNotCompared) { &read_head(tx)? } else { from };
    let mut update = tx.prepare_cached(
        "UPDATE head SET size = ?1, frontier = ?2, commits = ?3 WHERE one = 1 AND size = ?4 AND epoch = ?5",
    )?;
    let (size, commits) = (as_i64(to.size), as_i64(to.commits));
    Ok(update.execute(params![size, to.frontier, commits, as_i64(from.size), as_i64(from.epoch)])? == 1)
}

// A statement is looked up by its text, so each is looked up once a batch and not once a row.

fn insert_subjects(tx: &Transaction<'_>, batch: &Batch) -> Result<(), StoreError> {
    let mut insert = tx.prepare_cached("INSERT INTO subject (id, tag, wrapped) VALUES (?1, ?2, ?3)")?;
    for subject in &batch.subjects {
        insert.execute(params![subject.id, subject.tag, subject.wrapped])?;
    }
    Ok(())
}

fn insert_records(tx: &Transaction<'_>, first: u64, records: &[NewRecord]) -> Result<(), StoreError> {
    let mut journal =
        tx.prepare_cached("INSERT INTO journal (seq, leaf, kind, action, session) VALUES (?1, ?2, ?3, ?4, ?5)")?;
    let mut content = tx.prepare_cached("INSERT INTO content (seq, sealed, subjects) VALUES (?1, ?2, ?3)")?;
    for (seq, record) in (first..).zip(records) {
        journal.execute(params![as_i64(seq), record.leaf, record.kind, record.action, record.session])?;
        let subjects: Vec<String> = record.subjects.iter().map(i64::to_string).collect();
        content.execute(params![as_i64(seq), record.sealed, subjects.join(" ")])?;
    }
    Ok(())
}

fn apply_state(tx: &Transaction<'_>, ops: &[StateOp]) -> Result<(), StoreError> {
    let mut put = tx.prepare_cached(
        "INSERT INTO state (kind, key, value) VALUES (?1, ?2, ?3) ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value",
    )?;
    let mut delete = tx.prepare_cached("DELETE FROM state WHERE kind = ?1 AND key = ?2")?;
    for op in ops {
        match op {
            StateOp::Put { kind, key, value } => put.execute(params![kind, key, value])?,
            StateOp::Delete { kind, key } => delete.execute(params![kind, key])?,
        };
    }
    Ok(())
}
