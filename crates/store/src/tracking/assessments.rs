//! What was judged of traces.

use rusqlite::{OptionalExtension as _, Row, params};

use super::{Change, Done, View};
use crate::writer::as_u64;

/// Is what was judged of a trace. Values, errors and metadata are texts of JSON.
#[derive(Debug, Clone, PartialEq)]
pub struct Assessment {
    /// Its id.
    pub id: String,
    /// What it is: `feedback`, `expectation` or `issue`.
    pub kind: String,
    /// What was judged.
    pub name: String,
    /// How.
    pub value: String,
    /// The value, where it is a finite number.
    pub number: Option<f64>,
    /// Why nothing could be judged.
    pub error: Option<String>,
    /// When it was made, in milliseconds since the epoch.
    pub created: i64,
    /// When it was last changed.
    pub updated: i64,
    /// What kind of judge it was.
    pub source_kind: String,
    /// Which judge.
    pub source: Option<String>,
    /// The span that is meant, if it is one.
    pub span: Option<String>,
    /// Why it was judged so.
    pub rationale: Option<String>,
    /// The assessment that this one takes the place of.
    pub overrides: Option<String>,
    /// Whether no other has taken its place.
    pub valid: bool,
    /// What else is known of it.
    pub metadata: Option<String>,
}

const COLUMNS: &str = "id, kind, name, value, number, error, created, updated, source_kind, source, span, rationale, \
                       overrides, valid, metadata";

fn read(row: &Row<'_>) -> rusqlite::Result<Assessment> {
    Ok(Assessment {
        id: row.get(0)?,
        kind: row.get(1)?,
        name: row.get(2)?,
        value: row.get(3)?,
        number: row.get(4)?,
        error: row.get(5)?,
        created: row.get(6)?,
        updated: row.get(7)?,
        source_kind: row.get(8)?,
        source: row.get(9)?,
        span: row.get(10)?,
        rationale: row.get(11)?,
        overrides: row.get(12)?,
        valid: row.get(13)?,
        metadata: row.get(14)?,
    })
}

impl View<'_> {
    /// Returns what was judged of a trace, in the order in which it was.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn assessments(&self, trace: i64) -> Done<Vec<Assessment>> {
        let sql = format!("SELECT {COLUMNS} FROM assessment WHERE trace = ?1 ORDER BY created, place");
        let mut query = self.0.prepare_cached(&sql)?;
        let rows = query.query_map([trace], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns how many assessments a trace has, and how many characters their texts have together.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn assessment_size(&self, trace: i64) -> Done<(u64, u64)> {
        let sql = "SELECT count(*), coalesce(sum(length(value) + coalesce(length(error), 0) + coalesce(length(rationale), 0) \
                   + coalesce(length(metadata), 0)), 0) FROM assessment WHERE trace = ?1";
        let read = |row: &Row<'_>| Ok((as_u64(row.get(0)?), as_u64(row.get(1)?)));
        Ok(self.0.prepare_cached(sql)?.query_row([trace], read)?)
    }

    /// Returns one assessment of a trace.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn assessment(&self, trace: i64, id: &str) -> Done<Option<Assessment>> {
        let sql = format!("SELECT {COLUMNS} FROM assessment WHERE trace = ?1 AND id = ?2");
        Ok(self.0.prepare_cached(&sql)?.query_row(params![trace, id], read).optional()?)
    }
}

impl Change<'_> {
    /// Adds an assessment of a trace; says whether its id was free.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn add_assessment(&self, trace: i64, new: &Assessment) -> Done<bool> {
        let sql = format!(
            "INSERT INTO assessment ({COLUMNS}, trace) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16) ON CONFLICT (id) DO NOTHING"
        );
        Ok(self.0.0.prepare_cached(&sql)?.execute(params![
            new.id,
            new.kind,
            new.name,
            new.value,
            new.number,
            new.error,
            new.created,
            new.updated,
            new.source_kind,
            new.source,
            new.span,
            new.rationale,
            new.overrides,
            new.valid,
            new.metadata,
            trace
        ])? == 1)
    }

    /// Sets what can change of an assessment: its name, value, error, rationale and metadata, and when that was.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn set_assessment(&self, trace: i64, changed: &Assessment) -> Done<()> {
        let sql = "UPDATE assessment SET name = ?3, value = ?4, number = ?5, error = ?6, updated = ?7, rationale = ?8, \
                   metadata = ?9 WHERE trace = ?1 AND id = ?2";
        let Assessment { id, name, value, number, error, updated, rationale, metadata, .. } = changed;
        let values = params![trace, id, name, value, number, error, updated, rationale, metadata];
        self.0.0.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }

    /// Says whether an assessment of a trace counts; returns whether there is one.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn validate_assessment(&self, trace: i64, id: &str, valid: bool) -> Done<bool> {
        let sql = "UPDATE assessment SET valid = ?3 WHERE trace = ?1 AND id = ?2";
        Ok(self.0.0.prepare_cached(sql)?.execute(params![trace, id, valid])? == 1)
    }

    /// Removes an assessment of a trace.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn remove_assessment(&self, trace: i64, id: &str) -> Done<()> {
        let sql = "DELETE FROM assessment WHERE trace = ?1 AND id = ?2";
        self.0.0.prepare_cached(sql)?.execute(params![trace, id])?;
        Ok(())
    }
}
