//! Sagas that were taken back, or stand half done.

use evidence::{Content, Field, Leaf, RecordKind};
use notify::event::{Body, SagaTold};
use types::saga::{Saga, SagaState};

/// Says by what stands in the open whether a record of a saga has something to tell.
pub(super) fn is_told_saga(leaf: &Leaf) -> bool {
    let ended = [SagaState::TakenBack, SagaState::Half].map(|state| Some(state as u8));
    leaf.kind == RecordKind::Saga && ended.contains(&leaf.status)
}

/// Says what a record of a saga tells.
pub(super) fn saga_told(content: &Content) -> Option<Body> {
    let saga: Saga = content.get(Field::Body).ok().flatten()?;
    Some(Body::Saga(SagaTold {
        saga: saga.session,
        agent: format!("agent:{}", saga.agent),
        steps: saga.steps.len(),
        is_half: saga.state == SagaState::Half,
        why: content.get(Field::Error).ok().flatten(),
    }))
}
