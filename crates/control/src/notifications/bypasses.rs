//! What changed systems around the road: told once for each look that found something.

use evidence::{Content, Field, Leaf, RecordKind};
use notify::event::{Body, BypassTold};
use types::reconciliation::Reconciliation;

/// Says by what stands in the open whether a record is of a look that found something.
pub(super) fn is_bypass(leaf: &Leaf) -> bool {
    leaf.kind == RecordKind::Reconciliation && leaf.status == Some(1)
}

/// Says what a look found.
pub(super) fn bypass_told(content: &Content) -> Option<Body> {
    let held: Reconciliation = content.get(Field::Body).ok().flatten()?;
    let first = held.found.first()?;
    Some(Body::Bypass(BypassTold {
        server: held.server.to_string(),
        found: held.found.len() as u64,
        gap: first.gap.as_str().to_owned(),
        by: first.by.clone(),
        what: first.what.clone(),
    }))
}
