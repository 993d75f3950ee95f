//! Sessions: opened, counted without a gap, closed with their counts, by their agent or by being idle.

use std::collections::BTreeMap;

use evidence::{Content, Field, RecordKind};
use ledger::{Draft, Turn};
use types::{AgentId, Code, Millis, Principal, Session, SessionId};

use super::due::Due;
use super::{Changes, Decider, Reply};
use crate::sessions::Brief;
use crate::state::kind;

/// Is how many sessions of one agent may be open; one more is refused.
pub const SESSIONS_MAX: usize = 1_000;

/// Is how long a session stays open in which nothing is recorded, in milliseconds of the journal's time: 24 hours.
pub const SESSION_IDLE_MS: i64 = 86_400_000;

/// Holds the open sessions.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    open: BTreeMap<SessionId, Session>,
    by_agent: BTreeMap<AgentId, usize>,
    due: Due<SessionId>,
}

impl Sessions {
    pub(super) fn load(stored: BTreeMap<SessionId, Session>) -> Self {
        let mut sessions = Self::default();
        stored.into_values().for_each(|session| sessions.put(session));
        sessions
    }

    pub(super) fn get(&self, id: &SessionId) -> Option<&Session> {
        self.open.get(id)
    }

    pub(super) fn has(&self, id: &SessionId) -> bool {
        self.open.contains_key(id)
    }

    fn count(&self, agent: &AgentId) -> usize {
        self.by_agent.get(agent).copied().unwrap_or_default()
    }

    /// Returns the sessions of which something is so.
    pub(super) fn which(&self, is: impl Fn(&Session) -> bool) -> Vec<SessionId> {
        self.open.values().filter(|session| is(session)).map(|session| session.id).collect()
    }

    fn put(&mut self, session: Session) {
        *self.by_agent.entry(session.agent.clone()).or_default() += 1;
        if !session.attached {
            self.due.add(session.seen.plus(SESSION_IDLE_MS), session.id);
        }
        self.open.insert(session.id, session);
    }

    fn remove(&mut self, id: &SessionId) -> Option<Session> {
        let session = self.open.remove(id)?;
        self.due.remove(session.seen.plus(SESSION_IDLE_MS), *id);
        if let Some(count) = self.by_agent.get_mut(&session.agent) {
            *count -= 1;
            if *count == 0 {
                self.by_agent.remove(&session.agent);
            }
        }
        Some(session)
    }

    /// Counts a proposal in its session and returns the session as it is then.
    pub(super) fn count_in(&mut self, id: &SessionId, permitted: bool, now: Millis) -> Option<Session> {
        let mut session = self.remove(id)?;
        session.proposed += 1;
        session.permitted += u64::from(permitted);
        session.seen = now;
        self.put(session.clone());
        Some(session)
    }
}

impl Decider {
    pub(super) fn open_session(&mut self, session: Session, brief: &Brief, turn: &mut Turn<'_>) -> Reply {
        if self.sessions.has(&session.id) {
            return Reply::refused(Code::StateConflict, format!("session {} is open already", session.id));
        }
        if self.sessions.count(&session.agent) >= SESSIONS_MAX {
            let message = format!("`{}` has {SESSIONS_MAX} sessions open; close some first", session.agent);
            return Reply::refused(Code::Overloaded, message);
        }
        let session = Session { opened: turn.now, seen: turn.now, ..session };
        self.record_session(RecordKind::SessionOpen, &session, brief, turn);
        turn.put(kind::SESSION, session.id.to_string(), &session);
        self.sessions.put(session);
        Reply::done()
    }

    pub(super) fn close_session(&mut self, id: SessionId, turn: &mut Turn<'_>) -> Reply {
        let Some(session) = self.sessions.remove(&id) else {
            return Reply::refused(Code::NotFound, format!("session {id} is not open"));
        };
        self.record_session(RecordKind::SessionClose, &session, &Brief::default(), turn);
        turn.delete(kind::SESSION, id.to_string());
        Reply::Done(Changes { ended: vec![id], ..Changes::default() })
    }

    /// Closes the sessions in which nothing was recorded for too long, and says which.
    pub(super) fn close_idle(&mut self, turn: &mut Turn<'_>) -> Vec<SessionId> {
        let idle = self.sessions.due.ended(turn.now);
        self.close_all(idle, turn)
    }

    /// Closes the sessions of connections that ended with the last run, and says which.
    pub(super) fn close_attached(&mut self, turn: &mut Turn<'_>) -> Vec<SessionId> {
        let attached = self.sessions.which(|session| session.attached);
        self.close_all(attached, turn)
    }

    pub(super) fn close_all(&mut self, sessions: Vec<SessionId>, turn: &mut Turn<'_>) -> Vec<SessionId> {
        for id in &sessions {
            self.close_session(*id, turn);
        }
        sessions
    }

    fn record_session(&self, record: RecordKind, session: &Session, brief: &Brief, turn: &mut Turn<'_>) {
        let agent = Principal::Agent(session.agent.clone());
        let delegator = session.on_behalf_of.clone().map(|p| Principal::Person(p).subject());
        let content = Content::about(std::iter::once(agent.subject()).chain(delegator).collect())
            .with(Field::Principal, &agent)
            .with_some(Field::OnBehalfOf, session.on_behalf_of.as_ref())
            .with_some(Field::Arguments, brief.metadata.as_ref())
            .with_some(Field::Reason, brief.task.as_ref())
            .with(Field::Body, session);
        turn.record(Draft {
            session: Some(session.id),
            bundle: Some(self.bundle().digest()),
            ..Draft::new(record, content)
        });
    }
}
