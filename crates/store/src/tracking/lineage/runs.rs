//! Runs of jobs: how they stand, and what they read and wrote.

use std::collections::BTreeSet;

use rusqlite::{OptionalExtension as _, Row, params};

use super::super::{Change, Done, View};
use super::edges::How;

/// Is a run of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineageRun {
    /// Its place, by which its facets are found.
    pub id: i64,
    /// Its 32 hex digits.
    pub run: String,
    /// The job that runs.
    pub job: i64,
    /// How it stands: `NEW`, `RUNNING`, `COMPLETED`, `ABORTED` or `FAILED`.
    pub state: String,
    /// The time of the first event that tells of it, in microseconds since the epoch.
    pub first: i64,
    /// The time of the last.
    pub last: i64,
    /// When it began.
    pub started: Option<i64>,
    /// When it ended.
    pub ended: Option<i64>,
}

/// Is what an event says of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewSaying<'a> {
    /// The run's 32 hex digits; nothing for what its job is declared to read and write.
    pub run: Option<&'a str>,
    /// The job.
    pub job: i64,
    /// When the event occurred, in microseconds since the epoch.
    pub at: i64,
    /// How the run stands by it, if it says so.
    pub state: Option<&'a str>,
    /// Whether it begins by it.
    pub begins: bool,
    /// Whether it is over by it.
    pub ends: bool,
}

/// Is a dataset that a run read or wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunIo {
    /// Its place, by which its facets are found.
    pub id: i64,
    /// The dataset.
    pub dataset: i64,
    /// Whether it was written.
    pub output: bool,
    /// Its version at that time, if somebody said.
    pub version: Option<String>,
}

const COLUMNS: &str = "id, run, job, state, first, last, started, ended";

fn read(row: &Row<'_>) -> rusqlite::Result<LineageRun> {
    Ok(LineageRun {
        id: row.get(0)?,
        run: row.get(1)?,
        job: row.get(2)?,
        state: row.get(3)?,
        first: row.get(4)?,
        last: row.get(5)?,
        started: row.get(6)?,
        ended: row.get(7)?,
    })
}

impl View<'_> {
    /// Returns the run of an id.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn lineage_run(&self, run: &str) -> Done<Option<LineageRun>> {
        let sql = format!("SELECT {COLUMNS} FROM lineage_run WHERE run = ?1");
        Ok(self.0.prepare_cached(&sql)?.query_row([run], read).optional()?)
    }

    /// Returns runs of a job, the latest first.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn lineage_runs(&self, job: i64, limit: u32, offset: u32) -> Done<Vec<LineageRun>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM lineage_run WHERE job = ?1 AND run IS NOT NULL \
             ORDER BY first DESC, id DESC LIMIT ?2 OFFSET ?3"
        );
        let mut query = self.0.prepare_cached(&sql)?;
        let rows = query.query_map(params![job, limit, offset], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns the latest run of each job that has any.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn latest_lineage_runs(&self, jobs: &str) -> Done<Vec<LineageRun>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM lineage_run WHERE id IN (SELECT (SELECT id FROM lineage_run \
             WHERE job = j.value AND run IS NOT NULL ORDER BY first DESC, id DESC LIMIT 1) FROM json_each(?1) j)"
        );
        let mut query = self.0.prepare_cached(&sql)?;
        let rows = query.query_map([jobs], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns what a run read and wrote, in the order in which it was told.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn lineage_io(&self, run: i64) -> Done<Vec<RunIo>> {
        let sql = "SELECT id, dataset, output, version FROM lineage_io WHERE run = ?1 ORDER BY id";
        let mut query = self.0.prepare_cached(sql)?;
        let rows = query.query_map([run], |row| {
            Ok(RunIo { id: row.get(0)?, dataset: row.get(1)?, output: row.get(2)?, version: row.get(3)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Change<'_> {
    /// Notes what an event says of a run, and returns its place. Once a run is over, only another end changes how it stands.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn say_lineage_run(&self, new: NewSaying<'_>) -> Done<i64> {
        let id = self.run_place(new)?;
        let sql = "UPDATE lineage_run SET job = CASE WHEN ?2 >= last THEN ?3 ELSE job END, \
                   first = min(first, ?2), last = max(last, ?2), \
                   started = CASE WHEN ?4 THEN min(coalesce(started, ?2), ?2) ELSE started END WHERE id = ?1";
        self.0.0.prepare_cached(sql)?.execute(params![id, new.at, new.job, new.begins])?;
        if let Some(state) = new.state {
            let sql = "UPDATE lineage_run SET state = ?2, state_at = ?3, closed = ?4, ended = CASE WHEN ?4 THEN ?3 END \
                       WHERE id = ?1 AND (closed < ?4 OR (closed = ?4 AND state_at <= ?3))";
            self.0.0.prepare_cached(sql)?.execute(params![id, state, new.at, new.ends])?;
        }
        let sql = "UPDATE lineage_run SET complete = state = 'COMPLETED', mark = coalesce(ended, started, first) WHERE id = ?1";
        self.0.0.prepare_cached(sql)?.execute([id])?;
        Ok(id)
    }

    fn run_place(&self, new: NewSaying<'_>) -> Done<i64> {
        let known = match new.run {
            Some(run) => {
                let sql = "SELECT id FROM lineage_run WHERE run = ?1";
                self.0.0.prepare_cached(sql)?.query_row([run], |row| row.get(0)).optional()?
            }
            None => {
                let sql = "SELECT id FROM lineage_run WHERE job = ?1 AND run IS NULL";
                self.0.0.prepare_cached(sql)?.query_row([new.job], |row| row.get(0)).optional()?
            }
        };
        if let Some(known) = known {
            return Ok(known);
        }
        let sql = "INSERT INTO lineage_run (run, job, state, state_at, closed, first, last, complete, mark, io) \
                   VALUES (?1, ?2, 'NEW', ?3, 0, ?3, ?3, 0, ?3, 0)";
        Ok(self.0.0.prepare_cached(sql)?.insert(params![new.run, new.job, new.at])?)
    }

    /// Returns when it was last declared what a job reads and writes, in microseconds since the epoch.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn lineage_declared_at(&self, job: i64) -> Done<Option<i64>> {
        let sql = "SELECT last FROM lineage_run WHERE job = ?1 AND run IS NULL";
        Ok(self.0.0.prepare_cached(sql)?.query_row([job], |row| row.get(0)).optional()?)
    }

    /// Notes that a run reads or writes a dataset, and returns the place of that.
    ///
    /// - `version`: of the dataset, as it was said at `at`.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn say_lineage_io(&self, run: i64, dataset: i64, output: bool, version: Option<(&str, i64)>) -> Done<i64> {
        let sql = "INSERT INTO lineage_io (run, dataset, output) VALUES (?1, ?2, ?3) \
                   ON CONFLICT (run, output, dataset) DO UPDATE SET run = run RETURNING id";
        let id = self.0.0.prepare_cached(sql)?.query_row(params![run, dataset, output], |row| row.get(0))?;
        if let Some((version, at)) = version {
            let sql = "UPDATE lineage_io SET version = ?2, said_at = ?3 WHERE id = ?1 AND coalesce(said_at, ?3) <= ?3";
            self.0.0.prepare_cached(sql)?.execute(params![id, version, at])?;
        }
        Ok(id)
    }

    /// Forgets what a run reads and writes, for what is only declared.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn clear_lineage_io(&self, run: i64) -> Done<()> {
        let sql = "DELETE FROM lineage_facet WHERE of = 2 AND owner IN (SELECT id FROM lineage_io WHERE run = ?1)";
        self.0.0.prepare_cached(sql)?.execute([run])?;
        self.0.0.prepare_cached("DELETE FROM lineage_io WHERE run = ?1")?.execute([run])?;
        Ok(())
    }

    /// Brings the edges of a job in line with what it reads and writes: what the last run that has completed did, or, while none has, the
    /// last one. A run of which nobody says what it read or wrote changes nothing.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn settle_lineage_job(&self, job: i64, run: i64) -> Done<()> {
        let sql = "UPDATE lineage_run SET io = (SELECT count(*) FROM lineage_io WHERE run = ?1) WHERE id = ?1";
        self.0.0.prepare_cached(sql)?.execute([run])?;
        let sql = "SELECT id FROM lineage_run WHERE job = ?1 AND io > 0 \
                   ORDER BY complete DESC, mark DESC, id DESC LIMIT 1";
        let holding = self.0.0.prepare_cached(sql)?.query_row([job], |row| row.get(0)).optional()?;
        let io = holding.map_or(Ok(Vec::new()), |run: i64| self.lineage_io(run))?;
        let edge = |io: &RunIo| if io.output { (job, io.dataset) } else { (io.dataset, job) };
        self.set_lineage_edges(job, How::Io, &io.iter().map(edge).collect::<BTreeSet<_>>())
    }
}
