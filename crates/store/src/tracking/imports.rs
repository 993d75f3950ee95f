//! What was taken over from elsewhere: each import, and each thing that came with one.

use rusqlite::types::Type;
use rusqlite::{OptionalExtension as _, Row, params};
use types::Digest;

use super::{Change, Done, Metric, View};
use crate::writer::as_i64;

pub(super) const TABLES: &str = "
CREATE TABLE import (
    id     TEXT PRIMARY KEY,
    source TEXT NOT NULL,
    by     TEXT NOT NULL,
    began  INTEGER NOT NULL,
    ended  INTEGER,
    -- What says what it has taken; none of one that is not over, or took nothing.
    attestation INTEGER REFERENCES attestation
) STRICT, WITHOUT ROWID;
CREATE INDEX import_by_source ON import (source, by, began);
-- `said` is the digest of what the source said of it, `kept` that of what was kept of it, once all of it was.
CREATE TABLE imported (
    kind   TEXT NOT NULL,
    id     TEXT NOT NULL,
    import TEXT NOT NULL REFERENCES import,
    said   BLOB NOT NULL,
    kept   BLOB,
    at     INTEGER NOT NULL,
    PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX imported_by_import ON imported (import, kind, id);
";

/// Is an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// Its id.
    pub id: String,
    /// Where it takes from.
    pub source: String,
    /// Who makes it, with their kind in front.
    pub by: String,
    /// When it began, in milliseconds since the epoch.
    pub began: i64,
    /// When it ended; absent of one that goes on, or was broken off.
    pub ended: Option<i64>,
    /// The place of what says what it has taken.
    pub attestation: Option<i64>,
}

/// Is what is known of a thing that was taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// What kind of thing it is.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// The import that it came with.
    pub import: String,
    /// The digest of what the source said of it.
    pub said: Digest,
    /// The digest of what was kept of it; absent until all of it is here.
    pub kept: Option<Digest>,
    /// When it came, in milliseconds since the epoch.
    pub at: i64,
}

const COLUMNS: &str = "id, source, by, began, ended, attestation";
const MARK: &str = "kind, id, import, said, kept, at";

fn read(row: &Row<'_>) -> rusqlite::Result<Import> {
    Ok(Import {
        id: row.get(0)?,
        source: row.get(1)?,
        by: row.get(2)?,
        began: row.get(3)?,
        ended: row.get(4)?,
        attestation: row.get(5)?,
    })
}

fn read_mark(row: &Row<'_>) -> rusqlite::Result<Mark> {
    Ok(Mark {
        kind: row.get(0)?,
        id: row.get(1)?,
        import: row.get(2)?,
        said: Digest(row.get(3)?),
        kept: row.get::<_, Option<[u8; 32]>>(4)?.map(Digest),
        at: row.get(5)?,
    })
}

impl View<'_> {
    /// Returns an import.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn import(&self, id: &str) -> Done<Option<Import>> {
        let sql = format!("SELECT {COLUMNS} FROM import WHERE id = ?1");
        Ok(self.0.prepare_cached(&sql)?.query_row([id], read).optional()?)
    }

    /// Returns the import of a person from a source that is not over, if there is one.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn open_import(&self, source: &str, by: &str) -> Done<Option<Import>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM import WHERE source = ?1 AND by = ?2 AND ended IS NULL ORDER BY began DESC LIMIT 1"
        );
        Ok(self.0.prepare_cached(&sql)?.query_row([source, by], read).optional()?)
    }

    /// Returns imports, the latest first.
    ///
    /// - `limit`: how many at most.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn imports(&self, limit: u64) -> Done<Vec<Import>> {
        let sql = format!("SELECT {COLUMNS} FROM import ORDER BY began DESC, id LIMIT ?1");
        let mut query = self.0.prepare_cached(&sql)?;
        let rows = query.query_map([as_i64(limit)], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns what is known of a thing that was taken over; nothing of one that was made here.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn imported(&self, kind: &str, id: &str) -> Done<Option<Mark>> {
        let sql = format!("SELECT {MARK} FROM imported WHERE kind = ?1 AND id = ?2");
        Ok(self.0.prepare_cached(&sql)?.query_row([kind, id], read_mark).optional()?)
    }

    /// Hands over everything that an import took and that is wholly here, by kind and id.
    ///
    /// # Errors
    ///
    /// What the file says; a mark without what was kept.
    pub fn each_imported(&self, import: &str, mut take: impl FnMut(Mark, Digest)) -> Done<()> {
        let sql = format!("SELECT {MARK} FROM imported WHERE import = ?1 AND kept IS NOT NULL ORDER BY kind, id");
        let mut query = self.0.prepare_cached(&sql)?;
        for mark in query.query_map([import], read_mark)? {
            let mark = mark?;
            let missing = || rusqlite::Error::InvalidColumnType(4, "kept".to_owned(), Type::Null);
            let kept = mark.kept.ok_or_else(missing)?;
            take(mark, kept);
        }
        Ok(())
    }

    /// Counts what an import took and is not wholly here yet.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn half_imported(&self, import: &str) -> Done<i64> {
        let sql = "SELECT count(*) FROM imported WHERE import = ?1 AND kept IS NULL";
        Ok(self.0.prepare_cached(sql)?.query_row([import], |row| row.get(0))?)
    }

    /// Says whether nothing belongs to an experiment: no run, no logged model and no trace.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn is_experiment_empty(&self, id: i64) -> Done<bool> {
        let sql = "SELECT NOT EXISTS (SELECT 1 FROM run WHERE experiment = ?1) \
                   AND NOT EXISTS (SELECT 1 FROM logged_model WHERE experiment = ?1) \
                   AND NOT EXISTS (SELECT 1 FROM trace WHERE experiment = ?1)";
        Ok(self.0.prepare_cached(sql)?.query_row([id], |row| row.get(0))?)
    }

    /// Counts the points of a run's metrics.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn count_points(&self, run: i64) -> Done<i64> {
        let sql = "SELECT count(*) FROM series s JOIN point p ON p.series = s.id WHERE s.run = ?1";
        Ok(self.0.prepare_cached(sql)?.query_row([run], |row| row.get(0))?)
    }

    /// Says whether a version was taken over, under any name that its model had, and neither moved nor deployed by a decision since.
    ///
    /// - `model`: the place of its model.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn is_only_imported(&self, model: i64, number: i64) -> Done<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM imported i WHERE i.kind = 'model-version' AND i.id IN \
                   (SELECT m.name || '/' || ?2 FROM model_move m WHERE m.model = ?1)) \
                   AND NOT EXISTS (SELECT 1 FROM model_move m WHERE m.model = ?1 AND m.action IS NOT NULL AND \
                   ((m.kind IN ('alias-moved', 'deployment-moved') AND m.after = CAST(?2 AS TEXT)) \
                   OR (m.kind = 'stage-moved' AND m.number = ?2)))";
        Ok(self.0.prepare_cached(sql)?.query_row([model, number], |row| row.get(0))?)
    }

    /// Says whether a version of a model has a number, or had it.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn has_number(&self, model: i64, number: i64) -> Done<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM model_version WHERE model = ?1 AND number = ?2)";
        Ok(self.0.prepare_cached(sql)?.query_row([model, number], |row| row.get(0))?)
    }

    /// Says whether a run has this very point.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn has_point(&self, run: i64, metric: &Metric) -> Done<bool> {
        let (value, nan) = metric.kept();
        let sql = "SELECT EXISTS (SELECT 1 FROM series s JOIN point p ON p.series = s.id WHERE s.run = ?1 AND s.key = ?2 \
                   AND p.at = ?3 AND p.step = ?4 AND p.value = ?5 AND p.nan = ?6)";
        let mut query = self.0.prepare_cached(sql)?;
        Ok(query.query_row(params![run, metric.key, metric.at, metric.step, value, nan], |row| row.get(0))?)
    }
}

impl Change<'_> {
    /// Adds an import.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn add_import(&self, import: &Import) -> Done<()> {
        let sql = format!("INSERT INTO import ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
        let Import { id, source, by, began, ended, attestation } = import;
        self.0.0.prepare_cached(&sql)?.execute(params![id, source, by, began, ended, attestation])?;
        Ok(())
    }

    /// Says that an import is over.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn end_import(&self, id: &str, at: i64, attestation: Option<i64>) -> Done<()> {
        let sql = "UPDATE import SET ended = ?2, attestation = ?3 WHERE id = ?1 AND ended IS NULL";
        self.0.0.prepare_cached(sql)?.execute(params![id, at, attestation])?;
        Ok(())
    }

    /// Notes that a thing comes with an import; one that came with another, and is not wholly here, comes with this one now.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn mark_imported(&self, mark: &Mark) -> Done<()> {
        let sql = "INSERT INTO imported (kind, id, import, said, kept, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
                   ON CONFLICT (kind, id) DO UPDATE SET import = excluded.import, kept = excluded.kept WHERE kept IS NULL";
        let Mark { kind, id, import, said, kept, at } = mark;
        self.0.0.prepare_cached(sql)?.execute(params![kind, id, import, said.0, kept.map(|kept| kept.0), at])?;
        Ok(())
    }

    /// Lets an experiment that nothing belongs to be as another server had it.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn adopt_experiment(&self, id: i64, location: &str, created: i64) -> Done<()> {
        let sql = "UPDATE experiment SET location = ?2, created = ?3 WHERE id = ?1";
        self.0.0.prepare_cached(sql)?.execute(params![id, location, created])?;
        Ok(())
    }
}
