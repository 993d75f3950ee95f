//! The breakers of all agents, stored so that a restart closes none.

use std::collections::BTreeMap;

use stages::breaker::{self, Bulk, Circuit, Ending};
use stages::limits::Reservation;
use types::breaker::BreakerName;
use types::bundle::{self, BundleData};
use types::{ActionId, ActionProposal, AgentId, Decision, Facts, LimitId, Millis, OutcomeStatus, Principal, ToolName};

use super::ops::Ops;
use super::source::{Rows, read};
use crate::state::{Kept, OpenFlight, kind};

/// Holds the breakers of agents that are not as if they had never been used.
#[derive(Debug, Clone, Default)]
pub struct Breakers {
    circuits: BTreeMap<BreakerName, Circuit>,
    bulks: BTreeMap<BreakerName, Bulk>,
}

impl Breakers {
    pub(super) fn load(rows: &Rows<'_>) -> Result<Self, String> {
        let circuits = read::<(BreakerName, Circuit)>(rows, kind::CIRCUIT)?.into_iter().map(|(_, entry)| entry);
        let bulks = read::<(BreakerName, Bulk)>(rows, kind::BULK)?.into_iter().map(|(_, entry)| entry);
        Ok(Self { circuits: circuits.collect(), bulks: bulks.collect() })
    }

    /// Returns the circuits that have seen a failure or are open, by name.
    pub fn circuits(&self) -> &BTreeMap<BreakerName, Circuit> {
        &self.circuits
    }

    /// Returns the bulk breakers that have counted something, by name.
    pub fn bulks(&self) -> &BTreeMap<BreakerName, Bulk> {
        &self.bulks
    }

    /// Gathers the facts of the breakers that cover an action.
    pub(super) fn peek(&self, bundle: &BundleData, proposal: &ActionProposal, facts: &Facts, now: Millis) -> Facts {
        let Principal::Agent(agent) = &proposal.principal else { return Facts::new() };
        let circuit = |id: &LimitId| self.circuits.get(&circuit_of(agent, &proposal.tool, id));
        let bulk = |id: &LimitId| self.bulks.get(&bulk_of(agent, id));
        breaker::peek(bundle, proposal, facts, (&circuit, &bulk), now)
    }

    /// Takes note of a permit.
    pub(super) fn permitted(
        &mut self,
        proposal: &ActionProposal,
        rules: &bundle::Breakers,
        reservation: &Reservation,
        now: Millis,
        ops: &mut Ops,
    ) {
        let Principal::Agent(agent) = &proposal.principal else { return };
        for id in &reservation.circuits {
            let name = circuit_of(agent, &proposal.tool, id);
            let mut circuit = self.circuits.get(&name).cloned().unwrap_or_default();
            if circuit.permitted(proposal.id, now) {
                self.put_circuit(name, circuit, ops);
            }
        }
        for (id, rule) in reservation.bulks.iter().filter_map(|id| Some((id, rules.bulks.get(id)?))) {
            let name = bulk_of(agent, id);
            let mut bulk = self.bulks.get(&name).cloned().unwrap_or_default();
            bulk.permitted(rule, now);
            self.put_bulk(name, bulk, ops);
        }
    }

    /// Takes note of how a permitted action ended; a circuit that the bundle no longer has is passed over.
    pub(super) fn ended(
        &mut self,
        action: &ActionId,
        flight: &OpenFlight,
        rules: &bundle::Breakers,
        status: OutcomeStatus,
        now: Millis,
        ops: &mut Ops,
    ) {
        let (Principal::Agent(agent), Some(circuits)) = (&flight.principal, &flight.circuits) else { return };
        let ending = Ending::of(status, flight.reported);
        for (id, rule) in circuits.iter().filter_map(|id| Some((id, rules.circuits.get(id)?))) {
            let name = circuit_of(agent, &flight.tool, id);
            let mut circuit = self.circuits.get(&name).cloned().unwrap_or_default();
            if circuit.ended(rule, action, ending, now) {
                self.put_circuit(name, circuit, ops);
            }
        }
    }

    /// Lets a decision stop its agent, if it does.
    pub(super) fn stop(&mut self, proposal: &ActionProposal, decision: &Decision, now: Millis, ops: &mut Ops) {
        let Principal::Agent(agent) = &proposal.principal else { return };
        for id in breaker::stops(decision) {
            let name = bulk_of(agent, &id);
            let mut bulk = self.bulks.get(&name).cloned().unwrap_or_default();
            bulk.stop(now);
            self.put_bulk(name, bulk, ops);
        }
    }

    /// Makes a breaker as if it had never been used.
    pub(super) fn reset(&mut self, name: &BreakerName, ops: &mut Ops) {
        match name.tool {
            Some(_) => self.put_circuit(name.clone(), Circuit::default(), ops),
            None => self.put_bulk(name.clone(), Bulk::default(), ops),
        }
    }

    /// Returns how the breakers of an agent stand.
    pub(super) fn of(&self, agent: &AgentId) -> Kept {
        let circuits = self.circuits.iter().filter(|(name, _)| name.agent == *agent);
        let bulks = self.bulks.iter().filter(|(name, _)| name.agent == *agent);
        Kept {
            circuits: circuits.map(|(name, circuit)| (name.clone(), circuit.clone())).collect(),
            bulks: bulks.map(|(name, bulk)| (name.clone(), bulk.clone())).collect(),
        }
    }

    /// Returns the agents of whom anything is kept.
    pub(super) fn agents(&self) -> impl Iterator<Item = &AgentId> {
        self.circuits.keys().chain(self.bulks.keys()).map(|name| &name.agent)
    }

    /// Sets how the breakers of an agent stand.
    pub(super) fn set(&mut self, agent: &AgentId, kept: &Kept, ops: &mut Ops) {
        self.remove(agent, ops);
        kept.circuits.iter().for_each(|(name, circuit)| self.put_circuit(name.clone(), circuit.clone(), ops));
        kept.bulks.iter().for_each(|(name, bulk)| self.put_bulk(name.clone(), bulk.clone(), ops));
    }

    /// Forgets the breakers of an agent.
    pub(super) fn remove(&mut self, agent: &AgentId, ops: &mut Ops) {
        let kept = self.of(agent);
        kept.circuits.into_iter().for_each(|(name, _)| self.put_circuit(name, Circuit::default(), ops));
        kept.bulks.into_iter().for_each(|(name, _)| self.put_bulk(name, Bulk::default(), ops));
    }

    fn put_circuit(&mut self, name: BreakerName, circuit: Circuit, ops: &mut Ops) {
        if circuit == Circuit::default() {
            ops.delete(kind::CIRCUIT, name.key());
            self.circuits.remove(&name);
        } else {
            ops.put(kind::CIRCUIT, name.key(), &(name.clone(), circuit.clone()));
            self.circuits.insert(name, circuit);
        }
    }

    fn put_bulk(&mut self, name: BreakerName, bulk: Bulk, ops: &mut Ops) {
        if bulk == Bulk::default() {
            ops.delete(kind::BULK, name.key());
            self.bulks.remove(&name);
        } else {
            ops.put(kind::BULK, name.key(), &(name.clone(), bulk.clone()));
            self.bulks.insert(name, bulk);
        }
    }
}

fn circuit_of(agent: &AgentId, tool: &ToolName, breaker: &LimitId) -> BreakerName {
    BreakerName { agent: agent.clone(), tool: Some(tool.clone()), breaker: breaker.clone() }
}

fn bulk_of(agent: &AgentId, breaker: &LimitId) -> BreakerName {
    BreakerName { agent: agent.clone(), tool: None, breaker: breaker.clone() }
}
