//! Delegations: given after a decision, taken back at once.

use evidence::{Content, Field, RecordKind};
use ledger::Turn;
use replay::fold::Event;
use types::delegation::{Delegation, GIVEN, LAST_MS_MAX, TAKEN_BACK};
use types::{Code, PersonId, Principal};

use super::{Decider, Reply};

impl Decider {
    pub(super) fn delegate(&mut self, given: Delegation, turn: &mut Turn<'_>) -> Reply {
        let given = Delegation { at: turn.now, ..given };
        if let Some(reason) = self.undelegable(&given) {
            return Reply::refused(Code::DelegationUnsupported, reason);
        }
        let from = Principal::Person(given.from.clone());
        let content = Content::about(both(&given)).with(Field::Body, &given);
        let draft = self.note(RecordKind::Grant, &from, &given.reason, content, Some(GIVEN));
        self.append(draft, Event::Delegated(given), turn);
        self.publish();
        Reply::done()
    }

    fn undelegable(&self, given: &Delegation) -> Option<String> {
        let data = self.bundle().data();
        let Some(from) = data.people.get(&given.from) else {
            return Some(format!("the bundle has no person `{}`", given.from));
        };
        if !data.people.contains_key(&given.to) {
            return Some(format!("the bundle has no person `{}`", given.to));
        }
        if given.from == given.to {
            return Some("nobody delegates to themself".into());
        }
        if [&given.from, &given.to].into_iter().any(|person| data.is_auditor(person)) {
            return Some("an auditor has no vote, and casts none for others".into());
        }
        if let Some(group) = given.group.as_ref().filter(|group| !from.groups.contains(*group)) {
            let group = types::text::escape(group, false);
            return Some(format!("`{}` is not in the group `{group}`", given.from));
        }
        let lasts = given.expires.since(given.at);
        let bounded = (1..=LAST_MS_MAX).contains(&lasts) && !given.reason.trim().is_empty();
        (!bounded).then(|| "a delegation needs a reason, and an end that lies ahead by 30 days at most".into())
    }

    pub(super) fn take_back(&mut self, key: &str, by: PersonId, reason: &str, turn: &mut Turn<'_>) -> Reply {
        let Some(given) = self.books.delegations().get(key).cloned() else {
            return Reply::refused(Code::NotFound, format!("no delegation `{key}` is given"));
        };
        let by = Principal::Person(by);
        let subjects = both(&given).into_iter().chain([by.subject()]).collect();
        let content = Content::about(subjects).with(Field::Body, &given);
        let draft = self.note(RecordKind::Grant, &by, reason, content, Some(TAKEN_BACK));
        self.append(draft, Event::TakenBack(given), turn);
        self.publish();
        Reply::done()
    }
}

fn both(given: &Delegation) -> Vec<String> {
    [&given.from, &given.to].into_iter().map(|person| Principal::Person(person.clone()).subject()).collect()
}
