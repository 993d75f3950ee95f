//! Moves of aliases and stages, and their history: who moved what, from where to where, and when.
//!
//! An alias is moved by [`move_alias`] alone, and a stage by [`move_stage`] alone, each with who moves it. A move and its note are one
//! change of the file, so that neither is there without the other.

use std::cell::Cell;

use models::names::Stage as VersionStage;
use store::tracking::{Change, ModelMove, ModelVersion, MoveKind, NewMove, RegisteredModel, TrackingError};
use types::{ActionId, Code};

use super::webhook_events::Teller;
use super::{Answer, Tracking};
use crate::control::Control;
use crate::door::Refusal;
use crate::error::Failure;
use crate::keys::Holder;

/// Is how many moves are returned at most.
pub const MOVES_MAX: u64 = 1_000;

/// Is who moves something, and when.
#[derive(Debug)]
pub(super) struct Mover {
    by: String,
    on_behalf_of: Option<String>,
    /// Is the action that the move was decided as.
    action: Option<String>,
    pub(super) at: i64,
    /// Counts what was noted.
    noted: Cell<usize>,
    /// Tells webhooks of it.
    pub(super) teller: Teller,
}

/// Is what a move is about, without who makes it.
#[derive(Default)]
pub(super) struct About<'a> {
    pub(super) number: Option<i64>,
    pub(super) alias: Option<&'a str>,
    pub(super) before: Option<&'a str>,
    pub(super) after: Option<&'a str>,
}

impl Mover {
    /// Notes a move of a model, by its place and the name it has from then on.
    pub(super) fn note(&self, change: &Change<'_>, kind: MoveKind, of: (i64, &str), about: About<'_>) -> Answer<()> {
        let (model, name) = of;
        let About { number, alias, before, after } = about;
        let (at, by, on_behalf_of) = (self.at, self.by.as_str(), self.on_behalf_of.as_deref());
        let action = self.action.as_deref();
        change.note_move(NewMove { at, by, on_behalf_of, model, name, kind, number, alias, before, after, action })?;
        self.noted.set(self.noted.get().saturating_add(1));
        Ok(())
    }

    /// Returns who moves, with their kind in front.
    pub(super) fn by(&self) -> &str {
        &self.by
    }

    /// Says whether anything was moved so far.
    pub(super) fn has_moved(&self) -> bool {
        self.noted.get() > 0
    }
}

/// Lets an alias name another version, or nothing any more. What it names already stays, and is no move.
pub(super) fn move_alias(
    change: &Change<'_>,
    mover: &Mover,
    model: &RegisteredModel,
    alias: &str,
    to: Option<i64>,
) -> Answer<()> {
    let from = change.alias(model.seq, alias)?;
    if from == to {
        return Ok(());
    }
    change.point_alias(model.seq, alias, to)?;
    let [before, after] = [from, to].map(|number| number.map(|number| number.to_string()));
    let about = About { number: None, alias: Some(alias), before: before.as_deref(), after: after.as_deref() };
    mover.note(change, MoveKind::AliasMoved, (model.seq, &model.name), about)
}

/// Puts a version into a stage. The stage that it is in already is no move, though it counts as a change of the version.
pub(super) fn move_stage(change: &Change<'_>, mover: &Mover, version: &ModelVersion, to: VersionStage) -> Answer<()> {
    change.stage_model_version(version.seq, to, mover.at)?;
    if version.stage == to {
        return Ok(());
    }
    let (before, after) = (Some(version.stage.name()), Some(to.name()));
    let about = About { number: Some(version.number), before, after, ..About::default() };
    mover.note(change, MoveKind::StageMoved, (version.model, &version.name), about)
}

impl Tracking {
    /// Says who moves something now.
    ///
    /// - `action`: what it was decided as, if it was.
    pub(super) fn mover(&self, who: &Holder, action: Option<ActionId>) -> Mover {
        let on_behalf_of = who.on_behalf_of.as_ref().map(ToString::to_string);
        let action = action.map(|action| action.to_string());
        Mover {
            by: who.principal.subject(),
            on_behalf_of,
            action,
            at: self.now(),
            noted: Cell::new(0),
            teller: self.teller(),
        }
    }
}

impl Control {
    /// Returns what was moved of every model that ever had a name, the oldest first.
    ///
    /// - `after`: the place behind which it begins, 0 for the beginning.
    /// - `limit`: how many at most, and [`MOVES_MAX`] at most.
    ///
    /// # Errors
    ///
    /// `not-found` for a name that no model ever had; `file-unusable` if its file cannot be used.
    pub fn model_history(&self, name: &str, after: i64, limit: u64) -> Failure<Vec<ModelMove>> {
        let kept = &self.tracking()?.kept;
        let read = kept.view(|view| {
            let is_known = !view.model_history(name, 0, 1)?.is_empty();
            let moves = view.model_history(name, after, limit.min(MOVES_MAX))?;
            Ok::<_, TrackingError>(is_known.then_some(moves))
        });
        let unusable = |error: TrackingError| Refusal::plain(error.code(), error.to_string());
        let unknown = || Refusal::plain(Code::NotFound, "no registered model ever had that name");
        read.map_err(unusable)?.ok_or_else(unknown)
    }
}
