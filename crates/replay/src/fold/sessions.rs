//! Open sessions: counted without a gap, due to end once nothing is recorded in them.

use std::collections::BTreeMap;

use types::{AgentId, Millis, Session, SessionId};

use super::due::Due;

/// Is how long a session stays open in which nothing is recorded, in milliseconds of the journal's time: 24 hours.
pub const SESSION_IDLE_MS: i64 = 86_400_000;

/// Holds the open sessions.
#[derive(Debug, Clone, Default)]
pub struct Sessions {
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

    /// Returns an open session.
    pub fn get(&self, id: &SessionId) -> Option<&Session> {
        self.open.get(id)
    }

    /// Says whether a session is open.
    pub fn has(&self, id: &SessionId) -> bool {
        self.open.contains_key(id)
    }

    /// Returns how many sessions of an agent are open.
    pub fn count(&self, agent: &AgentId) -> usize {
        self.by_agent.get(agent).copied().unwrap_or_default()
    }

    /// Returns every open session.
    pub fn all(&self) -> impl Iterator<Item = &Session> {
        self.open.values()
    }

    /// Returns the sessions of which something is so.
    pub fn which(&self, is: impl Fn(&Session) -> bool) -> Vec<SessionId> {
        self.all().filter(|session| is(session)).map(|session| session.id).collect()
    }

    /// Returns the first of those that are idle for too long at `now`.
    pub fn idle(&self, now: Millis) -> Vec<SessionId> {
        self.due.ended(now)
    }

    pub(super) fn put(&mut self, session: Session) {
        self.remove(&session.id);
        *self.by_agent.entry(session.agent.clone()).or_default() += 1;
        if !session.attached {
            self.due.add(session.seen.plus(SESSION_IDLE_MS), session.id);
        }
        self.open.insert(session.id, session);
    }

    pub(super) fn remove(&mut self, id: &SessionId) -> Option<Session> {
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
