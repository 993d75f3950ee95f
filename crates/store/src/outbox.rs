//! The outbox: which notices are still to be delivered to whom, in a file of its own beside the journal.
//!
//! It follows from nothing, so it is neither in the journal nor among what a rebuild compares. A commit is not waited for
//! until it is on the disk: after a loss of power the cursor and the notices go back together, and a notice is delivered
//! once more under the same id. Rows hold ids, instants and counts, never what a record says.

mod notice;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use types::Code;

use crate::plans;
use crate::writer::{as_i64, as_u64};

pub use notice::{Cursor, NewNotice, Noted, Notice, NoticeState};

/// Is the version of the tables below.
const VERSION: i64 = 1;

/// Is the version that a file has before anything is in it.
const FRESH: i64 = 0;

/// Is how many finished notices are kept, of all targets together.
const KEPT: i64 = 10_000;

const SCHEMA: &str = "
CREATE TABLE cursor (
    one    INTEGER PRIMARY KEY CHECK (one = 1),
    log    INTEGER NOT NULL,
    record INTEGER NOT NULL
) STRICT;
CREATE TABLE target (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE notice (
    seq      INTEGER PRIMARY KEY,
    target   TEXT NOT NULL,
    id       TEXT NOT NULL,
    kind     TEXT NOT NULL,
    about    TEXT NOT NULL,
    urgent   INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    due      INTEGER NOT NULL,
    until    INTEGER NOT NULL,
    more     INTEGER NOT NULL DEFAULT 0,
    joined   INTEGER,
    state    INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    tried    INTEGER,
    code     TEXT,
    status   INTEGER,
    UNIQUE (target, id)
) STRICT;
CREATE INDEX notice_waiting ON notice (target, urgent DESC, due) WHERE state = 0 AND joined IS NULL;
CREATE INDEX notice_joined ON notice (joined) WHERE joined IS NOT NULL;
";

const COLUMNS: &str =
    "seq, target, id, kind, about, urgent, at, due, until, more, state, attempts, tried, code, status";

/// Says why the outbox cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// The file cannot be read or written, or what is in it makes no sense.
    #[error("the outbox cannot be used: {0}")]
    Database(#[from] rusqlite::Error),
    /// A later version has written it.
    #[error("the outbox has version {0}, this program knows {VERSION}")]
    Version(i64),
}

impl OutboxError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> Code {
        Code::FileUnusable
    }
}

type Done<T> = Result<T, OutboxError>;

/// Keeps the notices of all targets.
#[derive(Debug)]
pub struct Outbox {
    connection: Connection,
}

impl Outbox {
    /// Opens the outbox, and makes it if there is none.
    ///
    /// # Errors
    ///
    /// [`OutboxError`], as described there.
    pub fn open(path: &Path) -> Done<Self> {
        let mut connection = Connection::open(path)?;
        plans::keep(&connection)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.pragma_update(None, "secure_delete", true)?;
        let tx = connection.transaction()?;
        match tx.pragma_query_value(None, "user_version", |row| row.get(0))? {
            FRESH => tx.execute_batch(SCHEMA)?,
            VERSION => {}
            other => return Err(OutboxError::Version(other)),
        }
        tx.pragma_update(None, "user_version", VERSION)?;
        tx.commit()?;
        Ok(Self { connection })
    }

    /// Returns how far the records are routed; `None` if none ever was.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn cursor(&self) -> Done<Option<Cursor>> {
        let read = |row: &Row<'_>| Ok(Cursor { log: as_u64(row.get(0)?), record: as_u64(row.get(1)?) });
        Ok(self.connection.query_row("SELECT log, record FROM cursor", [], read).optional()?)
    }

    /// Adds notices and moves the cursor, both or neither. A notice whose id the target has is passed over.
    ///
    /// - `room`: how many notices of a target wait at most; one beyond that is only counted, by the newest of its kind.
    ///
    /// # Errors
    ///
    /// What the file says, with nothing changed.
    pub fn add(&mut self, cursor: Cursor, new: &[NewNotice], room: u64) -> Done<()> {
        let tx = self.connection.transaction()?;
        tx.execute(
            "INSERT INTO cursor (one, log, record) VALUES (1, ?1, ?2) \
             ON CONFLICT (one) DO UPDATE SET log = excluded.log, record = excluded.record",
            params![as_i64(cursor.log), as_i64(cursor.record)],
        )?;
        let mut waiting: BTreeMap<&str, u64> = BTreeMap::new();
        for notice in new {
            // It is told or counted already, also where there is no room for another.
            if is_known(&tx, notice)? {
                continue;
            }
            let count = match waiting.get(notice.target.as_str()) {
                Some(count) => *count,
                None => count_waiting(&tx, &notice.target)?,
            };
            let kept = if count < room || !count_with_another(&tx, notice)? { insert(&tx, notice)? } else { 0 };
            waiting.insert(&notice.target, count + kept);
        }
        tx.commit()?;
        Ok(())
    }

    /// Returns the notice of a target that goes next, of those that are due and of use still.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn next(&self, target: &str, now: i64) -> Done<Option<Notice>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM notice WHERE target = ?1 AND state = 0 AND joined IS NULL AND due <= ?2 \
             AND until > ?2 ORDER BY urgent DESC, due, seq LIMIT 1"
        );
        Ok(self.connection.prepare_cached(&sql)?.query_row(params![target, now], notice).optional()?)
    }

    /// Returns the notices of a target that are due, were never tried and may be joined to one.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn joinable(&self, target: &str, now: i64) -> Done<Vec<Notice>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM notice WHERE target = ?1 AND state = 0 AND joined IS NULL AND due <= ?2 \
             AND until > ?2 AND urgent = 0 AND attempts = 0"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows = statement.query_map(params![target, now], notice)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Joins all notices of a target that are due, were never tried and may be joined, to one of them.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn join(&mut self, target: &str, lead: i64, now: i64) -> Done<()> {
        self.connection.execute(
            "UPDATE notice SET joined = ?2 WHERE target = ?1 AND state = 0 AND joined IS NULL AND due <= ?3 \
             AND until > ?3 AND urgent = 0 AND attempts = 0 AND seq <> ?2",
            params![target, lead, now],
        )?;
        Ok(())
    }

    /// Counts by kind what a notice stands for besides itself: what was joined to it, and what was only counted.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn behind(&self, lead: i64) -> Done<BTreeMap<String, u64>> {
        let sql = "SELECT kind, sum(n) FROM (SELECT kind, 1 + more AS n FROM notice WHERE joined = ?1 \
                   UNION ALL SELECT kind, more FROM notice WHERE seq = ?1) GROUP BY kind HAVING sum(n) > 0";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map(params![lead], |row| Ok((row.get(0)?, as_u64(row.get(1)?))))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Notes what came of an attempt, for a notice and all that were joined to it, and how its target stands. One whose time has
    /// ended meanwhile stays dead, unless the attempt delivered it.
    ///
    /// # Errors
    ///
    /// What the file says, with nothing changed.
    pub fn note(&mut self, seq: i64, noted: &Noted, target: (&str, &[u8])) -> Done<()> {
        let tx = self.connection.transaction()?;
        tx.prepare_cached(
            "UPDATE notice SET state = ?2, attempts = ?3, due = ?4, tried = ?5, code = ?6, status = ?7 \
             WHERE seq = ?1 AND (state = 0 OR ?2 = 1)",
        )?
        .execute(params![
            seq,
            noted.state as i64,
            noted.attempts,
            noted.due,
            noted.tried,
            noted.code,
            noted.status
        ])?;
        if noted.state != NoticeState::Waiting {
            tx.prepare_cached("UPDATE notice SET state = ?2, tried = ?3, code = ?4 WHERE joined = ?1")?
                .execute(params![seq, noted.state as i64, noted.tried, noted.code])?;
        }
        put_target(&tx, target.0, target.1)?;
        tx.commit()?;
        Ok(())
    }

    /// Drops notices without an attempt, because what they are about is over; what was joined to one goes on by itself.
    ///
    /// # Errors
    ///
    /// What the file says, with nothing changed.
    pub fn drop_over(&mut self, all: &[i64]) -> Done<()> {
        let tx = self.connection.transaction()?;
        let dropped = NoticeState::Dropped as i64;
        for seq in all {
            tx.prepare_cached("UPDATE notice SET state = ?2 WHERE seq = ?1")?.execute(params![seq, dropped])?;
            tx.prepare_cached("UPDATE notice SET joined = NULL WHERE joined = ?1")?.execute(params![seq])?;
        }
        tx.commit()?;
        Ok(())
    }

    /// Ends every notice whose time is over, and forgets finished ones that are older than `before` or too many.
    ///
    /// # Errors
    ///
    /// What the file says, with nothing changed.
    pub fn sweep(&mut self, now: i64, before: i64) -> Done<u64> {
        let tx = self.connection.transaction()?;
        let dead = NoticeState::Dead as i64;
        let ended = tx.execute("UPDATE notice SET state = ?2 WHERE state = 0 AND until <= ?1", params![now, dead])?;
        // What was joined to one that ended earlier than itself goes on.
        tx.execute(
            "UPDATE notice SET joined = NULL WHERE state = 0 AND joined IN (SELECT seq FROM notice WHERE state <> 0)",
            [],
        )?;
        tx.execute(
            "DELETE FROM notice WHERE state <> 0 AND (at < ?1 OR seq <= (SELECT max(seq) FROM notice) - ?2)",
            params![before, KEPT],
        )?;
        tx.commit()?;
        Ok(u64::try_from(ended).unwrap_or(0))
    }

    /// Drops what waits for targets that are not named, and forgets how those stood.
    ///
    /// # Errors
    ///
    /// What the file says, with nothing changed.
    pub fn keep_targets(&mut self, names: &[&str]) -> Done<()> {
        let tx = self.connection.transaction()?;
        let known: Vec<String> = tx
            .prepare("SELECT name FROM target UNION SELECT DISTINCT target FROM notice WHERE state = 0")?
            .query_map([], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for gone in known.iter().filter(|name| !names.contains(&name.as_str())) {
            tx.execute("DELETE FROM target WHERE name = ?1", params![gone])?;
            let dropped = NoticeState::Dropped as i64;
            tx.execute("UPDATE notice SET state = ?2 WHERE target = ?1 AND state = 0", params![gone, dropped])?;
        }
        tx.commit()?;
        Ok(())
    }

    /// Returns how a target stands, in the bytes that were noted.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn target(&self, name: &str) -> Done<Option<Vec<u8>>> {
        let mut statement = self.connection.prepare_cached("SELECT value FROM target WHERE name = ?1")?;
        Ok(statement.query_row(params![name], |row| row.get(0)).optional()?)
    }

    /// Notes how a target stands.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn put_target(&mut self, name: &str, value: &[u8]) -> Done<()> {
        put_target(&self.connection, name, value)
    }

    /// Counts the notices by target and state, each with what it stands for.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn counts(&self) -> Done<BTreeMap<(String, NoticeState), u64>> {
        let sql = "SELECT target, state, sum(1 + more) FROM notice GROUP BY target, state";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([], |row| {
            let key = (row.get(0)?, NoticeState::of(row.get(1)?));
            Ok((key, as_u64(row.get(2)?)))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns the newest notices, the newest first.
    ///
    /// - `target`, `state`: only those; all if `None`.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn list(&self, target: Option<&str>, state: Option<NoticeState>, limit: u64) -> Done<Vec<Notice>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM notice WHERE (?1 IS NULL OR target = ?1) AND (?2 IS NULL OR state = ?2) \
             ORDER BY seq DESC LIMIT ?3"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows = statement.query_map(params![target, state.map(|state| state as i64), as_i64(limit)], notice)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

fn count_waiting(connection: &Connection, target: &str) -> Done<u64> {
    let sql = "SELECT count(*) FROM notice WHERE target = ?1 AND state = 0 AND joined IS NULL";
    Ok(as_u64(connection.prepare_cached(sql)?.query_row(params![target], |row| row.get(0))?))
}

fn is_known(connection: &Connection, notice: &NewNotice) -> Done<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM notice WHERE target = ?1 AND id = ?2)";
    Ok(connection.prepare_cached(sql)?.query_row(params![notice.target, notice.id], |row| row.get(0))?)
}

/// Counts a notice with the newest one of its kind that waits and was never tried; says whether there is one.
fn count_with_another(connection: &Connection, notice: &NewNotice) -> Done<bool> {
    let sql = "UPDATE notice SET more = more + 1 WHERE seq = (SELECT max(seq) FROM notice WHERE target = ?1 \
               AND kind = ?2 AND state = 0 AND joined IS NULL AND attempts = 0)";
    Ok(connection.prepare_cached(sql)?.execute(params![notice.target, notice.kind])? > 0)
}

fn insert(connection: &Connection, new: &NewNotice) -> Done<u64> {
    let sql = "INSERT OR IGNORE INTO notice (target, id, kind, about, urgent, at, due, until) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let NewNotice { target, id, kind, about, urgent, at, due, until } = new;
    let inserted = connection.prepare_cached(sql)?.execute(params![target, id, kind, about, urgent, at, due, until])?;
    Ok(u64::try_from(inserted).unwrap_or(0))
}

fn put_target(connection: &Connection, name: &str, value: &[u8]) -> Done<()> {
    let sql =
        "INSERT INTO target (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    connection.prepare_cached(sql)?.execute(params![name, value])?;
    Ok(())
}

fn notice(row: &Row<'_>) -> rusqlite::Result<Notice> {
    Ok(Notice {
        seq: row.get(0)?,
        new: NewNotice {
            target: row.get(1)?,
            id: row.get(2)?,
            kind: row.get(3)?,
            about: row.get(4)?,
            urgent: row.get(5)?,
            at: row.get(6)?,
            due: row.get(7)?,
            until: row.get(8)?,
        },
        more: as_u64(row.get(9)?),
        state: NoticeState::of(row.get(10)?),
        attempts: row.get(11)?,
        tried: row.get(12)?,
        code: row.get(13)?,
        status: row.get(14)?,
    })
}
