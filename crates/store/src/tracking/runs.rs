//! Runs, their tags and parameters.

use rusqlite::{OptionalExtension as _, Row, params};

use super::{Change, Done, Metric, Pair, Stage, View};
use crate::writer::as_i64;

/// Is a run of training.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its place among all runs, by which what it logs is found.
    pub seq: i64,
    /// Its id.
    pub id: String,
    /// The experiment it belongs to.
    pub experiment: i64,
    /// Its name; others may have it.
    pub name: String,
    /// Who made it, as they say; may be empty.
    pub user: String,
    /// How it stands: `RUNNING`, `SCHEDULED`, `FINISHED`, `FAILED` or `KILLED`.
    pub status: String,
    /// When it began, in milliseconds since the epoch; 0 if nobody said.
    pub started: i64,
    /// When it ended.
    pub ended: Option<i64>,
    /// Whether it is there.
    pub stage: Stage,
    /// Below which address its artifacts are.
    pub location: String,
}

/// Is a run that is to be.
#[derive(Debug, Clone, Copy)]
pub struct NewRun<'a> {
    /// Its id.
    pub id: &'a str,
    /// The experiment it belongs to.
    pub experiment: i64,
    /// Its name.
    pub name: &'a str,
    /// Who made it.
    pub user: &'a str,
    /// When it began, in milliseconds since the epoch.
    pub started: i64,
    /// Below which address its artifacts are.
    pub location: &'a str,
}

/// Is what is to change of a run; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunChange {
    /// How it stands.
    pub status: Option<String>,
    /// When it ended, in milliseconds since the epoch.
    pub ended: Option<i64>,
    /// Its name.
    pub name: Option<String>,
}

/// Is what a run has logged.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RunData {
    /// The latest point of each metric.
    pub metrics: Vec<Metric>,
    /// Its parameters.
    pub params: Vec<Pair>,
    /// Its tags.
    pub tags: Vec<Pair>,
}

pub(super) const COLUMNS: &str =
    "r.seq, r.id, r.experiment, r.name, r.user, r.status, r.started, r.ended, r.stage, r.location";

pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Run> {
    Ok(Run {
        seq: row.get(0)?,
        id: row.get(1)?,
        experiment: row.get(2)?,
        name: row.get(3)?,
        user: row.get(4)?,
        status: row.get(5)?,
        started: row.get(6)?,
        ended: row.get(7)?,
        stage: row.get(8)?,
        location: row.get(9)?,
    })
}

impl View<'_> {
    /// Returns a run, deleted or not.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn run(&self, id: &str) -> Done<Option<Run>> {
        let sql = format!("SELECT {COLUMNS} FROM run r WHERE r.id = ?1");
        Ok(self.0.prepare_cached(&sql)?.query_row([id], read).optional()?)
    }

    /// Returns runs of an experiment that finished and are not deleted, those that began at the least distance from a time first.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn finished_runs(&self, experiment: i64, near: i64, limit: u64) -> Done<Vec<Run>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM run r WHERE r.experiment = ?1 AND r.stage = 'active' AND r.status = 'FINISHED' \
             ORDER BY CASE WHEN r.started > ?2 THEN r.started - ?2 ELSE ?2 - r.started END, r.started, r.id LIMIT ?3"
        );
        let mut query = self.0.prepare_cached(&sql)?;
        let rows = query.query_map(params![experiment, near, as_i64(limit)], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns what a run has logged, each in the order in which its keys came.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn run_data(&self, run: i64) -> Done<RunData> {
        Ok(RunData {
            metrics: self.latest_metrics(run)?,
            params: self.pairs("SELECT key, value FROM param WHERE run = ?1 ORDER BY place", run)?,
            tags: self.pairs("SELECT key, value FROM run_tag WHERE run = ?1 ORDER BY place", run)?,
        })
    }

    /// Returns a parameter of a run.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn param(&self, run: i64, key: &str) -> Done<Option<String>> {
        let sql = "SELECT value FROM param WHERE run = ?1 AND key = ?2";
        Ok(self.0.prepare_cached(sql)?.query_row(params![run, key], |row| row.get(0)).optional()?)
    }

    /// Returns a tag of a run.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn run_tag(&self, run: i64, key: &str) -> Done<Option<String>> {
        let sql = "SELECT value FROM run_tag WHERE run = ?1 AND key = ?2";
        Ok(self.0.prepare_cached(sql)?.query_row(params![run, key], |row| row.get(0)).optional()?)
    }
}

impl Change<'_> {
    /// Adds a run and returns its place.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn add_run(&self, new: NewRun<'_>) -> Done<i64> {
        let sql = "INSERT INTO run (id, experiment, name, user, status, started, stage, location) \
                   VALUES (?1, ?2, ?3, ?4, 'RUNNING', ?5, 'active', ?6)";
        let mut insert = self.0.0.prepare_cached(sql)?;
        Ok(insert.insert(params![new.id, new.experiment, new.name, new.user, new.started, new.location])?)
    }

    /// Changes a run.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn change_run(&self, run: i64, change: &RunChange) -> Done<()> {
        let sql = "UPDATE run SET status = coalesce(?2, status), ended = coalesce(?3, ended), name = coalesce(?4, name) \
                   WHERE seq = ?1";
        self.0.0.prepare_cached(sql)?.execute(params![run, change.status, change.ended, change.name])?;
        Ok(())
    }

    /// Deletes or restores a run.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn stage_run(&self, run: i64, stage: Stage) -> Done<()> {
        self.0.0.prepare_cached("UPDATE run SET stage = ?2 WHERE seq = ?1")?.execute(params![run, stage])?;
        Ok(())
    }

    /// Sets a tag of a run; a key that is there keeps its place.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn tag_run(&self, run: i64, tag: &Pair) -> Done<()> {
        let sql = "INSERT INTO run_tag (run, key, value) VALUES (?1, ?2, ?3) \
                   ON CONFLICT (run, key) DO UPDATE SET value = excluded.value";
        self.0.0.prepare_cached(sql)?.execute(params![run, tag.key, tag.value])?;
        Ok(())
    }

    /// Removes a tag of a run; says whether it was there.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn untag_run(&self, run: i64, key: &str) -> Done<bool> {
        let sql = "DELETE FROM run_tag WHERE run = ?1 AND key = ?2";
        Ok(self.0.0.prepare_cached(sql)?.execute(params![run, key])? == 1)
    }

    /// Adds a parameter that the run does not have yet.
    ///
    /// # Errors
    ///
    /// What the file says; also if the run has it.
    pub fn add_param(&self, run: i64, param: &Pair) -> Done<()> {
        let sql = "INSERT INTO param (run, key, value) VALUES (?1, ?2, ?3)";
        self.0.0.prepare_cached(sql)?.execute(params![run, param.key, param.value])?;
        Ok(())
    }
}
