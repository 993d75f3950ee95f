//! Where aliases, stages and deployments stand, beside the move that led them there: read page by page, to be held against decisions.

use rusqlite::{OptionalExtension as _, Row, params};

use super::model_history::{COLUMNS, read as read_move};
use super::{Done, ModelMove, MoveKind, View};
use crate::writer::as_i64;

/// Is where an alias, a stage or a deployment stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// The place of the model.
    pub model: i64,
    /// The model's name.
    pub name: String,
    /// The alias, the target, or the version's number.
    pub of: String,
    /// The version's number, or the stage; nothing if it stands nowhere.
    pub stands: Option<String>,
    /// The last move of it, if the history knows one.
    pub last: Option<i64>,
}

/// Says behind what a page begins: the place of a model, and what stands there in its order.
pub type After = (i64, String);

fn read(row: &Row<'_>) -> rusqlite::Result<Placement> {
    Ok(Placement { model: row.get(0)?, name: row.get(1)?, of: row.get(2)?, stands: row.get(3)?, last: row.get(4)? })
}

/// Returns how a page of what stands somewhere is read.
fn standing(kind: MoveKind) -> Option<&'static str> {
    Some(match kind {
        MoveKind::AliasMoved => {
            "SELECT a.model, m.name, a.alias, CAST(a.number AS TEXT), (SELECT max(v.seq) FROM model_move v \
             WHERE v.kind = 'alias-moved' AND v.model = a.model AND v.alias = a.alias) \
             FROM model_alias a JOIN registered_model m ON m.seq = a.model \
             WHERE (a.model, a.alias) > (?1, ?2) ORDER BY a.model, a.alias LIMIT ?3"
        }
        MoveKind::DeploymentMoved => {
            "SELECT a.model, m.name, a.target, CAST(a.number AS TEXT), (SELECT max(v.seq) FROM model_move v \
             WHERE v.kind = 'deployment-moved' AND v.model = a.model AND v.alias = a.target) \
             FROM deployment a JOIN registered_model m ON m.seq = a.model \
             WHERE (a.model, a.target) > (?1, ?2) ORDER BY a.model, a.target LIMIT ?3"
        }
        MoveKind::StageMoved => {
            "SELECT a.model, m.name, CAST(a.number AS TEXT), a.stage, (SELECT max(v.seq) FROM model_move v \
             WHERE v.kind = 'stage-moved' AND v.model = a.model AND v.number = a.number) \
             FROM model_version a JOIN registered_model m ON m.seq = a.model \
             WHERE a.deleted = 0 AND a.stage <> 'None' AND (a.model, a.number) > (?1, CAST(?2 AS INTEGER)) \
             ORDER BY a.model, a.number LIMIT ?3"
        }
        _ => return None,
    })
}

/// Returns how is found what the history leads somewhere and stands nowhere.
fn gone(kind: MoveKind) -> Option<&'static str> {
    Some(match kind {
        MoveKind::AliasMoved => {
            "SELECT v.model, m.name, v.alias, NULL, v.seq FROM model_move v JOIN registered_model m ON m.seq = v.model \
             WHERE v.kind = 'alias-moved' AND v.after IS NOT NULL AND v.seq > ?1 \
             AND NOT EXISTS (SELECT 1 FROM model_alias a WHERE a.model = v.model AND a.alias = v.alias) \
             AND NOT EXISTS (SELECT 1 FROM model_move w WHERE w.kind = v.kind AND w.model = v.model \
                             AND w.alias = v.alias AND w.seq > v.seq) ORDER BY v.seq LIMIT ?2"
        }
        MoveKind::DeploymentMoved => {
            "SELECT v.model, m.name, v.alias, NULL, v.seq FROM model_move v JOIN registered_model m ON m.seq = v.model \
             WHERE v.kind = 'deployment-moved' AND v.after IS NOT NULL AND v.seq > ?1 \
             AND NOT EXISTS (SELECT 1 FROM deployment a WHERE a.model = v.model AND a.target = v.alias) \
             AND NOT EXISTS (SELECT 1 FROM model_move w WHERE w.kind = v.kind AND w.model = v.model \
                             AND w.alias = v.alias AND w.seq > v.seq) ORDER BY v.seq LIMIT ?2"
        }
        MoveKind::StageMoved => {
            "SELECT v.model, m.name, CAST(v.number AS TEXT), NULL, v.seq FROM model_move v \
             JOIN registered_model m ON m.seq = v.model \
             JOIN model_version a ON a.model = v.model AND a.number = v.number \
             WHERE v.kind = 'stage-moved' AND v.after <> 'None' AND v.seq > ?1 AND a.deleted = 0 AND a.stage = 'None' \
             AND NOT EXISTS (SELECT 1 FROM model_move w WHERE w.kind = v.kind AND w.model = v.model \
                             AND w.number = v.number AND w.seq > v.seq) ORDER BY v.seq LIMIT ?2"
        }
        _ => return None,
    })
}

impl View<'_> {
    /// Returns what stands somewhere, in order; nothing for a kind that no alias, stage or deployment is moved by.
    ///
    /// - `after`: where the page begins.
    /// - `limit`: how many at most.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn placements(&self, kind: MoveKind, after: &After, limit: u64) -> Done<Vec<Placement>> {
        let Some(sql) = standing(kind) else { return Ok(Vec::new()) };
        let mut query = self.0.prepare_cached(sql)?;
        let rows = query.query_map(params![after.0, after.1, as_i64(limit)], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns what stands nowhere though its last move led somewhere, by that move.
    ///
    /// - `after`: the move behind which the page begins.
    /// - `limit`: how many at most.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn placements_gone(&self, kind: MoveKind, after: i64, limit: u64) -> Done<Vec<Placement>> {
        let Some(sql) = gone(kind) else { return Ok(Vec::new()) };
        let mut query = self.0.prepare_cached(sql)?;
        let rows = query.query_map(params![after, as_i64(limit)], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns the last move of an alias or a deployment, if there is one.
    ///
    /// - `kind`: [`MoveKind::AliasMoved`] or [`MoveKind::DeploymentMoved`].
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn last_move_of(&self, kind: MoveKind, model: i64, name: &str) -> Done<Option<ModelMove>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM model_move WHERE kind = ?1 AND model = ?2 AND alias = ?3 ORDER BY seq DESC LIMIT 1"
        );
        Ok(self.0.prepare_cached(&sql)?.query_row(params![kind, model, name], read_move).optional()?)
    }

    /// Returns a move by its place.
    ///
    /// # Errors
    ///
    /// What the file says.
    pub fn model_move(&self, seq: i64) -> Done<Option<ModelMove>> {
        let sql = format!("SELECT {COLUMNS} FROM model_move WHERE seq = ?1");
        Ok(self.0.prepare_cached(&sql)?.query_row([seq], read_move).optional()?)
    }
}
