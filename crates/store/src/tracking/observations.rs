//! What is known of what runs: what hosts say, and what probes found, each by its means.

use rusqlite::{OptionalExtension as _, Row, params};
use types::Digest;

use super::{Change, Done, View};
use crate::writer::{as_i64, as_u64};

/// Keeps what is known by each means for itself, how the last try of each probe went, the keys that hosts sign with, and incidents.
pub(super) const TABLES: &str = "
ALTER TABLE observation RENAME TO observation_before;
CREATE TABLE observation (
    model   TEXT NOT NULL,
    target  TEXT NOT NULL,
    means   TEXT NOT NULL,
    version INTEGER,
    digest  BLOB,
    others  TEXT NOT NULL,
    images  TEXT NOT NULL,
    by      TEXT NOT NULL,
    state   TEXT NOT NULL,
    first   INTEGER NOT NULL,
    last    INTEGER NOT NULL,
    PRIMARY KEY (model, target, means)
) STRICT, WITHOUT ROWID;
INSERT INTO observation (model, target, means, version, digest, others, images, by, state, first, last)
SELECT model, target, 'reported', version, digest, '', '', by, state, first, last FROM observation_before;
DROP TABLE observation_before;
-- A row for each probe of the settings. `failed` is since when it tells nothing, and `fails` how often in a row.
CREATE TABLE probe (
    model    TEXT NOT NULL,
    target   TEXT NOT NULL,
    means    TEXT NOT NULL,
    name     TEXT NOT NULL,
    abstains INTEGER NOT NULL,
    tried    INTEGER,
    failed   INTEGER,
    fails    INTEGER NOT NULL,
    says     TEXT NOT NULL,
    PRIMARY KEY (model, target, means)
) STRICT, WITHOUT ROWID;
-- `counter` is that of the last report that was taken; `enrolled` and `revoked` are places of what was attested.
CREATE TABLE host_key (
    id       TEXT PRIMARY KEY,
    target   TEXT NOT NULL,
    public   BLOB NOT NULL,
    by       TEXT NOT NULL,
    at       INTEGER NOT NULL,
    enrolled INTEGER NOT NULL REFERENCES attestation,
    revoked  INTEGER REFERENCES attestation,
    ended    INTEGER,
    counter  INTEGER NOT NULL
) STRICT;
CREATE INDEX host_key_by_target ON host_key (target);
-- What runs or stands around the road; `body` is what was attested last of it.
CREATE TABLE incident (
    id    INTEGER PRIMARY KEY AUTOINCREMENT,
    thing TEXT NOT NULL,
    model TEXT NOT NULL,
    name  TEXT NOT NULL,
    body  BLOB NOT NULL,
    since INTEGER NOT NULL,
    ended INTEGER
) STRICT;
CREATE UNIQUE INDEX incident_open ON incident (thing, model, name) WHERE ended IS NULL;
CREATE INDEX incident_by_model ON incident (model, id);
CREATE INDEX model_move_by_alias ON model_move (kind, model, alias, seq);
CREATE INDEX model_move_by_version ON model_move (kind, model, number, seq);
CREATE INDEX model_version_staged ON model_version (model, number) WHERE deleted = 0 AND stage <> 'None';
";

/// Is what is known of what runs at a target, by one means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// The model, by the name that the host has for it.
    pub model: String,
    /// Where.
    pub target: String,
    /// By what means it is known.
    pub means: String,
    /// The version that runs there; nothing does if it is absent.
    pub version: Option<u64>,
    /// The digest over the files that it has loaded, if that is told.
    pub digest: Option<Digest>,
    /// Further versions that run there at once.
    pub others: Vec<u64>,
    /// The digests of the images that run there, as the infrastructure says.
    pub images: Vec<String>,
    /// Who said so, with their kind in front.
    pub by: String,
    /// How it compared to what was to run there, when it was recorded.
    pub state: String,
    /// Since when it is said, in milliseconds since the epoch.
    pub first: i64,
    /// When it was last said.
    pub last: i64,
}

/// Is how the last try of a probe went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeKept {
    /// The registered model.
    pub model: String,
    /// Where.
    pub target: String,
    /// By what means it looks.
    pub means: String,
    /// What the settings call it.
    pub name: String,
    /// Whether it cannot tell a version, whatever it hears.
    pub abstains: bool,
    /// When it last looked, in milliseconds since the epoch.
    pub tried: Option<i64>,
    /// Since when it tells nothing.
    pub failed: Option<i64>,
    /// How often it told nothing in a row.
    pub fails: u64,
    /// What it heard last, or why it tells nothing.
    pub says: String,
}

const OBSERVED: &str = "model, target, means, version, digest, others, images, by, state, first, last";
const PROBED: &str = "model, target, means, name, abstains, tried, failed, fails, says";

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(' ').filter(|word| !word.is_empty())
}

fn read_observed(row: &Row<'_>) -> rusqlite::Result<Observation> {
    let (others, images): (String, String) = (row.get(5)?, row.get(6)?);
    Ok(Observation {
        model: row.get(0)?,
        target: row.get(1)?,
        means: row.get(2)?,
        version: row.get::<_, Option<i64>>(3)?.map(as_u64),
        digest: row.get::<_, Option<[u8; 32]>>(4)?.map(Digest),
        others: words(&others).filter_map(|word| word.parse().ok()).collect(),
        images: words(&images).map(str::to_owned).collect(),
        by: row.get(7)?,
        state: row.get(8)?,
        first: row.get(9)?,
        last: row.get(10)?,
    })
}

fn read_probe(row: &Row<'_>) -> rusqlite::Result<ProbeKept> {
    Ok(ProbeKept {
        model: row.get(0)?,
        target: row.get(1)?,
        means: row.get(2)?,
        name: row.get(3)?,
        abstains: row.get(4)?,
        tried: row.get(5)?,
        failed: row.get(6)?,
        fails: row.get::<_, i64>(7).map(as_u64)?,
        says: row.get(8)?,
    })
}

impl View<'_> {
    /// Returns what is known of a model at a target by one means.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn observation(&self, model: &str, target: &str, means: &str) -> Done<Option<Observation>> {
        let sql = format!("SELECT {OBSERVED} FROM observation WHERE model = ?1 AND target = ?2 AND means = ?3");
        Ok(self.0.prepare_cached(&sql)?.query_row([model, target, means], read_observed).optional()?)
    }

    /// Counts what is known.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn observation_count(&self) -> Done<u64> {
        Ok(as_u64(self.0.prepare_cached("SELECT count(*) FROM observation")?.query_row([], |row| row.get(0))?))
    }

    /// Returns what is known, by model, target and means.
    ///
    /// - `model`: of this one alone, by the name that hosts have for it.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn observations(&self, model: Option<&str>) -> Done<Vec<Observation>> {
        let sql = format!("SELECT {OBSERVED} FROM observation WHERE ?1 IS NULL OR model = ?1 ORDER BY model, target");
        let mut query = self.0.prepare_cached(&sql)?;
        let rows = query.query_map([model], read_observed)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns how the last try of each probe went, by model and target.
    ///
    /// - `model`: of this one alone.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn probes(&self, model: Option<&str>) -> Done<Vec<ProbeKept>> {
        let sql = format!("SELECT {PROBED} FROM probe WHERE ?1 IS NULL OR model = ?1 ORDER BY model, target");
        let mut query = self.0.prepare_cached(&sql)?;
        let rows = query.query_map([model], read_probe)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Change<'_> {
    /// Keeps what is known by one means, in place of what was before.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn observe(&self, seen: &Observation) -> Done<()> {
        let sql = "INSERT OR REPLACE INTO observation \
                   (model, target, means, version, digest, others, images, by, state, first, last) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
        let Observation { model, target, means, version, digest, by, state, first, last, .. } = seen;
        let (version, digest) = (version.map(as_i64), digest.map(|digest| digest.0));
        let others = seen.others.iter().map(u64::to_string).collect::<Vec<_>>().join(" ");
        let images = seen.images.join(" ");
        let mut insert = self.0.0.prepare_cached(sql)?;
        insert.execute(params![model, target, means, version, digest, others, images, by, state, first, last])?;
        Ok(())
    }

    /// Keeps how a try of a probe went, in place of the one before.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn note_probe(&self, probe: &ProbeKept) -> Done<()> {
        let sql = "INSERT OR REPLACE INTO probe (model, target, means, name, abstains, tried, failed, fails, says) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        let ProbeKept { model, target, means, name, abstains, tried, failed, fails, says } = probe;
        let fails = as_i64(*fails);
        let mut insert = self.0.0.prepare_cached(sql)?;
        insert.execute(params![model, target, means, name, abstains, tried, failed, fails, says])?;
        Ok(())
    }

    /// Forgets a probe that the settings name no more, with what it has found.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn forget_probe(&self, model: &str, target: &str, means: &str) -> Done<()> {
        for sql in [
            "DELETE FROM probe WHERE model = ?1 AND target = ?2 AND means = ?3",
            "DELETE FROM observation WHERE model = ?1 AND target = ?2 AND means = ?3",
        ] {
            self.0.0.prepare_cached(sql)?.execute([model, target, means])?;
        }
        Ok(())
    }
}
