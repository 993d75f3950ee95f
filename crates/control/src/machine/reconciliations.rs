//! Holding systems against the journal: what was found is recorded.

use evidence::{Content, Field, RecordKind};
use ledger::{Draft, Turn};
use replay::fold::Event;
use types::reconciliation::Reconciliation;

use super::{Decider, Reply};

impl Decider {
    pub(super) fn reconciled(&mut self, found: Reconciliation, turn: &mut Turn<'_>) -> Reply {
        let found = Reconciliation { at: turn.now, ..found };
        let content = Content::about(Vec::new()).with(Field::Body, &found);
        let draft = Draft {
            bundle: Some(self.bundle().digest()),
            status: Some(u8::from(!found.found.is_empty())),
            ..Draft::new(RecordKind::Reconciliation, content)
        };
        self.append(draft, Event::Reconciled(Box::new(found)), turn);
        Reply::done()
    }
}
