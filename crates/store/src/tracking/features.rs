//! Features: their definitions, which are added to and never changed, and what they were for whom and when.

use models::diagnosis::Measure;
use models::feature::{Definition, Kind, SourceDataset};
use models::skew::{Row as FeatureRow, Value};
use rusqlite::types::Type;
use rusqlite::{OptionalExtension as _, Row, params};

use super::{Change, Done, View};
use crate::writer::as_i64;

/// Holds definitions of features and their values. A number, a text, or neither: then there was no value.
pub(super) const TABLES: &str = "
CREATE TABLE feature (
    seq            INTEGER PRIMARY KEY,
    name           TEXT NOT NULL,
    version        INTEGER NOT NULL,
    concept        TEXT NOT NULL,
    entity         TEXT NOT NULL,
    kind           TEXT NOT NULL,
    span           TEXT NOT NULL,
    transformation TEXT NOT NULL,
    owner          TEXT NOT NULL,
    origin         TEXT NOT NULL,
    digest         TEXT NOT NULL,
    at             INTEGER NOT NULL,
    by             TEXT NOT NULL,
    UNIQUE (name, version)
) STRICT;
CREATE TRIGGER feature_stays BEFORE UPDATE ON feature BEGIN SELECT RAISE(ABORT, 'a definition stays'); END;
CREATE TRIGGER feature_is_kept BEFORE DELETE ON feature BEGIN SELECT RAISE(ABORT, 'a definition stays'); END;
CREATE TABLE feature_value (
    feature INTEGER NOT NULL REFERENCES feature,
    serving INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    entity  TEXT NOT NULL,
    number  REAL,
    text    TEXT,
    PRIMARY KEY (feature, serving, at, entity)
) STRICT, WITHOUT ROWID;
";

/// Holds what definitions are computed from.
pub(super) const DATASETS: &str = "
CREATE TABLE feature_dataset (
    feature   INTEGER NOT NULL REFERENCES feature,
    namespace TEXT NOT NULL,
    name      TEXT NOT NULL,
    PRIMARY KEY (feature, namespace, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX feature_dataset_name ON feature_dataset (namespace, name);
CREATE TRIGGER feature_dataset_stays BEFORE UPDATE ON feature_dataset BEGIN SELECT RAISE(ABORT, 'a definition stays'); END;
CREATE TRIGGER feature_dataset_is_kept BEFORE DELETE ON feature_dataset BEGIN SELECT RAISE(ABORT, 'a definition stays'); END;
";

/// Is the kind of source of a dataset of a run that is a feature's definition.
pub const FEATURE_KIND: &str = "countersign-feature";

/// Says where a feature was computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeatureSide {
    /// For training.
    Training,
    /// For a prediction.
    Serving,
}

/// Is a version of a feature's definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feature {
    /// Its place among all versions of all features.
    pub seq: i64,
    /// Its version, from 1 on.
    pub version: i64,
    /// What it says.
    pub definition: Definition,
    /// Who answers for it.
    pub owner: String,
    /// Where it comes from; empty if somebody registered it here.
    pub origin: String,
    /// Its digest.
    pub digest: String,
    /// When it was registered, in milliseconds since the epoch.
    pub at: i64,
    /// Who registered it, with their kind in front.
    pub by: String,
}

const COLUMNS: &str = "f.seq, f.version, f.name, f.concept, f.entity, f.kind, f.span, f.transformation, f.owner, f.origin, f.digest, f.at, f.by";

fn read(row: &Row<'_>) -> rusqlite::Result<Feature> {
    let kind: String = row.get(5)?;
    let unknown = || rusqlite::Error::InvalidColumnType(5, "kind".to_owned(), Type::Text);
    let definition = Definition {
        name: row.get(2)?,
        concept: row.get(3)?,
        entity: row.get(4)?,
        kind: Kind::ALL.into_iter().find(|known| known.name() == kind).ok_or_else(unknown)?,
        window: row.get(6)?,
        transformation: row.get(7)?,
        datasets: Vec::new(),
    };
    Ok(Feature {
        seq: row.get(0)?,
        version: row.get(1)?,
        definition,
        owner: row.get(8)?,
        origin: row.get(9)?,
        digest: row.get(10)?,
        at: row.get(11)?,
        by: row.get(12)?,
    })
}

fn read_value(row: &Row<'_>) -> rusqlite::Result<FeatureRow> {
    let (number, text): (Option<f64>, Option<String>) = (row.get(2)?, row.get(3)?);
    let value = match (number, text) {
        (Some(number), _) => Value::Number(Measure::from_bits(number.to_bits())),
        (None, Some(text)) => Value::Text(text),
        (None, None) => Value::Missing,
    };
    Ok(FeatureRow { entity: row.get(1)?, at: row.get(0)?, value })
}

impl View<'_> {
    /// Returns all versions of a feature, the first one first.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn feature_versions(&self, name: &str) -> Done<Vec<Feature>> {
        let sql = format!("SELECT {COLUMNS} FROM feature f WHERE f.name = ?1 ORDER BY f.version");
        let mut query = self.0.prepare_cached(&sql)?;
        let rows = query.query_map([name], read)?;
        self.with_datasets(rows.collect::<Result<_, _>>()?)
    }

    fn with_datasets(&self, mut all: Vec<Feature>) -> Done<Vec<Feature>> {
        let sql = "SELECT namespace, name FROM feature_dataset WHERE feature = ?1 ORDER BY namespace, name";
        let mut query = self.0.prepare_cached(sql)?;
        for feature in &mut all {
            let read = |row: &Row<'_>| Ok(SourceDataset { namespace: row.get(0)?, name: row.get(1)? });
            feature.definition.datasets = query.query_map([feature.seq], read)?.collect::<Result<_, _>>()?;
        }
        Ok(all)
    }

    /// Returns the latest version of each feature behind a name, by name.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn features(&self, after: &str, limit: u64) -> Done<Vec<Feature>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM feature f WHERE f.name > ?1 AND NOT EXISTS \
             (SELECT 1 FROM feature g WHERE g.name = f.name AND g.version > f.version) ORDER BY f.name LIMIT ?2"
        );
        let mut query = self.0.prepare_cached(&sql)?;
        let rows = query.query_map(params![after, as_i64(limit)], read)?;
        self.with_datasets(rows.collect::<Result<_, _>>()?)
    }

    /// Returns values of a version of a feature on one side, by time and entity.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn feature_values(&self, feature: i64, side: FeatureSide, limit: u64) -> Done<Vec<FeatureRow>> {
        let sql = "SELECT at, entity, number, text FROM feature_value WHERE feature = ?1 AND serving = ?2 \
                   ORDER BY at, entity LIMIT ?3";
        let mut query = self.0.prepare_cached(sql)?;
        let rows = query.query_map(params![feature, side == FeatureSide::Serving, as_i64(limit)], read_value)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Says whether a version of a feature has values on one side.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn has_feature_values(&self, feature: i64, side: FeatureSide) -> Done<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM feature_value WHERE feature = ?1 AND serving = ?2)";
        Ok(self.0.prepare_cached(sql)?.query_row(params![feature, side == FeatureSide::Serving], |row| row.get(0))?)
    }

    fn feature_value(&self, feature: i64, side: FeatureSide, row: &FeatureRow) -> Done<Option<FeatureRow>> {
        let sql = "SELECT at, entity, number, text FROM feature_value \
                   WHERE feature = ?1 AND serving = ?2 AND at = ?3 AND entity = ?4";
        let wanted = params![feature, side == FeatureSide::Serving, row.at, row.entity];
        Ok(self.0.prepare_cached(sql)?.query_row(wanted, read_value).optional()?)
    }
}

impl Change<'_> {
    /// Adds a version of a feature's definition.
    ///
    /// # Errors
    ///
    /// What the file says; also if there is one of that name and version.
    pub fn add_feature(&self, feature: &Feature) -> Done<()> {
        let sql = "INSERT INTO feature (version, name, concept, entity, kind, span, transformation, owner, origin, digest, at, by) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
        let Feature { version, definition, owner, origin, digest, at, by, .. } = feature;
        let Definition { name, concept, entity, kind, window, transformation, datasets } = definition;
        let kind = kind.name();
        self.0.0.prepare_cached(sql)?.execute(params![
            version,
            name,
            concept,
            entity,
            kind,
            window,
            transformation,
            owner,
            origin,
            digest,
            at,
            by
        ])?;
        let seq = self.0.0.last_insert_rowid();
        let mut insert = self.0.0.prepare_cached("INSERT INTO feature_dataset VALUES (?1, ?2, ?3)")?;
        for SourceDataset { namespace, name } in datasets {
            insert.execute(params![seq, namespace, name])?;
        }
        Ok(())
    }

    /// Adds what a feature was for an entity at a time; returns what is there, if that is known already.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn add_feature_value(&self, feature: i64, side: FeatureSide, row: &FeatureRow) -> Done<Option<FeatureRow>> {
        let (number, text) = match &row.value {
            Value::Missing => (None, None),
            Value::Number(number) => (Some(f64::from_bits(number.bits())), None),
            Value::Text(text) => (None, Some(text)),
        };
        let sql = "INSERT OR IGNORE INTO feature_value (feature, serving, at, entity, number, text) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let mut insert = self.0.0.prepare_cached(sql)?;
        let serving = side == FeatureSide::Serving;
        if insert.execute(params![feature, serving, row.at, row.entity, number, text])? == 1 {
            return Ok(None);
        }
        self.feature_value(feature, side, row)
    }
}
