//! Who moved what of registered models: added to, and never changed.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef};
use rusqlite::{OptionalExtension as _, Row, ToSql, params};

use super::{Change, Done, View};
use crate::writer::as_i64;

/// Lets a move say by which action it was made.
pub(super) const ACTION: &str = "ALTER TABLE model_move ADD COLUMN action TEXT;";

/// Says what was moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MoveKind {
    /// A model was made.
    ModelMade,
    /// A model was renamed, from one name to another.
    ModelRenamed,
    /// A model was deleted, with all of its versions.
    ModelDeleted,
    /// A version was made, from a source.
    VersionMade,
    /// A version was deleted, from a stage.
    VersionDeleted,
    /// A version was put from one stage into another.
    StageMoved,
    /// An alias was set, moved from one version to another, or deleted.
    AliasMoved,
    /// Another version, or none, is to run at a target, which stands where an alias does.
    DeploymentMoved,
}

impl MoveKind {
    /// Lists all of them.
    pub const ALL: [Self; 8] = [
        Self::ModelMade,
        Self::ModelRenamed,
        Self::ModelDeleted,
        Self::VersionMade,
        Self::VersionDeleted,
        Self::StageMoved,
        Self::AliasMoved,
        Self::DeploymentMoved,
    ];

    /// Returns how it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::ModelMade => "model-made",
            Self::ModelRenamed => "model-renamed",
            Self::ModelDeleted => "model-deleted",
            Self::VersionMade => "version-made",
            Self::VersionDeleted => "version-deleted",
            Self::StageMoved => "stage-moved",
            Self::AliasMoved => "alias-moved",
            Self::DeploymentMoved => "deployment-moved",
        }
    }
}

impl ToSql for MoveKind {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.name().into())
    }
}

impl FromSql for MoveKind {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let name = value.as_str()?;
        Self::ALL.into_iter().find(|kind| kind.name() == name).ok_or(FromSqlError::InvalidType)
    }
}

/// Is one move that is to be noted.
#[derive(Debug, Clone, Copy)]
pub struct NewMove<'a> {
    /// When, in milliseconds since the epoch.
    pub at: i64,
    /// Who, with their kind in front.
    pub by: &'a str,
    /// The person in whose name, if an agent did it.
    pub on_behalf_of: Option<&'a str>,
    /// The place of the model.
    pub model: i64,
    /// The model's name, from then on.
    pub name: &'a str,
    /// What was moved.
    pub kind: MoveKind,
    /// The version's number, where one version was moved.
    pub number: Option<i64>,
    /// The alias, or the target, where one was moved.
    pub alias: Option<&'a str>,
    /// What it was before; nothing, if there was nothing.
    pub before: Option<&'a str>,
    /// What it is from then on; nothing, if there is nothing.
    pub after: Option<&'a str>,
    /// The action that it was decided as, if it was one.
    pub action: Option<&'a str>,
}

/// Is one move that was noted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelMove {
    /// Its place among all moves.
    pub seq: i64,
    /// When, in milliseconds since the epoch.
    pub at: i64,
    /// Who, with their kind in front.
    pub by: String,
    /// The person in whose name.
    pub on_behalf_of: Option<String>,
    /// The place of the model; two models that had one name after another are told apart by it.
    pub model: i64,
    /// The model's name, from then on.
    pub name: String,
    /// What was moved.
    pub kind: MoveKind,
    /// The version's number.
    pub number: Option<i64>,
    /// The alias, or the target.
    pub alias: Option<String>,
    /// What it was before.
    pub before: Option<String>,
    /// What it is from then on.
    pub after: Option<String>,
    /// The action that it was decided as; none of what is no promotion, and of moves from before they were decided.
    pub action: Option<String>,
}

pub(super) const COLUMNS: &str = "seq, at, by, on_behalf_of, model, name, kind, number, alias, before, after, action";

pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<ModelMove> {
    Ok(ModelMove {
        seq: row.get(0)?,
        at: row.get(1)?,
        by: row.get(2)?,
        on_behalf_of: row.get(3)?,
        model: row.get(4)?,
        name: row.get(5)?,
        kind: row.get(6)?,
        number: row.get(7)?,
        alias: row.get(8)?,
        before: row.get(9)?,
        after: row.get(10)?,
        action: row.get(11)?,
    })
}

impl View<'_> {
    /// Returns the moves of every model that ever had a name, whatever it was called then, the oldest first.
    ///
    /// - `after`: the place behind which they begin.
    /// - `limit`: how many at most.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn model_history(&self, name: &str, after: i64, limit: u64) -> Done<Vec<ModelMove>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM model_move \
             WHERE model IN (SELECT model FROM model_move WHERE name = ?1) AND seq > ?2 ORDER BY seq LIMIT ?3"
        );
        let mut query = self.0.prepare_cached(&sql)?;
        let rows = query.query_map(params![name, after, as_i64(limit)], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns who made a version, with their kind in front; nobody, if it was made before moves were noted.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn maker_of_version(&self, model: i64, number: i64) -> Done<Option<String>> {
        let sql = "SELECT by FROM model_move WHERE model = ?1 AND kind = ?2 AND number = ?3 ORDER BY seq DESC LIMIT 1";
        let mut query = self.0.prepare_cached(sql)?;
        Ok(query.query_row(params![model, MoveKind::VersionMade, number], |row| row.get(0)).optional()?)
    }

    /// Returns the versions that an alias named, or that ran at a target, before others; the latest first.
    ///
    /// - `kind`: [`MoveKind::AliasMoved`] or [`MoveKind::DeploymentMoved`].
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn named_before(&self, model: i64, kind: MoveKind, alias: &str) -> Done<Vec<i64>> {
        let sql = "SELECT CAST(before AS INTEGER) FROM model_move \
                   WHERE model = ?1 AND kind = ?2 AND alias = ?3 AND before IS NOT NULL ORDER BY seq DESC";
        let mut query = self.0.prepare_cached(sql)?;
        let rows = query.query_map(params![model, kind, alias], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Change<'_> {
    /// Notes a move.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn note_move(&self, new: NewMove<'_>) -> Done<()> {
        let sql = "INSERT INTO model_move (at, by, on_behalf_of, model, name, kind, number, alias, before, after, action) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
        self.0.0.prepare_cached(sql)?.execute(params![
            new.at,
            new.by,
            new.on_behalf_of,
            new.model,
            new.name,
            new.kind,
            new.number,
            new.alias,
            new.before,
            new.after,
            new.action
        ])?;
        Ok(())
    }
}
