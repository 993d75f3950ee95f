//! Experiments and their tags.

use rusqlite::{OptionalExtension as _, Row, params};

use super::{Change, Done, Pair, Stage, View};

/// Is an experiment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Experiment {
    /// Its number.
    pub id: i64,
    /// Its name; no other experiment has it, deleted ones neither.
    pub name: String,
    /// Below which address its artifacts are.
    pub location: String,
    /// Whether it is there.
    pub stage: Stage,
    /// When it was made, in milliseconds since the epoch.
    pub created: i64,
    /// When it was renamed, deleted or restored last, or else made.
    pub updated: i64,
    /// Its tags, in the order in which their keys came.
    pub tags: Vec<Pair>,
}

/// Is an experiment that is to be.
#[derive(Debug, Clone, Copy)]
pub struct NewExperiment<'a> {
    /// Its number, of [`View::next_experiment`].
    pub id: i64,
    /// Its name.
    pub name: &'a str,
    /// Below which address its artifacts are.
    pub location: &'a str,
    /// When it is made, in milliseconds since the epoch.
    pub now: i64,
}

pub(super) const COLUMNS: &str = "e.id, e.name, e.location, e.stage, e.created, e.updated";

pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Experiment> {
    Ok(Experiment {
        id: row.get(0)?,
        name: row.get(1)?,
        location: row.get(2)?,
        stage: row.get(3)?,
        created: row.get(4)?,
        updated: row.get(5)?,
        tags: Vec::new(),
    })
}

impl View<'_> {
    /// Returns an experiment, deleted or not.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn experiment(&self, id: i64) -> Done<Option<Experiment>> {
        let sql = format!("SELECT {COLUMNS} FROM experiment e WHERE e.id = ?1");
        let found = self.0.prepare_cached(&sql)?.query_row([id], read).optional()?;
        found.map(|experiment| self.with_tags(experiment)).transpose()
    }

    /// Returns the experiment of a name, deleted or not.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn experiment_named(&self, name: &str) -> Done<Option<Experiment>> {
        let sql = format!("SELECT {COLUMNS} FROM experiment e WHERE e.name = ?1");
        let found = self.0.prepare_cached(&sql)?.query_row([name], read).optional()?;
        found.map(|experiment| self.with_tags(experiment)).transpose()
    }

    /// Returns the number that the next experiment is to have; the first one has 0.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn next_experiment(&self) -> Done<i64> {
        let sql = "SELECT coalesce(max(id) + 1, 0) FROM experiment";
        Ok(self.0.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
    }

    pub(super) fn with_tags(&self, experiment: Experiment) -> Done<Experiment> {
        let sql = "SELECT key, value FROM experiment_tag WHERE experiment = ?1 ORDER BY place";
        Ok(Experiment { tags: self.pairs(sql, experiment.id)?, ..experiment })
    }

    /// Returns the keys and values that a query finds for a number.
    pub(super) fn pairs(&self, sql: &str, of: i64) -> Done<Vec<Pair>> {
        let mut query = self.0.prepare_cached(sql)?;
        let rows = query.query_map([of], |row| Ok(Pair { key: row.get(0)?, value: row.get(1)? }))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Change<'_> {
    /// Adds an experiment; says whether its name was free.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn add_experiment(&self, new: NewExperiment<'_>) -> Done<bool> {
        let sql = "INSERT OR IGNORE INTO experiment (id, name, location, stage, created, updated) \
                   VALUES (?1, ?2, ?3, 'active', ?4, ?4)";
        let added = self.0.0.prepare_cached(sql)?.execute(params![new.id, new.name, new.location, new.now])?;
        Ok(added == 1)
    }

    /// Renames an experiment; says whether the name was free, or its own.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn rename_experiment(&self, id: i64, name: &str, now: i64) -> Done<bool> {
        let sql = "UPDATE OR IGNORE experiment SET name = ?2, updated = ?3 WHERE id = ?1";
        Ok(self.0.0.prepare_cached(sql)?.execute(params![id, name, now])? == 1)
    }

    /// Deletes or restores an experiment and all of its runs.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn stage_experiment(&self, id: i64, stage: Stage, now: i64) -> Done<()> {
        let sql = "UPDATE experiment SET stage = ?2, updated = ?3 WHERE id = ?1";
        self.0.0.prepare_cached(sql)?.execute(params![id, stage, now])?;
        let sql = "UPDATE run SET stage = ?2 WHERE experiment = ?1";
        self.0.0.prepare_cached(sql)?.execute(params![id, stage])?;
        Ok(())
    }

    /// Sets a tag of an experiment; a key that is there keeps its place.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn tag_experiment(&self, id: i64, tag: &Pair) -> Done<()> {
        let sql = "INSERT INTO experiment_tag (experiment, key, value) VALUES (?1, ?2, ?3) \
                   ON CONFLICT (experiment, key) DO UPDATE SET value = excluded.value";
        self.0.0.prepare_cached(sql)?.execute(params![id, tag.key, tag.value])?;
        Ok(())
    }

    /// Removes a tag of an experiment; says whether it was there.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn untag_experiment(&self, id: i64, key: &str) -> Done<bool> {
        let sql = "DELETE FROM experiment_tag WHERE experiment = ?1 AND key = ?2";
        Ok(self.0.0.prepare_cached(sql)?.execute(params![id, key])? == 1)
    }
}
