//! How checks of actions ended, and what followed.

use evidence::{Content, Field, RecordKind};
use ledger::{Draft, Turn};
use replay::fold::Event;
use types::check::{CONTAINED, Checked, Contained, Judgement, Watch, key};
use types::{ActionId, CheckId, Code, Principal};

use super::{Decider, Reply};

impl Decider {
    /// Records how a check ended. What it stops is stopped with the record: restricting waits for no decision.
    pub(super) fn checked(&mut self, checked: Checked, turn: &mut Turn<'_>) -> Reply {
        let checked = Checked { at: turn.now, ..checked };
        let Some(watch) = self.watched(&checked.action, &checked.check, false) else {
            return Reply::refused(
                Code::StateConflict,
                format!("no check `{}` watches {}", checked.check, checked.action),
            );
        };
        let stops = checked.stop && checked.judgement == Judgement::Violated;
        let draft = self.of_watch(&watch, about(&watch).with(Field::Body, &checked), checked.judgement as u8);
        self.append(draft, Event::Checked(Box::new(checked)), turn);
        if stops {
            self.publish();
        }
        Reply::done()
    }

    /// Records what came of taking an action back.
    pub(super) fn contained(&mut self, contained: Contained, turn: &mut Turn<'_>) -> Reply {
        let contained = Contained { at: turn.now, ..contained };
        let Some(watch) = self.watched(&contained.action, &contained.check, true) else {
            return Reply::refused(Code::StateConflict, format!("{} is not to be taken back", contained.action));
        };
        let draft = self.of_watch(&watch, about(&watch).with(Field::Body, &contained), CONTAINED);
        self.append(draft, Event::Contained(Box::new(contained)), turn);
        Reply::done()
    }

    fn watched(&self, action: &ActionId, check: &CheckId, violated: bool) -> Option<Watch> {
        self.books.watches().get(&key(action, check)).filter(|watch| watch.violated == violated).cloned()
    }

    fn of_watch(&self, watch: &Watch, content: Content, status: u8) -> Draft {
        let content =
            content.with(Field::Principal, &Principal::Agent(watch.agent.clone())).with(Field::Tool, &watch.tool);
        Draft {
            action: Some(watch.action),
            bundle: Some(self.bundle().digest()),
            status: Some(status),
            ..Draft::new(RecordKind::Check, content)
        }
    }
}

fn about(watch: &Watch) -> Content {
    let delegator = watch.on_behalf_of.clone().map(|person| Principal::Person(person).subject());
    let agent = Principal::Agent(watch.agent.clone()).subject();
    Content::about(std::iter::once(agent).chain(delegator).collect())
}
