//! Sagas: those that are under way, and the last few of each agent that are over.

use types::saga::{Saga, SagaState};
use types::{ActionId, AgentId, CheckId, Principal, SessionId};

use super::FoldError;
use super::books::Books;
use super::leaving::Leaving;
use super::ops::Ops;
use crate::state::kind;

/// Is how many sagas of each agent that are over are kept.
pub const KEPT: usize = 100;

/// Is how many sagas of one agent may be under way; one more is refused.
pub const OPEN_MAX: usize = 16;

impl Books {
    /// Takes how a saga stands from here on.
    ///
    /// # Errors
    ///
    /// [`FoldError::NoSaga`] if that cannot follow upon how it stood.
    pub(super) fn saga_stands(&mut self, saga: Saga, ops: &mut Ops) -> Result<(), FoldError> {
        let follows = match self.sagas.get(&saga.session) {
            Some(before) => before.state.leads_to(saga.state),
            None => saga.state == SagaState::Asked,
        };
        if !follows {
            return Err(FoldError::NoSaga(saga.session));
        }
        ops.put(kind::SAGA, saga.session.to_string(), &saga);
        let (agent, is_end) = (saga.agent.clone(), saga.state.is_end());
        self.sagas.insert(saga.session, saga);
        if is_end {
            self.forget_oldest_saga(&agent, ops);
        }
        Ok(())
    }

    /// Forgets the saga of an agent that is over for longest, if too many are kept.
    fn forget_oldest_saga(&mut self, agent: &AgentId, ops: &mut Ops) {
        let over = || self.sagas.values().filter(|saga| saga.agent == *agent && saga.state.is_end());
        if over().count() <= KEPT {
            return;
        }
        let oldest: Option<SessionId> = over().min_by_key(|saga| (saga.since, saga.session)).map(|saga| saga.session);
        if let Some(oldest) = oldest {
            ops.delete(kind::SAGA, oldest.to_string());
            self.sagas.remove(&oldest);
        }
    }

    /// Returns the check that a saga names for the step that an action is.
    pub(super) fn check_of_step(&self, action: &ActionId) -> Option<&CheckId> {
        let mut running = self.sagas.values().filter(|saga| saga.state == SagaState::Running);
        running.find_map(|saga| saga.steps.get(saga.step_of(action)?))?.check.as_ref()
    }

    /// Forgets the sagas that are about a subject.
    pub(super) fn forget_sagas(&mut self, leaving: &Leaving<'_>, ops: &mut Ops) {
        let goes = |saga: &Saga| {
            let of = Principal::Agent(saga.agent.clone());
            leaving.did(&of, saga.on_behalf_of.as_ref()) || saga.actions().any(|action| leaving.has(&action))
        };
        for saga in self.sagas.values().filter(|saga| goes(saga)) {
            ops.delete(kind::SAGA, saga.session.to_string());
        }
        self.sagas.retain(|_, saga| !goes(saga));
    }
}
