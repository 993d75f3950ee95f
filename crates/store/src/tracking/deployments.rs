//! What is to run where, and what the hosts say that runs there.

use rusqlite::{OptionalExtension as _, Row, params};
use types::Digest;

use super::{Change, Done, View};
use crate::writer::{as_i64, as_u64};

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

/// Is what the host of a target said last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// The model, by the name that the host has for it.
    pub model: String,
    /// Where.
    pub target: String,
    /// The version that runs there; nothing does if it is absent.
    pub version: Option<u64>,
    /// The digest over the files that it has loaded, if the host says.
    pub digest: Option<Digest>,
    /// Who said so, with their kind in front.
    pub by: String,
    /// How it compared to what was to run there, when it was recorded.
    pub state: String,
    /// Since when it says so, in milliseconds since the epoch.
    pub first: i64,
    /// When it last said so.
    pub last: i64,
}

fn read_declared(row: &Row<'_>) -> rusqlite::Result<Deployment> {
    Ok(Deployment { model: row.get(0)?, target: row.get(1)?, number: row.get(2)? })
}

fn read_observed(row: &Row<'_>) -> rusqlite::Result<Observation> {
    Ok(Observation {
        model: row.get(0)?,
        target: row.get(1)?,
        version: row.get::<_, Option<i64>>(2)?.map(as_u64),
        digest: row.get::<_, Option<[u8; 32]>>(3)?.map(Digest),
        by: row.get(4)?,
        state: row.get(5)?,
        first: row.get(6)?,
        last: row.get(7)?,
    })
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

    /// Returns what the host of a target said last of a model.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn observation(&self, model: &str, target: &str) -> Done<Option<Observation>> {
        let sql = "SELECT model, target, version, digest, by, state, first, last FROM observation \
                   WHERE model = ?1 AND target = ?2";
        Ok(self.0.prepare_cached(sql)?.query_row([model, target], read_observed).optional()?)
    }

    /// Counts what hosts said last.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn observation_count(&self) -> Done<u64> {
        Ok(as_u64(self.0.prepare_cached("SELECT count(*) FROM observation")?.query_row([], |row| row.get(0))?))
    }

    /// Returns what hosts said last, by model and target.
    ///
    /// - `model`: what they said of this one alone, by the name that they have for it.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn observations(&self, model: Option<&str>) -> Done<Vec<Observation>> {
        let sql = "SELECT model, target, version, digest, by, state, first, last FROM observation \
                   WHERE ?1 IS NULL OR model = ?1 ORDER BY model, target";
        let mut query = self.0.prepare_cached(sql)?;
        let rows = query.query_map([model], read_observed)?;
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

    /// Keeps what the host of a target says, in place of what it said before.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn observe(&self, seen: &Observation) -> Done<()> {
        let Observation { model, target, version, digest, by, state, first, last } = seen;
        let sql = "INSERT OR REPLACE INTO observation (model, target, version, digest, by, state, first, last) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let (version, digest) = (version.map(as_i64), digest.map(|digest| digest.0));
        let mut insert = self.0.0.prepare_cached(sql)?;
        insert.execute(params![model, target, version, digest, by, state, first, last])?;
        Ok(())
    }
}
