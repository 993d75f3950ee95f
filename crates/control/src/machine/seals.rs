//! What is recorded of models and of training: that a model was sealed, that a write to one was refused, and what was attested. None of it
//! decides anything.

use evidence::{Content, Field, RecordKind};
use ledger::{Draft, Turn};
use replay::fold::Event;
use types::Principal;
use types::attestation::Attestation;
use types::seal::{REFUSED, SEALED, Sealed, WriteRefused};

use super::{Decider, Reply};

impl Decider {
    pub(super) fn attested(&mut self, what: &Attestation, by: Option<&Principal>, turn: &mut Turn<'_>) -> Reply {
        let content = match by {
            Some(by) => Content::about(vec![by.subject()]).with(Field::Principal, by),
            None => Content::default(),
        };
        let content = match what {
            Attestation::Anchored(body) => content.with(Field::Body, body),
            Attestation::Evaluated(body) => content.with(Field::Body, body),
            Attestation::Observed(body) => content.with(Field::Body, body),
            Attestation::Imported(body) => content.with(Field::Body, body),
            Attestation::DataChecked(body) => content.with(Field::Body, body),
            Attestation::PipelineStepped(body) => content.with(Field::Body, body),
            Attestation::Incident(body) => content.with(Field::Body, body),
            Attestation::HostKey(body) => content.with(Field::Body, body),
        };
        self.record_model(content, what.status(), turn)
    }

    pub(super) fn sealed(&mut self, sealed: &Sealed, by: &Principal, turn: &mut Turn<'_>) -> Reply {
        let content = Content::about(vec![by.subject()]).with(Field::Principal, by).with(Field::Body, sealed);
        self.record_model(content, SEALED, turn)
    }

    pub(super) fn write_refused(&mut self, write: &WriteRefused, by: &Principal, turn: &mut Turn<'_>) -> Reply {
        let content = Content::about(vec![by.subject()]).with(Field::Principal, by).with(Field::Body, write);
        self.record_model(content, REFUSED, turn)
    }

    fn record_model(&mut self, content: Content, status: u8, turn: &mut Turn<'_>) -> Reply {
        let bundle = Some(self.bundle().digest());
        let draft = Draft { bundle, status: Some(status), ..Draft::new(RecordKind::Model, content) };
        self.append(draft, Event::Nothing, turn);
        Reply::done()
    }
}
