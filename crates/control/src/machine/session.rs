//! Sessions: opened, counted without a gap, closed with their counts.

use evidence::{Content, Field, RecordKind};
use ledger::{Draft, Turn};
use types::{Code, Principal, SessionId};

use super::{Decider, Reply};
use crate::sessions::Brief;
use crate::state::{Session, kind};

impl Decider {
    pub(super) fn open_session(&mut self, session: Session, brief: &Brief, turn: &mut Turn<'_>) -> Reply {
        if self.sessions.contains_key(&session.id) {
            return Reply::refused(Code::StateConflict, format!("session {} is open already", session.id));
        }
        let session = Session { opened: turn.now, ..session };
        self.record_session(RecordKind::SessionOpen, &session, brief, turn);
        turn.put(kind::SESSION, session.id.to_string(), &session);
        self.sessions.insert(session.id, session);
        Reply::done()
    }

    pub(super) fn close_session(&mut self, id: SessionId, turn: &mut Turn<'_>) -> Reply {
        let Some(session) = self.sessions.remove(&id) else {
            return Reply::refused(Code::NotFound, format!("session {id} is not open"));
        };
        self.record_session(RecordKind::SessionClose, &session, &Brief::default(), turn);
        turn.delete(kind::SESSION, id.to_string());
        Reply::done()
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
            bundle: Some(self.bundle.digest()),
            ..Draft::new(record, content)
        });
    }
}
