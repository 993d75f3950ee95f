//! One rung: every candidate policy evaluated against one request.

use std::collections::HashMap;
use std::sync::Arc;

use cedar_policy_core::ast::{Literal, Request, ValueKind};
use cedar_policy_core::entities::Entities;
use cedar_policy_core::evaluator::Evaluator;
use cedar_policy_core::extensions::Extensions;

use crate::index::Compiled;

/// Is what the policies say at one rung.
#[derive(Debug, Default)]
pub(super) struct Rung {
    satisfied: Vec<Arc<Compiled>>,
    /// The policies that could not be evaluated, and why.
    pub(super) errors: Vec<(Arc<Compiled>, String)>,
}

impl Rung {
    /// Evaluates all policies; they must not depend on each other, and none is skipped after another.
    pub(super) fn new(request: Request, entities: &Entities, policies: &[Arc<Compiled>]) -> Self {
        let evaluator = Evaluator::new(request, entities, Extensions::all_available());
        let slots = HashMap::new();
        let mut rung = Self::default();
        for policy in policies {
            match evaluator.interpret(&policy.condition, &slots).map(|value| value.value) {
                Ok(ValueKind::Lit(Literal::Bool(true))) => rung.satisfied.push(Arc::clone(policy)),
                Ok(ValueKind::Lit(Literal::Bool(false))) => {}
                Ok(_) => rung.errors.push((Arc::clone(policy), "its condition is neither true nor false".to_owned())),
                Err(error) => rung.errors.push((Arc::clone(policy), error.to_string())),
            }
        }
        rung
    }

    /// Says whether a permit holds and no forbid does.
    pub(super) fn permitted(&self) -> bool {
        self.permits().next().is_some() && self.forbids().next().is_none()
    }

    /// Returns the permits that hold, in order of id.
    pub(super) fn permits(&self) -> impl Iterator<Item = &Compiled> {
        self.satisfied.iter().map(Arc::as_ref).filter(|policy| policy.permits)
    }

    /// Returns the forbids that hold, in order of id.
    pub(super) fn forbids(&self) -> impl Iterator<Item = &Compiled> {
        self.satisfied.iter().map(Arc::as_ref).filter(|policy| !policy.permits)
    }
}
