//! Seals: which models are finished, so that nothing below their address changes any more.

use rusqlite::{OptionalExtension as _, Row, params};
use types::Digest;

use super::artifacts::{ancestors, below};
use super::{Change, Done, View};
use crate::writer::{as_i64, as_u64};

/// Lets files of runs be sealed, which belong to no logged model.
pub(super) const OF_RUNS: &str = "
CREATE TABLE seal_of_any (
    place  TEXT PRIMARY KEY,
    model  TEXT NOT NULL UNIQUE,
    digest BLOB NOT NULL,
    files  INTEGER NOT NULL,
    bytes  INTEGER NOT NULL,
    at     INTEGER NOT NULL,
    by     TEXT NOT NULL,
    record INTEGER
) STRICT, WITHOUT ROWID;
INSERT INTO seal_of_any SELECT place, model, digest, files, bytes, at, by, record FROM seal;
DROP TABLE seal;
ALTER TABLE seal_of_any RENAME TO seal;
";

/// Is the seal of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    /// The model: the id of a logged one, or the address of a run's files that became a version.
    pub model: String,
    /// The folder that is sealed.
    pub place: String,
    /// The digest over all files in it.
    pub digest: Digest,
    /// How many files there are.
    pub files: u64,
    /// How many bytes they have together.
    pub bytes: u64,
    /// When it was sealed, in milliseconds since the epoch.
    pub at: i64,
    /// By whom, in the form of `types::Principal`.
    pub by: String,
    /// The index of the record that says so; absent until it is recorded.
    pub record: Option<u64>,
}

const COLUMNS: &str = "model, place, digest, files, bytes, at, by, record";

fn read(row: &Row<'_>) -> rusqlite::Result<Seal> {
    Ok(Seal {
        model: row.get(0)?,
        place: row.get(1)?,
        digest: Digest(row.get(2)?),
        files: as_u64(row.get(3)?),
        bytes: as_u64(row.get(4)?),
        at: row.get(5)?,
        by: row.get(6)?,
        record: row.get::<_, Option<i64>>(7)?.map(as_u64),
    })
}

impl View<'_> {
    /// Returns the seal of a model.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn seal(&self, model: &str) -> Done<Option<Seal>> {
        let sql = format!("SELECT {COLUMNS} FROM seal WHERE model = ?1");
        Ok(self.0.prepare_cached(&sql)?.query_row([model], read).optional()?)
    }

    /// Returns the seal that a path lies under, if it is in a sealed folder or is one.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn seal_over(&self, path: &str) -> Done<Option<Seal>> {
        let sql = format!("SELECT {COLUMNS} FROM seal WHERE place = ?1");
        let mut query = self.0.prepare_cached(&sql)?;
        for folder in ancestors(path) {
            if let Some(seal) = query.query_row([folder], read).optional()? {
                return Ok(Some(seal));
            }
        }
        Ok(None)
    }

    /// Returns a seal of a folder that is below a path.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn seal_within(&self, path: &str) -> Done<Option<Seal>> {
        let (from, to) = below(path);
        let sql = format!("SELECT {COLUMNS} FROM seal WHERE place > ?1 AND place < ?2 ORDER BY place LIMIT 1");
        Ok(self.0.prepare_cached(&sql)?.query_row([from, to], read).optional()?)
    }

    /// Returns the seals of models behind one, in order of id.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn seals(&self, after: &str, limit: u64) -> Done<Vec<Seal>> {
        let sql = format!("SELECT {COLUMNS} FROM seal WHERE model > ?1 ORDER BY model LIMIT ?2");
        let mut query = self.0.prepare_cached(&sql)?;
        let rows = query.query_map(params![after, as_i64(limit)], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns the seals that no record says anything of yet.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn unrecorded_seals(&self) -> Done<Vec<Seal>> {
        let sql = format!("SELECT {COLUMNS} FROM seal WHERE record IS NULL ORDER BY at, model");
        let mut query = self.0.prepare_cached(&sql)?;
        let rows = query.query_map([], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Change<'_> {
    /// Seals a model that is not sealed.
    ///
    /// # Errors
    ///
    /// What the file says; also if it is sealed.
    pub fn seal_model(&self, seal: &Seal) -> Done<()> {
        let Seal { model, place, digest, files, bytes, at, by, record } = seal;
        let sql = format!("INSERT INTO seal ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
        let record = record.map(as_i64);
        let mut insert = self.0.0.prepare_cached(&sql)?;
        insert.execute(params![model, place, digest.0, as_i64(*files), as_i64(*bytes), at, by, record])?;
        Ok(())
    }

    /// Notes which record says that a model is sealed.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn note_seal_recorded(&self, model: &str, record: u64) -> Done<()> {
        let sql = "UPDATE seal SET record = ?2 WHERE model = ?1";
        self.0.0.prepare_cached(sql)?.execute(params![model, as_i64(record)])?;
        Ok(())
    }
}
