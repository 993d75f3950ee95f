//! Deciding a proposal in its turn: peek all, join, and only an allowed action reserves.

use std::collections::BTreeSet;

use evidence::{Content, Field, RecordKind, bodies};
use ledger::{Draft, Turn};
use stages::decision::{Early, Granted, Late, PERMIT_MS, Permit, finish};
use stages::facts;
use types::case::{Case, CaseState};
use types::mutant::{self, Mutant};
use types::{ActionProposal, ClassId, Code, Decision, FactName, FactValue, Facts, ProfileId, Verdict};

use super::tickets::Tickets;
use super::{Change, Changes, Decider, Propose, Reply};
use crate::gather::prepare;
use crate::state::{OpenFlight, Target, kind};

/// Is how long an agent that executes by itself may hold a permit, in milliseconds.
pub const REPORTED_PERMIT_MS: i64 = 300_000;

/// Are the facts about switches, each with the word for what such a switch covers.
const SWITCHES: [(&str, &str); 4] =
    [("switch.tenant", "tenant"), ("switch.agent", "agent"), ("switch.tool", "tool"), ("switch.class", "action class")];

impl Decider {
    pub(super) fn propose(&mut self, propose: Propose, turn: &mut Turn<'_>) -> (Reply, Option<Permit>) {
        let Propose { mut proposal, prepared, reported, idempotency_key, change, reopen } = propose;
        let before = idempotency_key.as_deref().and_then(|key| self.repeats.answer(&proposal, key, turn.now));
        if let Some(answer) = before {
            return (answer, None);
        }
        if let Some(session) = proposal.session.filter(|id| !reopen && !self.sessions.has(id)) {
            return (Reply::refused(Code::StateConflict, format!("session {session} is closed")), None);
        }
        let prepared = match prepared {
            Some(prepared) if prepared.epoch == self.snapshot.epoch || mutant::on(Mutant::EpochIgnored) => prepared,
            Some(_) => return (Reply::Overtaken, None),
            None => self.judge_inside(&mut proposal, turn),
        };
        let digest = prepared.early.action_digest();
        let tickets = self.tickets(&digest, turn.now);
        let late = Late {
            facts: self.late_facts(&proposal, &prepared.early, &tickets, turn),
            bundle: self.bundle().digest(),
            case: tickets.last().map(|case| case.id),
            permit_ms: if reported { REPORTED_PERMIT_MS } else { PERMIT_MS },
        };
        let finished = finish(self.bundle().data(), &proposal, prepared.early, late);
        let mut decision = finished.decision;
        if reopen && !matches!(decision.verdict, Verdict::Escalate(_)) {
            return (decided(decision, None, Changes::default()), None);
        }
        let joined = match &decision.verdict {
            Verdict::Escalate(profiles) => self.joins(&tickets, profiles),
            Verdict::Allow | Verdict::AllowObserved | Verdict::Deny => None,
        };
        let repeats = decision.verdict == Verdict::Deny || joined.is_some();
        if repeats && self.aggregates(&proposal, turn) {
            return (decided(decision, joined, Changes::default()), None);
        }
        let mut changed = Vec::new();
        let case = match &decision.verdict {
            Verdict::Escalate(profiles) => {
                Some(self.escalate(&proposal, profiles.clone(), &tickets, &mut changed, turn))
            }
            Verdict::Allow | Verdict::AllowObserved | Verdict::Deny => None,
        };
        if let Some(case) = &case {
            decision.case = Some(case.id);
        }
        self.record(&proposal, &decision, change.as_ref(), turn);
        // A key stands for an answer that is final; what waits for people is asked again with the same key.
        if let Some(key) = idempotency_key.filter(|_| case.is_none()) {
            self.repeats.remember(&proposal.principal, &key, (proposal.id, digest), turn);
        }
        if finished.granted.is_some() && decision.case.is_some() {
            self.consume(&digest, tickets, &mut changed, turn);
        }
        let permit = finished.granted.map(|granted| self.grant(&proposal, granted, reported, turn));
        if let (Some(change), Some(_)) = (change, &permit) {
            let reply = self.change(
                change,
                &proposal.principal,
                proposal.claims.purpose.as_deref().unwrap_or(""),
                Some(&proposal),
                turn,
            );
            return (with_change(decision, changed, reply), permit);
        }
        (decided(decision, case, Changes { cases: changed, ..Changes::default() }), permit)
    }

    fn judge_inside(&self, proposal: &mut ActionProposal, turn: &Turn<'_>) -> crate::gather::Prepared {
        proposal.at = turn.now;
        let plan = self.plan(proposal);
        prepare(&self.views, &self.snapshot, proposal, plan.as_deref())
    }

    fn plan(&self, proposal: &ActionProposal) -> Option<Vec<String>> {
        let session = self.sessions.get(&proposal.session?)?;
        session.plan.as_ref().map(|plan| plan.iter().cloned().collect())
    }

    fn late_facts(&self, proposal: &ActionProposal, early: &Early, tickets: &Tickets, turn: &Turn<'_>) -> Facts {
        let (data, now) = (self.bundle().data(), turn.now);
        let mut late = self.meters.of(&proposal.principal).peek(data, proposal, early.facts(), now);
        late.extend(facts::of_time(data, proposal, early.facts(), now));
        let mut set = |name: &'static str, value: FactValue, source: &'static str| {
            late.set(FactName::known(name), value, source, now);
        };
        let covering = self.covering(proposal, early.facts());
        for (name, word) in SWITCHES {
            set(name, covering.contains(word).into(), "switches");
        }
        set("approval.refused", self.refusals.hold(&early.action_digest(), now).into(), "cases");
        let met: Vec<String> = tickets.met(data).iter().map(ProfileId::to_string).collect();
        set("approval.met", FactValue::List(met), "cases");
        set("approval.round", FactValue::Int(i64::from(tickets.round())), "cases");
        let openers: Vec<String> = tickets.approved.iter().map(|case| case.action.to_string()).collect();
        set("approval.opened_by", FactValue::List(openers), "cases");
        let others = self.cases.values().filter(|case| {
            case.state == CaseState::Open && case.requester == proposal.principal && !tickets.has(case.id)
        });
        set("cases.open", FactValue::Int(i64::try_from(others.count()).unwrap_or(i64::MAX)), "cases");
        set("clock.jumped", turn.clock_jumped.into(), "clock");
        set("denials.flooding", self.denials.flooding(&proposal.principal, now).into(), "denials");
        set("now", now.0.into(), "clock");
        late
    }

    /// Returns the words for what the switches that cover a proposal cover.
    fn covering(&self, proposal: &ActionProposal, early: &Facts) -> BTreeSet<&'static str> {
        if self.switches.is_empty() || mutant::on(Mutant::KillCheckedEarly) {
            return BTreeSet::new();
        }
        let class = early.text("tool.class").and_then(|name| ClassId::new(name).ok());
        let (agent, tool) = (proposal.principal.agent(), Some(&proposal.tool));
        let targets = self.switches.values().map(|switch| &switch.target);
        let covering = targets.filter(|target| target.covers(&self.tenant, agent, tool, class.as_ref()));
        covering.map(Target::word).collect()
    }

    fn record(&mut self, proposal: &ActionProposal, decision: &Decision, change: Option<&Change>, turn: &mut Turn<'_>) {
        let permits = decision.verdict.permits();
        if let Some(session) = proposal.session.and_then(|id| self.sessions.count_in(&id, permits, turn.now)) {
            turn.put(kind::SESSION, session.id.to_string(), &session);
        }
        turn.record(Draft {
            action: Some(proposal.id),
            // One that people are asked about again may have come in a session that is closed and counted by now.
            session: proposal.session.filter(|id| self.sessions.has(id)),
            bundle: Some(decision.bundle),
            verdict: Some(decision.verdict.rank()),
            level: Some(decision.level as u8),
            semantics: Some(decision.semantics),
            ..Draft::new(RecordKind::Decided, content(proposal, decision, change))
        });
    }

    /// Reserves, and puts the action on the list of flights, in the turn that records it.
    fn grant(&mut self, proposal: &ActionProposal, granted: Granted, reported: bool, turn: &mut Turn<'_>) -> Permit {
        let mut meter = self.meters.of(&proposal.principal);
        if !mutant::on(Mutant::BudgetChargedLate) {
            meter.reserve(self.bundle().data(), &granted.reservation, turn.now);
        }
        self.meters.put(&proposal.principal, meter, turn);
        let flight = OpenFlight {
            principal: proposal.principal.clone(),
            on_behalf_of: proposal.on_behalf_of.clone(),
            tool: proposal.tool.clone(),
            class: granted.permit.class().clone(),
            session: proposal.session,
            reported,
            since: turn.now,
            expires: granted.permit.expires_at(),
            charged: granted.reservation.budgets.iter().map(|(id, amount)| (id.to_string(), *amount)).collect(),
        };
        turn.put(kind::FLIGHT, proposal.id.to_string(), &(proposal.id, flight.clone()));
        self.flights.put(proposal.id, flight);
        granted.permit
    }
}

/// Is what is recorded of a decision: about those too whom a change names.
///
/// The decision that permits an erasure outlives the subject, so it does not say whom: its arguments stay out.
fn content(proposal: &ActionProposal, decision: &Decision, change: Option<&Change>) -> Content {
    let mut content = bodies::decided(proposal, decision);
    match change {
        Some(Change::Erase { .. }) if decision.verdict.permits() => {
            content.values.retain(|value| value.field != Field::Arguments);
        }
        Some(change) => {
            content.subjects.extend(change.subjects());
            content.subjects.sort();
            content.subjects.dedup();
        }
        None => {}
    }
    content
}

fn decided(decision: Decision, case: Option<Case>, changes: Changes) -> Reply {
    Reply::Decided { decision: Box::new(decision), case: case.map(Box::new), changes }
}

/// Answers a permitted change with how making it ended; the cases it ran on have changed either way.
fn with_change(decision: Decision, mut consumed: Vec<Case>, reply: Reply) -> Reply {
    match reply {
        Reply::Done(mut changes) => {
            changes.cases.append(&mut consumed);
            decided(decision, None, changes)
        }
        Reply::Refused { refusal, mut changed } => {
            changed.append(&mut consumed);
            Reply::Refused { refusal, changed }
        }
        other => other,
    }
}
