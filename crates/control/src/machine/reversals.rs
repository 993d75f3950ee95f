//! What was seen of the state that an action changes.

use evidence::{Content, Field, RecordKind};
use ledger::{Draft, Turn};
use replay::fold::Event;
use types::Principal;
use types::reversal::StateSeen;

use super::{Decider, Reply};

impl Decider {
    pub(super) fn state_seen(
        &mut self,
        seen: &StateSeen,
        state: Option<&String>,
        whom: &[Principal],
        turn: &mut Turn<'_>,
    ) -> Reply {
        let seen = StateSeen { at: turn.now, ..seen.clone() };
        let content = Content::about(whom.iter().map(Principal::subject).collect())
            .with(Field::Body, &seen)
            .with_some(Field::Result, state);
        let draft = Draft {
            action: Some(seen.action),
            bundle: Some(self.bundle().digest()),
            status: Some(seen.phase as u8),
            ..Draft::new(RecordKind::State, content)
        };
        self.append(draft, Event::Nothing, turn);
        Reply::done()
    }
}
