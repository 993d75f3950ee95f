//! Breakers: reset after a decision.

use evidence::{Content, Field, RecordKind};
use ledger::Turn;
use replay::fold::Event;
use types::breaker::{BreakerName, RESET};
use types::{Code, Millis, Principal};

use super::{Decider, Reply};

impl Decider {
    /// Makes a breaker as if it had never been used; only a person may have asked for it. A bulk breaker that stopped the agent at another
    /// instant stays: nobody was asked about that. A circuit opens again by itself for as long as calls fail.
    pub(super) fn reset_breaker(
        &mut self,
        name: BreakerName,
        stopped: Option<Millis>,
        by: &Principal,
        reason: &str,
        turn: &mut Turn<'_>,
    ) -> Reply {
        if by.agent().is_some() {
            return Reply::refused(Code::Forbidden, "no agent resets a breaker");
        }
        let breakers = self.books.breakers();
        let is_bulk = breakers.bulks().get(&name).is_some_and(|bulk| bulk.stopped == stopped);
        if !is_bulk && !breakers.circuits().contains_key(&name) {
            return Reply::refused(
                Code::NotFound,
                format!("the breaker `{}` holds nothing back since then", name.key()),
            );
        }
        let agent = Principal::Agent(name.agent.clone());
        let content = Content::about(vec![agent.subject(), by.subject()]).with(Field::Body, &name);
        let draft = self.note(RecordKind::Switch, by, reason, content, Some(RESET));
        self.append(draft, Event::Reset(name), turn);
        Reply::done()
    }
}
