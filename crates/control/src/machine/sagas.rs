//! Sagas: taken on, gone on, turned back and ended, each with a record that says how they stand from there on.

use evidence::{Content, Field, RecordKind};
use ledger::{Draft, Turn};
use replay::fold::{Event, SAGAS_MAX};
use types::saga::{Saga, SagaState};
use types::{ActionId, Arguments, Claims, Code, Principal, SessionId};

use super::{Changes, Decider, Reply};

/// Is what becomes of a saga.
#[derive(Debug)]
pub enum SagaMove {
    /// It is taken on.
    Begin {
        /// As it stands then.
        saga: Box<Saga>,
        /// Its plan.
        plan: Arguments,
        /// What the agent says of itself.
        claims: Claims,
    },
    /// A step begins as an action, of which nothing is decided yet.
    Step {
        /// The saga.
        session: SessionId,
        /// The number of the step, from 0.
        step: usize,
        /// The action.
        action: ActionId,
    },
    /// It stands in another state from here on.
    Stand {
        /// The saga.
        session: SessionId,
        /// The state.
        state: SagaState,
        /// Why.
        why: Option<String>,
    },
}

impl Decider {
    /// Records what becomes of a saga.
    pub(super) fn saga(&mut self, what: SagaMove, turn: &mut Turn<'_>) -> Reply {
        match what {
            SagaMove::Begin { saga, plan, claims } => self.begin_saga(*saga, &plan, &claims, turn),
            SagaMove::Step { session, step, action } => self.begin_step(&session, step, action, turn),
            SagaMove::Stand { session, state, why } => self.stand_saga(&session, state, why.as_ref(), turn),
        }
    }

    fn begin_saga(&mut self, saga: Saga, plan: &Arguments, claims: &Claims, turn: &mut Turn<'_>) -> Reply {
        let own = || self.books.sagas().values().filter(|known| known.agent == saga.agent);
        if let Some(known) = own().find(|known| known.key.is_some() && known.key == saga.key) {
            return Reply::refused(Code::StateConflict, format!("it was begun before as {}", known.session));
        }
        if own().filter(|known| !known.state.is_end()).count() >= SAGAS_MAX {
            let message = format!("{SAGAS_MAX} sagas of `{}` are under way; wait until one is over", saga.agent);
            return Reply::refused(Code::StateConflict, message);
        }
        if !self.books.sessions().has(&saga.session) {
            return Reply::refused(Code::StateConflict, format!("session {} is closed", saga.session));
        }
        let saga = Saga { begun: turn.now, since: turn.now, state: SagaState::Asked, ..saga };
        let content = about(&saga).with(Field::Arguments, plan).with(Field::Claims, claims);
        self.record_saga(saga, content, None, turn);
        Reply::done()
    }

    fn begin_step(&mut self, session: &SessionId, step: usize, action: ActionId, turn: &mut Turn<'_>) -> Reply {
        let known = self.books.sagas().get(session).filter(|saga| saga.state.leads_to(SagaState::Running));
        let Some(saga) = known.filter(|saga| saga.may_begin(step)) else {
            return Reply::refused(Code::StateConflict, format!("step {step} of {session} cannot begin now"));
        };
        let mut saga = Saga { since: turn.now, state: SagaState::Running, ..saga.clone() };
        if let Some(begun) = saga.steps.get_mut(step) {
            begun.actions.push(action);
        }
        let content = about(&saga);
        self.record_saga(saga, content, Some(action), turn);
        Reply::done()
    }

    fn stand_saga(
        &mut self,
        session: &SessionId,
        state: SagaState,
        why: Option<&String>,
        turn: &mut Turn<'_>,
    ) -> Reply {
        let known = self.books.sagas().get(session).filter(|saga| saga.state.leads_to(state));
        let Some(saga) = known.filter(|_| state != SagaState::Running) else {
            return Reply::refused(Code::StateConflict, format!("{session} cannot be {} now", state.as_str()));
        };
        let saga = Saga { since: turn.now, state, ..saga.clone() };
        let content = about(&saga).with_some(Field::Error, why);
        self.record_saga(saga, content, None, turn);
        if state.is_end() && self.books.sessions().has(session) {
            self.close_session(*session, turn);
            return Reply::Done(Changes { ended: vec![*session], ..Changes::default() });
        }
        Reply::done()
    }

    fn record_saga(&mut self, saga: Saga, content: Content, action: Option<ActionId>, turn: &mut Turn<'_>) {
        let draft = Draft {
            action,
            // Its session may have been closed meanwhile, as with a log.
            session: Some(saga.session).filter(|session| self.books.sessions().has(session)),
            bundle: Some(self.bundle().digest()),
            status: Some(saga.state as u8),
            ..Draft::new(RecordKind::Saga, content.with(Field::Body, &saga))
        };
        self.append(draft, Event::Saga(Box::new(saga)), turn);
    }
}

fn about(saga: &Saga) -> Content {
    let agent = Principal::Agent(saga.agent.clone());
    let delegator = saga.on_behalf_of.clone().map(|person| Principal::Person(person).subject());
    Content::about(std::iter::once(agent.subject()).chain(delegator).collect()).with(Field::Principal, &agent)
}
