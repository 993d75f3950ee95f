//! Drills: how one went is recorded.

use evidence::{Content, Field, RecordKind};
use ledger::Turn;
use replay::fold::Event;
use types::drill::{self, Drill};
use types::{Code, Principal};

use super::{Decider, Reply};
use crate::state::{Switch, Target};

impl Decider {
    /// Says whether a kill is a drill's while a switch on the same is set already: lifting the one would lift the other.
    pub(super) fn drill_conflict(&self, switch: &Switch) -> Option<Reply> {
        let is_set = switch.drill.is_some() && self.books.switches().contains_key(&switch.target.key());
        is_set.then(|| Reply::refused(Code::DrillConflict, format!("switch `{}` is set already", switch.target.key())))
    }

    /// Records how a drill went.
    pub(super) fn drilled(&mut self, drill: &Drill, reason: &str, turn: &mut Turn<'_>) -> Reply {
        let by = Principal::Person(drill.by.clone());
        let agent = if let Target::Agent(agent) = &drill.target { Some(Principal::Agent(agent.clone())) } else { None };
        let subjects = std::iter::once(&by).chain(&agent).map(Principal::subject).collect();
        let content = Content::about(subjects).with(Field::Body, drill);
        let draft = self.note(RecordKind::Switch, &by, reason, content, Some(drill::TOLD));
        self.append(draft, Event::Nothing, turn);
        Reply::done()
    }
}
