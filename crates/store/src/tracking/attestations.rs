//! What is recorded of training and of models besides seals, and which runs are to be looked at for it.
//!
//! What stands here is in force from the instant it is kept; the record that says so follows. It is added to, and never changed but for
//! the note of its record.

use rusqlite::types::Type;
use rusqlite::{OptionalExtension as _, Row, params};
use types::attestation::Attestation;

use super::{Change, Done, View};
use crate::writer::{as_i64, as_u64};

pub(super) const TABLES: &str = "
-- `status` is that of its record, and `about` what it is found by: a run, a version, or a model at a target.
CREATE TABLE attestation (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    status INTEGER NOT NULL,
    about  TEXT NOT NULL,
    by     TEXT,
    body   BLOB NOT NULL,
    record INTEGER
) STRICT;
CREATE INDEX attestation_by_about ON attestation (status, about, id);
CREATE INDEX attestation_unrecorded ON attestation (id) WHERE record IS NULL;
CREATE TRIGGER attestation_stays BEFORE UPDATE OF id, status, about, by, body ON attestation
BEGIN SELECT RAISE(ABORT, 'what was attested stays'); END;
CREATE TRIGGER attestation_is_kept BEFORE DELETE ON attestation
BEGIN SELECT RAISE(ABORT, 'what was attested stays'); END;
-- The runs that were written since their digests were last taken, and how often.
CREATE TABLE run_touch (
    run   INTEGER PRIMARY KEY REFERENCES run,
    times INTEGER NOT NULL
) STRICT;
";

/// Is something that was attested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attested {
    /// Its place among all.
    pub id: i64,
    /// Who says so, with their kind in front; absent for what this server says itself.
    pub by: Option<String>,
    /// What.
    pub what: Attestation,
    /// The index of the record that says so; absent until it is recorded.
    pub record: Option<u64>,
}

const COLUMNS: &str = "id, by, record, status, body";

fn read(row: &Row<'_>) -> rusqlite::Result<Attested> {
    let (status, body): (u8, Vec<u8>) = (row.get(3)?, row.get(4)?);
    let unknown = || rusqlite::Error::InvalidColumnType(4, "body".to_owned(), Type::Blob);
    let what = Attestation::from_bytes(status, &body).ok_or_else(unknown)?;
    Ok(Attested { id: row.get(0)?, by: row.get(1)?, record: row.get::<_, Option<i64>>(2)?.map(as_u64), what })
}

impl View<'_> {
    /// Returns what was attested at a place.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn attestation(&self, id: i64) -> Done<Option<Attested>> {
        let sql = format!("SELECT {COLUMNS} FROM attestation WHERE id = ?1");
        Ok(self.0.prepare_cached(&sql)?.query_row([id], read).optional()?)
    }

    /// Returns what was attested of something, the latest first.
    ///
    /// - `status`: that of its records.
    /// - `about`: what it is found by.
    /// - `limit`: how many at most.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn attested(&self, status: u8, about: &str, limit: u64) -> Done<Vec<Attested>> {
        let sql =
            format!("SELECT {COLUMNS} FROM attestation WHERE status = ?1 AND about = ?2 ORDER BY id DESC LIMIT ?3");
        let mut query = self.0.prepare_cached(&sql)?;
        let rows = query.query_map(params![status, about, as_i64(limit)], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns what was attested and no record says anything of yet, the oldest first.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn unrecorded_attestations(&self, limit: u64) -> Done<Vec<Attested>> {
        let sql = format!("SELECT {COLUMNS} FROM attestation WHERE record IS NULL ORDER BY id LIMIT ?1");
        let mut query = self.0.prepare_cached(&sql)?;
        let rows = query.query_map([as_i64(limit)], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns the ids of runs that were written since their digests were last taken.
    ///
    /// - `ended`: those alone that have ended.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn touched_runs(&self, ended: bool, limit: u64) -> Done<Vec<String>> {
        let sql = "SELECT r.id FROM run_touch t JOIN run r ON r.seq = t.run \
                   WHERE NOT ?1 OR r.status NOT IN ('RUNNING', 'SCHEDULED') ORDER BY t.run LIMIT ?2";
        let mut query = self.0.prepare_cached(sql)?;
        let rows = query.query_map(params![ended, as_i64(limit)], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns how often a run was written since its digests were last taken; 0 if it was not.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn touches(&self, run: i64) -> Done<i64> {
        let mut query = self.0.prepare_cached("SELECT times FROM run_touch WHERE run = ?1")?;
        Ok(query.query_row([run], |row| row.get(0)).optional()?.unwrap_or(0))
    }
}

impl Change<'_> {
    /// Keeps what somebody attests, and returns its place.
    ///
    /// - `about`: what it is to be found by.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn attest(&self, what: &Attestation, about: &str, by: Option<&str>) -> Done<i64> {
        let sql = "INSERT INTO attestation (status, about, by, body) VALUES (?1, ?2, ?3, ?4)";
        Ok(self.0.0.prepare_cached(sql)?.insert(params![what.status(), about, by, what.to_bytes()])?)
    }

    /// Notes which record says what was attested.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn note_attestation_recorded(&self, id: i64, record: u64) -> Done<()> {
        let sql = "UPDATE attestation SET record = ?2 WHERE id = ?1";
        self.0.0.prepare_cached(sql)?.execute(params![id, as_i64(record)])?;
        Ok(())
    }

    /// Notes that a run is written.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn touch_run(&self, run: i64) -> Done<()> {
        let sql = "INSERT INTO run_touch (run, times) VALUES (?1, 1) ON CONFLICT (run) DO UPDATE SET times = times + 1";
        self.0.0.prepare_cached(sql)?.execute([run])?;
        Ok(())
    }

    /// Notes that a run's digests are taken, unless it was written more often than that meanwhile.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn forget_touches(&self, run: i64, times: i64) -> Done<()> {
        let sql = "DELETE FROM run_touch WHERE run = ?1 AND times = ?2";
        self.0.0.prepare_cached(sql)?.execute(params![run, times])?;
        Ok(())
    }
}
