//! What was seen of the state that an action changes.

use evidence::{Content, Field, RecordKind};
use ledger::{Draft, Turn};
use replay::fold::restored;
use types::reversal::StateSeen;
use types::{Principal, ToolName};

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
        let known = |tool: &ToolName| self.books.tested().get(tool).map(|known| known.undo);
        let is_new = seen.tested.as_ref().is_some_and(|(tool, undo)| known(tool) != Some(*undo));
        self.append(draft, restored(&seen), turn);
        if is_new {
            self.publish();
        }
        Reply::done()
    }
}
