//! Sessions of agents.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};

use types::{ActionProposal, AgentId, Arguments, Code, Identity, PersonId, Session, SessionId};

use crate::control::Control;
use crate::door::Refusal;
use crate::error::{Failure, not_found};
use crate::machine::{Command, Reply};

/// Is what an agent says when it opens a session, and is recorded with the opening. What it runs makes its epoch; the rest decides nothing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Brief {
    /// What it runs.
    pub runs: Identity,
    /// The task, in the words it was given.
    pub task: Option<String>,
    /// Whatever else the agent wants to have on record.
    pub metadata: Option<Arguments>,
}

impl Control {
    /// Opens a session for an agent that says nothing about it.
    ///
    /// # Errors
    ///
    /// As [`Control::begin_briefed_session`].
    pub async fn begin_session(
        &self,
        agent: &AgentId,
        on_behalf_of: Option<PersonId>,
        plan: Option<BTreeSet<String>>,
    ) -> Failure<SessionId> {
        self.begin_briefed_session(agent, on_behalf_of, plan, Brief::default()).await
    }

    /// Opens a session that lasts as long as a connection of this process: whoever holds it closes it, and being idle
    /// does not. One that a stop of the process left open is closed at the next start, and one whose connection goes away
    /// while it is opened is closed at once.
    ///
    /// # Errors
    ///
    /// As [`Control::begin_briefed_session`].
    pub(crate) async fn begin_attached_session(
        self: &Arc<Self>,
        agent: &AgentId,
        on_behalf_of: Option<PersonId>,
        brief: Brief,
    ) -> Failure<SessionId> {
        let session = Session { attached: true, ..self.draft_session(agent, on_behalf_of)? };
        let mut opening = Opening { control: self, session: Some(session.id) };
        let opened = self.begin(session, brief).await;
        opening.session = None;
        opened
    }

    /// Opens a session for an agent. It is closed by itself once nothing was recorded in it for 24 hours.
    ///
    /// - `plan`: the tools the agent says it will use; anything else is then outside the plan.
    ///
    /// # Errors
    ///
    /// `agent-unknown` if the bundle does not have the agent, `request-invalid` if what it runs cannot be named so, `not-found` if that is a
    /// version that is not registered, `overloaded` if it has 1,000 sessions open, or what the journal says.
    pub async fn begin_briefed_session(
        &self,
        agent: &AgentId,
        on_behalf_of: Option<PersonId>,
        plan: Option<BTreeSet<String>>,
        brief: Brief,
    ) -> Failure<SessionId> {
        let session = Session { plan, ..self.draft_session(agent, on_behalf_of)? };
        self.begin(session, brief).await
    }

    fn draft_session(&self, agent: &AgentId, on_behalf_of: Option<PersonId>) -> Failure<Session> {
        if !self.snapshot().bundle.data().agents.contains_key(agent) {
            return Err(Refusal::plain(Code::AgentUnknown, format!("the bundle has no agent `{agent}`")));
        }
        let now = self.now();
        Ok(Session {
            id: SessionId::draw(now, self.draw()),
            agent: agent.clone(),
            on_behalf_of,
            plan: None,
            opened: now,
            proposed: 0,
            permitted: 0,
            seen: now,
            attached: false,
            runs: None,
            epoch: None,
        })
    }

    async fn begin(&self, session: Session, brief: Brief) -> Failure<SessionId> {
        let (id, runs) = (session.id, self.resolved(brief.runs.clone()).await?);
        let brief = self.redaction.brief(&brief).map_err(|e| Refusal::plain(e.code(), e.to_string()))?;
        let session = Session { runs: Some(runs).filter(|runs| !runs.is_empty()), ..session };
        let reply = self.ask(Command::OpenSession(Box::new(session.clone()), brief)).await?;
        let epoch = if let Reply::Opened(epoch) = reply { epoch } else { None };
        let session = Arc::new(Session { epoch, ..session });
        self.sessions.write().unwrap_or_else(PoisonError::into_inner).insert(id, session);
        Ok(id)
    }

    /// Closes a session with its closing counts.
    ///
    /// # Errors
    ///
    /// `not-found` if it is not open, or what the journal says.
    pub async fn end_session(&self, session: SessionId) -> Failure<()> {
        self.ask(Command::CloseSession(session)).await.map(drop)
    }

    /// Forgets sessions whose end is recorded.
    pub(crate) fn forget_sessions(&self, ended: &[SessionId]) {
        if ended.is_empty() {
            return;
        }
        let mut sessions = self.sessions.write().unwrap_or_else(PoisonError::into_inner);
        for id in ended {
            sessions.remove(id);
        }
    }

    /// Returns an open session of an agent.
    ///
    /// # Errors
    ///
    /// `not-found` if there is none of that name, or it is another agent's.
    pub fn session_of(&self, agent: &AgentId, session: SessionId) -> Failure<Session> {
        let sessions = self.sessions.read().unwrap_or_else(PoisonError::into_inner);
        sessions
            .get(&session)
            .filter(|s| s.agent == *agent)
            .map(|session| Session::clone(session))
            .ok_or_else(|| not_found(format!("open session {session}")))
    }

    /// Returns the session that a proposal is part of, as it was opened.
    pub(crate) fn stated_in(&self, proposal: &ActionProposal) -> Option<Arc<Session>> {
        let sessions = self.sessions.read().unwrap_or_else(PoisonError::into_inner);
        sessions.get(&proposal.session?).cloned()
    }
}

/// Is a session while it is opened: dropped before that is over, nobody knows the session, and it is closed.
struct Opening<'a> {
    control: &'a Arc<Control>,
    session: Option<SessionId>,
}

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        let (Some(session), Ok(runtime)) = (self.session, tokio::runtime::Handle::try_current()) else { return };
        let control = self.control.clone();
        // Asked after the opening, so it is taken after it; if that was never taken there is nothing to close.
        runtime.spawn(async move { control.end_session(session).await.map_err(|refusal| refusal.code) });
    }
}
