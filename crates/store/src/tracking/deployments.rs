//! What is to run where.

use rusqlite::{OptionalExtension as _, Row, params};

use super::{Change, Done, View};

pub(super) const TABLES: &str = "
-- What is to run where: of each model one version at a target.
CREATE TABLE deployment (
    model  INTEGER NOT NULL,
    target TEXT NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (model, target),
    FOREIGN KEY (model, number) REFERENCES model_version (model, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX deployment_by_version ON deployment (model, number);
-- What the host of a target said last, and since when it says so. `model` is the name that it has for it.
CREATE TABLE observation (
    model   TEXT NOT NULL,
    target  TEXT NOT NULL,
    version INTEGER,
    digest  BLOB,
    by      TEXT NOT NULL,
    state   TEXT NOT NULL,
    first   INTEGER NOT NULL,
    last    INTEGER NOT NULL,
    PRIMARY KEY (model, target)
) STRICT, WITHOUT ROWID;
";

/// Is what is to run at a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// The model's name.
    pub model: String,
    /// Where.
    pub target: String,
    /// The version's number.
    pub number: i64,
}

fn read_declared(row: &Row<'_>) -> rusqlite::Result<Deployment> {
    Ok(Deployment { model: row.get(0)?, target: row.get(1)?, number: row.get(2)? })
}

impl View<'_> {
    /// Returns the number of the version of a model that is to run at a target.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn deployed(&self, model: i64, target: &str) -> Done<Option<i64>> {
        let mut query = self.0.prepare_cached("SELECT number FROM deployment WHERE model = ?1 AND target = ?2")?;
        Ok(query.query_row(params![model, target], |row| row.get(0)).optional()?)
    }

    /// Returns what is to run where, by model and target.
    ///
    /// - `model`: what is to run of this one alone, by name.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn deployments(&self, model: Option<&str>) -> Done<Vec<Deployment>> {
        let sql = "SELECT m.name, d.target, d.number FROM deployment d JOIN registered_model m ON m.seq = d.model \
                   WHERE ?1 IS NULL OR m.name = ?1 ORDER BY m.name, d.target";
        let mut query = self.0.prepare_cached(sql)?;
        let rows = query.query_map([model], read_declared)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns where a version is to run, by target.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn targets_of(&self, model: i64, number: i64) -> Done<Vec<String>> {
        let sql = "SELECT target FROM deployment WHERE model = ?1 AND number = ?2 ORDER BY target";
        let mut query = self.0.prepare_cached(sql)?;
        let rows = query.query_map([model, number], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Change<'_> {
    /// Says which version of a model is to run at a target; none with no number.
    ///
    /// # Errors
    ///
    /// What the file says; also if there is no such version.
    pub fn point_deployment(&self, model: i64, target: &str, number: Option<i64>) -> Done<()> {
        let sql = match number {
            Some(_) => {
                "INSERT INTO deployment (model, target, number) VALUES (?1, ?2, ?3) \
                 ON CONFLICT (model, target) DO UPDATE SET number = excluded.number"
            }
            None => "DELETE FROM deployment WHERE model = ?1 AND target = ?2 AND ?3 IS NULL",
        };
        self.0.0.prepare_cached(sql)?.execute(params![model, target, number])?;
        Ok(())
    }
}
