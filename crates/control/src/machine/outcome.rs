//! Outcomes: what was seen or reported, and what it changes.

use std::collections::BTreeMap;

use evidence::{Content, Field, RecordKind};
use ledger::{Draft, StateSource, Turn};
use stages::limits::Reservation;
use types::mutant::{self, Mutant};
use types::{ActionId, AgentId, ClassId, Code, Millis, Outcome, OutcomeStatus, Principal, Provenance};

use super::due::Due;
use super::{Changes, Decider, Reply, read};
use crate::state::{OpenFlight, kind};

/// Is how long after its permit's end an agent may still report what came of it, in milliseconds of the journal's time:
/// 24 hours. From then on the action is in doubt.
pub const UNREPORTED_MS: i64 = 86_400_000;

/// Holds the permitted actions that have no outcome yet.
#[derive(Debug, Default)]
pub(super) struct Flights {
    open: BTreeMap<ActionId, OpenFlight>,
    /// Those that only their agents can report on. The rest end with the call, or with the process.
    unreported: Due<ActionId>,
}

impl Flights {
    pub(super) fn load(source: &dyn StateSource) -> Result<Self, String> {
        let mut flights = Self::default();
        for (_, (action, flight)) in read::<(ActionId, OpenFlight)>(source, kind::FLIGHT)? {
            flights.put(action, flight);
        }
        Ok(flights)
    }

    pub(super) fn get(&self, action: &ActionId) -> Option<&OpenFlight> {
        self.open.get(action)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&ActionId, &OpenFlight)> {
        self.open.iter()
    }

    pub(super) fn put(&mut self, action: ActionId, flight: OpenFlight) {
        if flight.reported {
            self.unreported.add(last_report(&flight), action);
        }
        self.open.insert(action, flight);
    }

    fn remove(&mut self, action: &ActionId) {
        if let Some(flight) = self.open.remove(action).filter(|flight| flight.reported) {
            self.unreported.remove(last_report(&flight), *action);
        }
    }

    fn dispatched(&self) -> Vec<(ActionId, OpenFlight)> {
        let dispatched = self.open.iter().filter(|(_, flight)| !flight.reported);
        dispatched.map(|(id, flight)| (*id, flight.clone())).collect()
    }
}

fn last_report(flight: &OpenFlight) -> Millis {
    flight.expires.plus(UNREPORTED_MS)
}

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
        let Some(flight) = self.flights.get(&outcome.action).cloned() else {
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
        turn.record(Draft {
            action: Some(outcome.action),
            session: flight.session.filter(|id| self.sessions.has(id)),
            bundle: Some(self.bundle().digest()),
            status: Some(outcome.status as u8),
            ..Draft::new(RecordKind::Outcome, content)
        });
        turn.delete(kind::FLIGHT, outcome.action.to_string());
        self.flights.remove(&outcome.action);
        if mutant::on(Mutant::BudgetChargedLate) {
            self.charge_late(flight, turn);
        }
        if outcome.status == OutcomeStatus::NotDispatched {
            self.refund(flight, turn);
        } else if let (Principal::Agent(agent), false) = (&flight.principal, flight.reported) {
            self.count(agent, &flight.class, outcome.status != OutcomeStatus::Done, turn);
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

    /// Gives back what a permit had charged to budgets, since nothing was done with it.
    fn refund(&mut self, flight: &OpenFlight, turn: &mut Turn<'_>) {
        if flight.charged.is_empty() || mutant::on(Mutant::BudgetKept) {
            return;
        }
        let mut meter = self.meters.of(&flight.principal);
        for (id, spend) in &mut meter.spends {
            let charged = flight.charged.iter().filter(|(name, _)| name == id.as_str()).map(|(_, amount)| *amount);
            // A period that has ended since has forgotten the charge already.
            if spend.from <= flight.since {
                spend.spent = spend.spent.saturating_sub(charged.sum()).max(0);
            }
        }
        self.meters.put(&flight.principal, meter, turn);
    }

    /// Is what a planted bug does: charges an action when it ends.
    fn charge_late(&mut self, flight: &OpenFlight, turn: &mut Turn<'_>) {
        let mut meter = self.meters.of(&flight.principal);
        let budgets = flight.charged.iter().filter_map(|(name, amount)| Some((name.parse().ok()?, *amount)));
        let reservation = Reservation { rates: Vec::new(), budgets: budgets.collect() };
        meter.reserve(self.bundle().data(), &reservation, turn.now);
        self.meters.put(&flight.principal, meter, turn);
    }

    fn count(&mut self, agent: &AgentId, class: &ClassId, failed: bool, turn: &mut Turn<'_>) {
        let key = (agent.clone(), class.clone());
        let conduct = self.conduct.entry(key.clone()).or_default();
        conduct.runs += 1;
        conduct.errors += i64::from(failed);
        turn.put(kind::CONDUCT, format!("{agent}/{class}"), &(key, *conduct));
        self.views.set_conduct(agent, class, *conduct);
    }

    /// Takes up after a start. What the gateway had dispatched is in doubt; what an agent reports by itself stays open.
    pub(super) fn recover(&mut self, turn: &mut Turn<'_>) -> Reply {
        let lost = self.flights.dispatched();
        let content = Content::about(Vec::new()).with(Field::Body, &(lost.len() as u64));
        let kind = if turn.index == 0 { RecordKind::Genesis } else { RecordKind::Recovered };
        turn.record(Draft { bundle: Some(self.bundle().digest()), ..Draft::new(kind, content) });
        for (action, flight) in &lost {
            let why = "the gateway stopped before it saw an answer";
            self.land(flight, &in_doubt(*action, flight, why, turn.now), turn);
        }
        let ended = self.close_attached(turn);
        let in_doubt = lost.into_iter().map(|(id, _)| id).collect();
        Reply::Done(Changes { in_doubt, ended, ..Changes::default() })
    }

    /// Ends the permits whose agents never said what came of them.
    pub(super) fn end_unreported(&mut self, turn: &mut Turn<'_>) {
        for action in self.flights.unreported.ended(turn.now) {
            let Some(flight) = self.flights.get(&action).cloned() else { continue };
            let why = "its agent never reported what came of it";
            self.land(&flight, &in_doubt(action, &flight, why, turn.now), turn);
        }
    }
}
