//! Outcomes: what was seen or reported, and what it changes.

use evidence::{Content, Field, RecordKind};
use ledger::{Draft, Turn};
use replay::fold::Event;
use types::{ActionId, Code, Millis, Outcome, OutcomeStatus, Principal, Provenance};

use super::{Changes, Decider, Reply};
use crate::state::OpenFlight;

fn in_doubt(action: ActionId, flight: &OpenFlight, why: &str, now: Millis) -> Outcome {
    Outcome {
        action,
        status: OutcomeStatus::InDoubt,
        provenance: Provenance::Observed,
        result: None,
        error: Some(why.to_owned()),
        dispatches: 1,
        took_ms: now.since(flight.since),
        at: now,
    }
}

impl Decider {
    pub(super) fn outcome(&mut self, outcome: &Outcome, turn: &mut Turn<'_>) -> Reply {
        let Some(flight) = self.books.flights().get(&outcome.action).cloned() else {
            return Reply::refused(Code::StateConflict, format!("{} awaits no outcome", outcome.action));
        };
        if flight.reported != (outcome.provenance == Provenance::Reported) {
            return Reply::refused(Code::StateConflict, format!("{} is not reported by its agent", outcome.action));
        }
        self.land(&flight, outcome, turn);
        Reply::done()
    }

    fn land(&mut self, flight: &OpenFlight, outcome: &Outcome, turn: &mut Turn<'_>) {
        let delegator = flight.on_behalf_of.clone().map(|p| Principal::Person(p).subject());
        let subjects = std::iter::once(flight.principal.subject()).chain(delegator).collect();
        let content = Content::about(subjects)
            .with(Field::Principal, &flight.principal)
            .with(Field::Tool, &flight.tool)
            .with_some(Field::Result, outcome.result.as_ref())
            .with_some(Field::Error, outcome.error.as_ref())
            .with(Field::Body, &Outcome { result: None, error: None, ..outcome.clone() });
        let draft = Draft {
            action: Some(outcome.action),
            session: flight.session.filter(|id| self.books.sessions().has(id)),
            bundle: Some(self.bundle().digest()),
            status: Some(outcome.status as u8),
            ..Draft::new(RecordKind::Outcome, content)
        };
        self.append(draft, Event::Landed(outcome.action, outcome.status), turn);
        if let Principal::Agent(agent) = &flight.principal
            && let Some(conduct) = self.books.conduct().get(&(agent.clone(), flight.class.clone()))
        {
            self.views.set_conduct(agent, &flight.class, *conduct);
        }
    }

    /// Records how a change to the system itself ended: done, or refused for a reason.
    pub(super) fn land_administration(
        &mut self,
        action: Option<ActionId>,
        flight: &OpenFlight,
        refused: Option<String>,
        turn: &mut Turn<'_>,
    ) {
        let Some(action) = action else { return };
        let status = if refused.is_some() { OutcomeStatus::Failed } else { OutcomeStatus::Done };
        let outcome = Outcome {
            action,
            status,
            provenance: Provenance::Observed,
            result: None,
            error: refused,
            dispatches: 1,
            took_ms: 0,
            at: turn.now,
        };
        self.land(flight, &outcome, turn);
    }

    /// Takes up after a start. What the gateway had dispatched is in doubt; what an agent reports by itself stays open.
    pub(super) fn recover(&mut self, turn: &mut Turn<'_>) -> Reply {
        let lost = self.books.flights().dispatched();
        let content = Content::about(Vec::new()).with(Field::Body, &(lost.len() as u64));
        let kind = if turn.index == 0 { RecordKind::Genesis } else { RecordKind::Recovered };
        turn.record(Draft { bundle: Some(self.bundle().digest()), ..Draft::new(kind, content) });
        for (action, flight) in &lost {
            let why = "the gateway stopped before it saw an answer";
            self.land(flight, &in_doubt(*action, flight, why, turn.now), turn);
        }
        let mut ended = self.close_attached(turn);
        ended.extend(self.close_drained(turn));
        let in_doubt = lost.into_iter().map(|(id, _)| id).collect();
        Reply::Done(Changes { in_doubt, ended, ..Changes::default() })
    }

    /// Ends the permits whose agents never said what came of them.
    pub(super) fn end_unreported(&mut self, turn: &mut Turn<'_>) {
        for action in self.books.flights().unreported(turn.now) {
            let Some(flight) = self.books.flights().get(&action).cloned() else { continue };
            let why = "its agent never reported what came of it";
            self.land(&flight, &in_doubt(action, &flight, why, turn.now), turn);
        }
    }
}
