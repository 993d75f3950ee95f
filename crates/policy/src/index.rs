//! The scope index: which policies can apply at all to one asker and one action.
//!
//! Cedar looks at every policy for every request. Most name another principal or action in their scope and
//! cost time for nothing, so the few that remain for a pair of asker and action are looked up once and kept.
//! Leaving a policy out never changes an answer, because its condition begins with the very scope that does not
//! hold; and of one that is left in, that part of the condition is known to hold.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use cedar_policy::{ActionConstraint, Effect, Policy, PrincipalConstraint};
use cedar_policy_core::ast::{self, Entity, EntityType, EntityUID, Expr, ResourceConstraint};
use cedar_policy_core::entities::{Entities, Schema as _, TCComputation};
use cedar_policy_core::extensions::Extensions;
use cedar_policy_core::validator::{CoreSchema, ValidatorSchema};
use types::{ObligationId, PolicyId, ProfileId};

use crate::actions::Action;
use crate::entities::{Asker, Askers};
use crate::policies::Source;
use crate::reads::Reads;

// A pair costs some kilobytes; beyond this many, all are forgotten and looked up again as needed.
const PAIRS_MAX: usize = 8_192;

/// Is one policy, ready to be evaluated.
#[derive(Debug)]
pub(crate) struct Compiled {
    /// Its `@id`.
    pub(crate) id: PolicyId,
    /// It permits; otherwise it forbids.
    pub(crate) permits: bool,
    /// Its resource scope and conditions as one expression; principal and action are the index's business.
    pub(crate) condition: Expr,
    /// Why, for people.
    pub(crate) reason: Option<String>,
    /// The profiles that must approve what it permits.
    pub(crate) escalate: Vec<ProfileId>,
    /// What must happen besides what it permits.
    pub(crate) obligations: Vec<ObligationId>,
    /// What it reads of the arguments.
    pub(crate) reads: Reads,
    principal: PrincipalScope,
    action: ActionScope,
    entities: Vec<Arc<Entity>>,
}

impl Compiled {
    /// Prepares a policy; the entities its text names come along with it.
    pub(crate) fn new(source: Source, askers: &Askers, schema: &ValidatorSchema) -> Self {
        let policy = &source.policy;
        let core = CoreSchema::new(schema);
        let literals = policy.entity_literals();
        let named = literals.iter().flat_map(|literal| {
            let uid: &EntityUID = literal.as_ref();
            askers.named(uid).into_iter().chain(core.action(uid))
        });
        let condition = condition(policy);
        Self {
            id: policy.id().to_string(),
            permits: policy.effect() == Effect::Permit,
            reads: Reads::of(&condition),
            condition,
            principal: PrincipalScope::of(policy.principal_constraint()),
            action: ActionScope::of(policy.action_constraint()),
            entities: named.collect(),
            reason: source.reason,
            escalate: source.escalate,
            obligations: source.obligations,
        }
    }

    /// Says whether its scope has an action.
    pub(crate) fn covers(&self, action: &Action) -> bool {
        self.action.holds(action)
    }

    fn can_apply(&self, asker: &Asker, action: &Action) -> bool {
        self.covers(action) && self.principal.holds(asker)
    }
}

/// Returns what is left of a policy to evaluate once its principal and its action are known to match.
///
/// The detour over Cedar's JSON form drops the places in the text, which evaluation would carry along
/// through every step, and which a bundle reports when it is loaded and never after.
fn condition(policy: &Policy) -> Expr {
    let placeless = policy.to_json().ok().and_then(|json| Policy::from_json(Some(policy.id().clone()), json).ok());
    let policy: &ast::Policy = placeless.as_ref().unwrap_or(policy).as_ref();
    let conditions = policy.non_scope_constraints().cloned().unwrap_or_else(|| Expr::val(true));
    match policy.resource_constraint() {
        any if any == ResourceConstraint::any() => conditions,
        constraint => Expr::and(constraint.as_expr(), conditions),
    }
}

#[derive(Debug)]
enum PrincipalScope {
    Any,
    Is(EntityType),
    Eq(EntityUID),
    In(Option<EntityType>, EntityUID),
}

impl PrincipalScope {
    fn of(constraint: PrincipalConstraint) -> Self {
        match constraint {
            PrincipalConstraint::Any => Self::Any,
            PrincipalConstraint::Is(ty) => Self::Is(ty.as_ref().clone()),
            PrincipalConstraint::Eq(uid) => Self::Eq(uid.as_ref().clone()),
            PrincipalConstraint::In(uid) => Self::In(None, uid.as_ref().clone()),
            PrincipalConstraint::IsIn(ty, uid) => Self::In(Some(ty.as_ref().clone()), uid.as_ref().clone()),
        }
    }

    fn holds(&self, asker: &Asker) -> bool {
        let of_type = |ty: &EntityType| asker.entity.uid().entity_type() == ty;
        match self {
            Self::Any => true,
            Self::Is(ty) => of_type(ty),
            Self::Eq(uid) => asker.entity.uid() == uid,
            Self::In(ty, uid) => ty.as_ref().is_none_or(of_type) && asker.is_in(uid),
        }
    }
}

#[derive(Debug)]
enum ActionScope {
    Any,
    Eq(EntityUID),
    In(Vec<EntityUID>),
}

impl ActionScope {
    fn of(constraint: ActionConstraint) -> Self {
        match constraint {
            ActionConstraint::Any => Self::Any,
            ActionConstraint::Eq(uid) => Self::Eq(uid.as_ref().clone()),
            ActionConstraint::In(uids) => Self::In(uids.iter().map(|uid| uid.as_ref().clone()).collect()),
        }
    }

    fn holds(&self, action: &Action) -> bool {
        match self {
            Self::Any => true,
            Self::Eq(uid) => action.entity.uid() == uid,
            Self::In(uids) => uids.iter().any(|uid| action.is_in(uid)),
        }
    }
}

/// Is what one asker and one action need: the policies that can apply, and the entities they read.
#[derive(Debug)]
pub(crate) struct Candidates {
    /// The policies, in order of id.
    pub(crate) policies: Vec<Arc<Compiled>>,
    /// The asker, the action, the server and what the policies name; `None` if they contradict each other.
    pub(crate) entities: Option<Entities>,
}

/// Finds the candidates of a pair, and keeps them.
#[derive(Debug, Default)]
pub(crate) struct Index {
    policies: Vec<Arc<Compiled>>,
    pairs: RwLock<HashMap<(u32, u32), Arc<Candidates>>>,
}

impl Index {
    /// Builds the index over policies in order of id.
    pub(crate) fn new(policies: Vec<Compiled>) -> Self {
        Self { policies: policies.into_iter().map(Arc::new).collect(), pairs: RwLock::default() }
    }

    /// Returns the ids of the policies that permit something, in order.
    pub(crate) fn permits(&self) -> impl Iterator<Item = &str> {
        self.policies.iter().filter(|policy| policy.permits).map(|policy| policy.id.as_str())
    }

    /// Returns the candidates of an asker and an action.
    pub(crate) fn candidates(&self, asker: &Asker, action: &Action) -> Arc<Candidates> {
        let pair = (asker.key, action.key);
        // The map is whole at every moment, so a lock poisoned by a panic elsewhere is good to use.
        let known = self.pairs.read().unwrap_or_else(PoisonError::into_inner).get(&pair).cloned();
        known.unwrap_or_else(|| {
            let found = Arc::new(self.find(asker, action));
            let mut pairs = self.pairs.write().unwrap_or_else(PoisonError::into_inner);
            if pairs.len() >= PAIRS_MAX {
                pairs.clear();
            }
            pairs.insert(pair, Arc::clone(&found));
            found
        })
    }

    fn find(&self, asker: &Asker, action: &Action) -> Candidates {
        let policies: Vec<_> = self.policies.iter().filter(|policy| policy.can_apply(asker, action)).cloned().collect();
        let named = policies.iter().flat_map(|policy| policy.entities.iter());
        let own = [&asker.entity, &action.entity, &action.server].into_iter().chain(&asker.owner);
        let all: HashMap<&EntityUID, &Arc<Entity>> = own.chain(named).map(|entity| (entity.uid(), entity)).collect();
        let entities = Entities::new().add_entities(
            all.into_values().cloned(),
            None::<&CoreSchema<'_>>,
            TCComputation::AssumeAlreadyComputed,
            Extensions::all_available(),
        );
        Candidates { policies, entities: entities.ok() }
    }
}
