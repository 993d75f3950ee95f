//! Sessions: opened, counted without a gap, closed with their counts, by their agent or by being idle.

use evidence::listing::LISTED;
use evidence::{Content, Field, Listing, RecordKind};
use ledger::{Draft, Turn};
use replay::fold::Event;
use types::identity::FIRST;
use types::{AgentId, Code, Epochs, Identity, IdentityEpoch, Principal, Session, SessionId};

use super::{Changes, Decider, Reply};
use crate::sessions::Brief;

/// Is how many sessions of one agent may be open; one more is refused.
pub const SESSIONS_MAX: usize = 1_000;

impl Decider {
    pub(super) fn open_session(&mut self, session: Session, brief: &Brief, turn: &mut Turn<'_>) -> Reply {
        if self.books.sessions().has(&session.id) {
            return Reply::refused(Code::StateConflict, format!("session {} is open already", session.id));
        }
        if self.books.sessions().count(&session.agent) >= SESSIONS_MAX {
            let message = format!("`{}` has {SESSIONS_MAX} sessions open; close some first", session.agent);
            return Reply::refused(Code::Overloaded, message);
        }
        let epoch = session.runs.clone().map(|runs| self.epoch_of(&session.agent, runs, turn));
        let session = Session { opened: turn.now, seen: turn.now, epoch, ..session };
        let draft = self.draft_session(RecordKind::SessionOpen, &session, brief);
        self.append(draft, Event::SessionOpened(session), turn);
        Reply::Opened(epoch)
    }

    /// Returns the number of the epoch in which an agent runs this; one begins if it has not named that before.
    fn epoch_of(&mut self, agent: &AgentId, runs: Identity, turn: &mut Turn<'_>) -> u64 {
        let known = self.books.identities().get(agent);
        if let Some(epoch) = known.and_then(|epochs| epochs.of(&runs)) {
            return epoch.number;
        }
        let number = known.map_or(FIRST, Epochs::next);
        let epoch = IdentityEpoch { agent: agent.clone(), number, identity: runs, at: turn.now };
        let who = Principal::Agent(agent.clone());
        let content = Content::about(vec![who.subject()]).with(Field::Principal, &who).with(Field::Body, &epoch);
        let draft = Draft { bundle: Some(self.bundle().digest()), ..Draft::new(RecordKind::Identity, content) };
        self.append(draft, Event::Identified(epoch), turn);
        // Whatever was prepared meanwhile may rest on a level that was given to another epoch.
        self.publish();
        number
    }

    pub(super) fn close_session(&mut self, id: SessionId, turn: &mut Turn<'_>) -> Reply {
        let Some(session) = self.books.sessions().get(&id) else {
            return Reply::refused(Code::NotFound, format!("session {id} is not open"));
        };
        let draft = self.draft_session(RecordKind::SessionClose, session, &Brief::default());
        self.append(draft, Event::SessionClosed(id), turn);
        Reply::Done(Changes { ended: vec![id], ..Changes::default() })
    }

    /// Records what a server offered to a session; one that is closed by now no longer has a place for it.
    pub(super) fn offered(&mut self, id: SessionId, listing: &Listing, turn: &mut Turn<'_>) -> Reply {
        let Some(session) = self.books.sessions().get(&id) else { return Reply::done() };
        let content = Content::about(subjects(session)).with(Field::Body, listing);
        turn.record(Draft {
            session: Some(id),
            bundle: Some(self.bundle().digest()),
            status: Some(LISTED),
            ..Draft::new(RecordKind::Tool, content)
        });
        Reply::done()
    }

    /// Closes the sessions in which nothing was recorded for too long, and says which. One of a saga that is under way waits for people.
    pub(super) fn close_idle(&mut self, turn: &mut Turn<'_>) -> Vec<SessionId> {
        let mut idle = self.books.sessions().idle(turn.now);
        idle.retain(|session| self.books.sagas().get(session).is_none_or(|saga| saga.state.is_end()));
        self.close_all(idle, turn)
    }

    /// Closes the sessions of connections that ended with the last run, and says which.
    pub(super) fn close_attached(&mut self, turn: &mut Turn<'_>) -> Vec<SessionId> {
        let attached = self.books.sessions().which(|session| session.attached);
        self.close_all(attached, turn)
    }

    pub(super) fn close_all(&mut self, sessions: Vec<SessionId>, turn: &mut Turn<'_>) -> Vec<SessionId> {
        for id in &sessions {
            self.close_session(*id, turn);
        }
        sessions
    }

    fn draft_session(&self, record: RecordKind, session: &Session, brief: &Brief) -> Draft {
        let content = Content::about(subjects(session))
            .with(Field::Principal, &Principal::Agent(session.agent.clone()))
            .with_some(Field::OnBehalfOf, session.on_behalf_of.as_ref())
            .with_some(Field::Arguments, brief.metadata.as_ref())
            .with_some(Field::Reason, brief.task.as_ref())
            .with(Field::Body, session);
        Draft { session: Some(session.id), bundle: Some(self.bundle().digest()), ..Draft::new(record, content) }
    }
}

/// Returns whom the records of a session are about.
fn subjects(session: &Session) -> Vec<String> {
    let delegator = session.on_behalf_of.clone().map(|person| Principal::Person(person).subject());
    std::iter::once(Principal::Agent(session.agent.clone()).subject()).chain(delegator).collect()
}
