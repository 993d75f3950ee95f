//! What decisions take and what their endings count: sessions, meters, flights and conduct.

use stages::break_glass::permit_ms;
use stages::checks;
use stages::decision::{PERMIT_MS, reserved};
use stages::limits::Reservation;
use types::case::Case;
use types::mutant::{self, Mutant};
use types::{ActionId, AgentId, ClassId, Millis, OutcomeStatus, Principal, SessionId, Verdict};

use super::books::Books;
use super::event::Decided;
use super::flights::REPORTED_PERMIT_MS;
use super::ops::Ops;
use super::{FoldError, Place};
use crate::state::{OpenFlight, kind};

impl Books {
    pub(super) fn decided(
        &mut self,
        event: &Decided<'_>,
        place: &Place<'_>,
        ops: &mut Ops,
    ) -> Result<Vec<Case>, FoldError> {
        let Decided { proposal, decision, run } = *event;
        let permits = decision.verdict.permits();
        if permits || matches!(decision.verdict, Verdict::Escalate(_)) {
            place.bundle()?;
        }
        if let Some(session) = &proposal.session {
            self.count_in(session, permits, place.now, ops);
        }
        if let Verdict::Escalate(profiles) = &decision.verdict {
            let opened = self.asked((proposal, decision), profiles, place, ops)?;
            self.breakers.stop(proposal, decision, place.now, ops);
            return Ok(opened.into_iter().collect());
        }
        self.breakers.stop(proposal, decision, place.now, ops);
        // A key stands for an answer that is final; what waits for people is asked again with the same key.
        if let Some(key) = &run.idempotency_key {
            let answer = (proposal.id, proposal.digest_of_asked());
            self.repeats.remember(&proposal.principal, key, answer, place.now, ops);
        }
        if !permits {
            return Ok(Vec::new());
        }
        let Some((class, reservation)) = reserved(place.bundle()?, proposal, decision) else { return Ok(Vec::new()) };
        let used = self.consume(decision, place.now, ops);
        self.use_permission(decision, ops);
        self.use_glass(proposal, decision, place, ops);
        self.reserve(&proposal.principal, place, &reservation, ops)?;
        self.breakers.permitted(proposal, &place.bundle()?.breakers, &reservation, place.now, ops);
        if reservation.watched {
            self.behaviour.permitted((proposal, decision), &class, place.bundle()?, place.now, ops);
        }
        let life_ms = permit_ms(decision, if run.reported { REPORTED_PERMIT_MS } else { PERMIT_MS });
        let flight = OpenFlight {
            principal: proposal.principal.clone(),
            on_behalf_of: proposal.on_behalf_of.clone(),
            tool: proposal.tool.clone(),
            class,
            session: proposal.session,
            reported: run.reported,
            since: place.now,
            expires: decision.at.plus(life_ms),
            charged: reservation.budgets.iter().map(|(id, amount)| (id.to_string(), *amount)).collect(),
            circuits: Some(reservation.circuits).filter(|circuits| !circuits.is_empty()),
            watched: reservation.watched.then_some(true),
            checks: Some(checks::covering(place.bundle()?, proposal, decision)).filter(|checks| !checks.is_empty()),
        };
        ops.put(kind::FLIGHT, proposal.id.to_string(), &(proposal.id, flight.clone()));
        self.flights.put(proposal.id, flight);
        Ok(used)
    }

    pub(super) fn count_in(&mut self, session: &SessionId, permitted: bool, now: Millis, ops: &mut Ops) {
        if let Some(session) = self.sessions.count_in(session, permitted, now) {
            ops.put(kind::SESSION, session.id.to_string(), &session);
        }
    }

    fn reserve(
        &mut self,
        principal: &Principal,
        place: &Place<'_>,
        reservation: &Reservation,
        ops: &mut Ops,
    ) -> Result<(), FoldError> {
        let mut meter = self.meters.of(principal);
        if !mutant::on(Mutant::BudgetChargedLate) {
            meter.reserve(place.bundle()?, reservation, place.now);
        }
        self.meters.put(principal, meter, ops);
        Ok(())
    }

    pub(super) fn landed(
        &mut self,
        action: &ActionId,
        status: OutcomeStatus,
        place: &Place<'_>,
        ops: &mut Ops,
    ) -> Result<(), FoldError> {
        let flight = self.flights.remove(action).ok_or(FoldError::NoFlight(*action))?;
        ops.delete(kind::FLIGHT, action.to_string());
        if mutant::on(Mutant::BudgetChargedLate) {
            self.charge_late(&flight, place, ops)?;
        }
        self.behaviour.ended(&flight, status, place.now, ops);
        if let Ok(bundle) = place.bundle {
            self.breakers.ended(action, &flight, &bundle.breakers, status, place.now, ops);
        }
        self.watch(action, &flight, status, place.now, ops);
        if status == OutcomeStatus::NotDispatched {
            self.refund(&flight, ops);
        } else if let (Principal::Agent(agent), false) = (&flight.principal, flight.reported) {
            self.count(agent, &flight.class, status != OutcomeStatus::Done, ops);
        }
        Ok(())
    }

    /// Gives back what a permit had charged to budgets, since nothing was done with it.
    fn refund(&mut self, flight: &OpenFlight, ops: &mut Ops) {
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
        self.meters.put(&flight.principal, meter, ops);
    }

    /// Is what a planted bug does: charges an action when it ends.
    fn charge_late(&mut self, flight: &OpenFlight, place: &Place<'_>, ops: &mut Ops) -> Result<(), FoldError> {
        let mut meter = self.meters.of(&flight.principal);
        let budgets = flight.charged.iter().filter_map(|(name, amount)| Some((name.parse().ok()?, *amount)));
        let reservation = Reservation { budgets: budgets.collect(), ..Reservation::default() };
        meter.reserve(place.bundle()?, &reservation, place.now);
        self.meters.put(&flight.principal, meter, ops);
        Ok(())
    }

    fn count(&mut self, agent: &AgentId, class: &ClassId, failed: bool, ops: &mut Ops) {
        let key = (agent.clone(), class.clone());
        let conduct = self.conduct.entry(key.clone()).or_default();
        conduct.runs += 1;
        conduct.errors += i64::from(failed);
        ops.put(kind::CONDUCT, format!("{agent}/{class}"), &(key, *conduct));
    }
}
