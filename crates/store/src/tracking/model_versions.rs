//! Versions of registered models: what they are made of, their stages and their tags.

use models::names::Stage as VersionStage;
use rusqlite::types::Type;
use rusqlite::{OptionalExtension as _, Row, params};

use super::{Change, Done, Pair, View};

/// Is a version of a registered model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelVersion {
    /// Its place among all versions.
    pub seq: i64,
    /// The place of its model.
    pub model: i64,
    /// Its model's name.
    pub name: String,
    /// Its number, from 1 on.
    pub number: i64,
    /// When it was made, in milliseconds since the epoch.
    pub created: i64,
    /// When it was changed last, in milliseconds since the epoch.
    pub updated: i64,
    /// What it is.
    pub description: Option<String>,
    /// The stage it is in.
    pub stage: VersionStage,
    /// Where it comes from, as whoever made it said.
    pub source: String,
    /// Below which address its files are.
    pub location: String,
    /// The run that made it; may be empty.
    pub run: String,
    /// Where that run can be looked at; may be empty.
    pub run_link: String,
    /// Its tags, in the order in which their keys came.
    pub tags: Vec<Pair>,
}

/// Is a version that is to be.
#[derive(Debug, Clone, Copy)]
pub struct NewModelVersion<'a> {
    /// The place of its model.
    pub model: i64,
    /// Its number, which no version of this name ever had.
    pub number: i64,
    /// When it is made, in milliseconds since the epoch.
    pub now: i64,
    /// What it is.
    pub description: &'a str,
    /// Where it comes from.
    pub source: &'a str,
    /// Below which address its files are.
    pub location: &'a str,
    /// The run that made it.
    pub run: &'a str,
    /// Where that run can be looked at.
    pub run_link: &'a str,
}

/// Lets versions be found by their run.
pub(super) const BY_RUN: &str = "CREATE INDEX model_version_by_run ON model_version (run);";

pub(super) const COLUMNS: &str = "v.seq, v.model, m.name, v.number, v.created, v.updated, v.description, v.stage, \
                                  v.source, v.location, v.run, v.run_link";

pub(super) const TABLES: &str = "model_version v JOIN registered_model m ON m.seq = v.model";

pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<ModelVersion> {
    let stage: String = row.get(7)?;
    let unknown = || rusqlite::Error::InvalidColumnType(7, "stage".to_owned(), Type::Text);
    let stage = VersionStage::ALL.into_iter().find(|known| known.name() == stage).ok_or_else(unknown)?;
    Ok(ModelVersion {
        seq: row.get(0)?,
        model: row.get(1)?,
        name: row.get(2)?,
        number: row.get(3)?,
        created: row.get(4)?,
        updated: row.get(5)?,
        description: row.get(6)?,
        stage,
        source: row.get(8)?,
        location: row.get(9)?,
        run: row.get(10)?,
        run_link: row.get(11)?,
        tags: Vec::new(),
    })
}

impl View<'_> {
    /// Returns a version that was not deleted.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn model_version(&self, name: &str, number: i64) -> Done<Option<ModelVersion>> {
        let sql = format!("SELECT {COLUMNS} FROM {TABLES} WHERE m.name = ?1 AND v.number = ?2 AND v.deleted = 0");
        let found = self.0.prepare_cached(&sql)?.query_row(params![name, number], read).optional()?;
        found.map(|version| self.with_version_tags(version)).transpose()
    }

    /// Returns the versions that came of a run, without their tags.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn versions_of_run(&self, run: &str) -> Done<Vec<ModelVersion>> {
        let sql = format!("SELECT {COLUMNS} FROM {TABLES} WHERE v.run = ?1 AND v.deleted = 0 ORDER BY v.seq");
        let mut query = self.0.prepare_cached(&sql)?;
        let rows = query.query_map([run], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns the highest version of each stage, in the order of the lowest one in each.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn latest_versions(&self, model: i64) -> Done<Vec<ModelVersion>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM (SELECT min(number) AS first, max(number) AS last FROM model_version \
             WHERE model = ?1 AND deleted = 0 GROUP BY stage) g \
             JOIN model_version v ON v.model = ?1 AND v.number = g.last JOIN registered_model m ON m.seq = v.model \
             ORDER BY g.first"
        );
        self.versions(&sql, params![model])
    }

    /// Returns the versions of a model that are in a stage, in order of their numbers.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn versions_in(&self, model: i64, stage: VersionStage) -> Done<Vec<ModelVersion>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM {TABLES} WHERE v.model = ?1 AND v.deleted = 0 AND v.stage = ?2 ORDER BY v.number"
        );
        self.versions(&sql, params![model, stage.name()])
    }

    /// Returns the highest number that a version of a model ever had, deleted ones too; 0 if there is none.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn highest_number(&self, model: i64) -> Done<i64> {
        let sql = "SELECT coalesce(max(number), 0) FROM model_version WHERE model = ?1";
        Ok(self.0.prepare_cached(sql)?.query_row([model], |row| row.get(0))?)
    }

    fn versions(&self, sql: &str, of: &[&dyn rusqlite::ToSql]) -> Done<Vec<ModelVersion>> {
        let mut query = self.0.prepare_cached(sql)?;
        let found: Vec<ModelVersion> = query.query_map(of, read)?.collect::<Result<_, _>>()?;
        found.into_iter().map(|version| self.with_version_tags(version)).collect()
    }

    pub(super) fn with_version_tags(&self, version: ModelVersion) -> Done<ModelVersion> {
        let sql = "SELECT key, value FROM model_version_tag WHERE version = ?1 ORDER BY place";
        Ok(ModelVersion { tags: self.pairs(sql, version.seq)?, ..version })
    }
}

impl Change<'_> {
    /// Adds a version, in no stage.
    ///
    /// # Errors
    ///
    /// What the file says; also if the model has one of this number.
    pub fn add_model_version(&self, new: NewModelVersion<'_>) -> Done<i64> {
        let sql = "INSERT INTO model_version (model, number, created, updated, description, stage, source, location, run, \
                   run_link, deleted) VALUES (?1, ?2, ?3, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0)";
        let none = VersionStage::None.name();
        Ok(self.0.0.prepare_cached(sql)?.insert(params![
            new.model,
            new.number,
            new.now,
            new.description,
            none,
            new.source,
            new.location,
            new.run,
            new.run_link
        ])?)
    }

    /// Says what a version is.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn describe_model_version(&self, version: i64, description: Option<&str>, now: i64) -> Done<()> {
        let sql = "UPDATE model_version SET description = ?2, updated = ?3 WHERE seq = ?1";
        self.0.0.prepare_cached(sql)?.execute(params![version, description, now])?;
        Ok(())
    }

    /// Puts a version into a stage.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn stage_model_version(&self, version: i64, stage: VersionStage, now: i64) -> Done<()> {
        let sql = "UPDATE model_version SET stage = ?2, updated = ?3 WHERE seq = ?1";
        self.0.0.prepare_cached(sql)?.execute(params![version, stage.name(), now])?;
        Ok(())
    }

    /// Hides a version for good, and forgets where it came from; its number stays given.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn delete_model_version(&self, version: i64, now: i64) -> Done<()> {
        let sql = "UPDATE model_version SET deleted = 1, updated = ?2, description = NULL, source = '', location = '', \
                   run = '', run_link = '' WHERE seq = ?1";
        self.0.0.prepare_cached(sql)?.execute(params![version, now])?;
        Ok(())
    }

    /// Sets a tag of a version; a key that is there keeps its place.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn tag_model_version(&self, version: i64, tag: &Pair) -> Done<()> {
        let sql = "INSERT INTO model_version_tag (version, key, value) VALUES (?1, ?2, ?3) \
                   ON CONFLICT (version, key) DO UPDATE SET value = excluded.value";
        self.0.0.prepare_cached(sql)?.execute(params![version, tag.key, tag.value])?;
        Ok(())
    }

    /// Removes a tag of a version, if it is there.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn untag_model_version(&self, version: i64, key: &str) -> Done<()> {
        let sql = "DELETE FROM model_version_tag WHERE version = ?1 AND key = ?2";
        self.0.0.prepare_cached(sql)?.execute(params![version, key])?;
        Ok(())
    }
}
