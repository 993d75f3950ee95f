//! Checks of actions that did not hold, and what came of taking actions back.

use evidence::{Content, Field, Leaf, RecordKind};
use notify::event::{Body, CheckTold, EventKind, TakenBackTold};
use types::check::{CONTAINED, Checked, Contained, Judgement};
use types::{Principal, ToolName};

/// Says by what stands in the open what a record of a check has to tell; one that held has nothing.
pub(super) fn check_kind(leaf: &Leaf) -> Option<EventKind> {
    match leaf.status {
        _ if leaf.kind != RecordKind::Check => None,
        Some(CONTAINED) => Some(EventKind::TakenBack),
        status if status == Some(Judgement::Held as u8) => None,
        _ => Some(EventKind::CheckEnded),
    }
}

/// Says what a record of a check tells.
pub(super) fn check_told(kind: EventKind, content: &Content) -> Option<Body> {
    let agent = content.get::<Principal>(Field::Principal).ok().flatten()?.subject();
    let tool: ToolName = content.get(Field::Tool).ok().flatten()?;
    if kind == EventKind::TakenBack {
        let contained: Contained = content.get(Field::Body).ok().flatten()?;
        let (action, check, error) = (contained.action, contained.check.to_string(), contained.error);
        return Some(Body::TakenBack(TakenBackTold { action, check, agent, tool, error }));
    }
    let checked: Checked = content.get(Field::Body).ok().flatten()?;
    Some(Body::Check(CheckTold {
        action: checked.action,
        check: checked.check.to_string(),
        agent,
        tool,
        judgement: checked.judgement.as_str(),
        undo: checked.undo,
        stop: checked.stop,
    }))
}
