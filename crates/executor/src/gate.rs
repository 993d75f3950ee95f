//! The gate every dispatch passes: where a kill switch takes hold between the record and the wire.
//!
//! A dispatch checks the switches and enters the list of flights under one lock; a kill sets its switch
//! under the same lock. So once [`Gate::kill`] has returned, nothing new leaves, and whatever left before
//! is on the list by name.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use ledger::sync::{Mutex, MutexGuard, watch};
use stages::decision::Permit;
use types::mutant::{self, Mutant};
use types::{ActionId, AgentId, ClassId, Millis, TenantId, ToolName};

/// Is what a kill switch covers.
pub use types::Target as Stop;

/// Is one action that has left, or is about to leave, and has not come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flight {
    /// The action.
    pub action: ActionId,
    /// The tenant.
    pub tenant: TenantId,
    /// The agent, if an agent proposed it.
    pub agent: Option<AgentId>,
    /// The tool.
    pub tool: ToolName,
    /// The action class.
    pub class: ClassId,
    /// When it left.
    pub since: Millis,
}

impl Flight {
    /// Lists what a permit allows.
    ///
    /// - `since`: when it left, or its permit was handed out.
    pub fn of(permit: &Permit, since: Millis) -> Self {
        Self {
            action: permit.action(),
            tenant: permit.tenant().clone(),
            agent: permit.principal().agent().cloned(),
            tool: permit.tool().clone(),
            class: permit.class().clone(),
            since,
        }
    }

    /// Says whether a switch covers this action.
    pub fn covered_by(&self, stop: &Stop) -> bool {
        stop.covers(&self.tenant, self.agent.as_ref(), Some(&self.tool), Some(&self.class))
    }
}

#[derive(Debug, Default)]
struct Inside {
    stops: Vec<Stop>,
    flights: BTreeMap<ActionId, Flight>,
    /// What is counted for whoever watches: the switch, and how many it covers were listed since.
    watches: BTreeMap<u64, (Stop, u64)>,
    /// How many watches there ever were.
    watched: u64,
}

impl Inside {
    /// Puts an action on the list.
    fn list(&mut self, flight: Flight) {
        for (stop, left) in self.watches.values_mut() {
            *left += u64::from(flight.covered_by(stop));
        }
        self.flights.insert(flight.action, flight);
    }
}

/// Lets dispatches through unless a switch is set.
#[derive(Debug, Clone)]
pub struct Gate {
    inside: Arc<Mutex<Inside>>,
    landed: Arc<watch::Sender<u64>>,
}

impl Default for Gate {
    fn default() -> Self {
        Self { inside: Arc::default(), landed: Arc::new(watch::channel(0).0) }
    }
}

/// Is a place on the list of flights, given up when dropped.
#[derive(Debug)]
pub struct Pass {
    gate: Gate,
    action: ActionId,
}

/// Counts what leaves that a switch covers, until it is dropped.
#[derive(Debug)]
pub struct Watch {
    gate: Gate,
    number: u64,
}

impl Watch {
    /// Returns how many have left since it began.
    pub fn left(&self) -> u64 {
        self.gate.lock().watches.get(&self.number).map_or(0, |(_, left)| *left)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.gate.lock().watches.remove(&self.number);
    }
}

impl Gate {
    fn lock(&self) -> MutexGuard<'_, Inside> {
        // Every change of the list is one insert or remove, so a panic elsewhere leaves it whole.
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets one action through and puts it on the list, or returns the switch that stops it.
    ///
    /// # Errors
    ///
    /// The first [`Stop`] that covers the action.
    pub fn enter(&self, flight: Flight) -> Result<Pass, Stop> {
        let mut inside = self.lock();
        let stop = inside.stops.iter().find(|stop| flight.covered_by(stop));
        if let Some(stop) = stop.filter(|_| !mutant::on(Mutant::KillCheckedEarly)) {
            return Err(stop.clone());
        }
        if mutant::on(Mutant::GateLooksFirst) {
            drop(inside);
            return Ok(self.hold(flight));
        }
        let action = flight.action;
        inside.list(flight);
        Ok(Pass { gate: self.clone(), action })
    }

    /// Returns the switch that covers an action now, if one does.
    pub fn stopped(&self, flight: &Flight) -> Option<Stop> {
        self.lock().stops.iter().find(|stop| flight.covered_by(stop)).cloned()
    }

    /// Puts an action on the list whose permit was handed out, or was before a restart: it cannot be held back.
    pub fn hold(&self, flight: Flight) -> Pass {
        let action = flight.action;
        self.lock().list(flight);
        Pass { gate: self.clone(), action }
    }

    /// Sets a switch. When this returns, nothing it covers leaves any more; what is in flight is returned by name.
    pub fn kill(&self, stop: &Stop) -> Vec<Flight> {
        let mut inside = self.lock();
        if !inside.stops.contains(stop) {
            inside.stops.push(stop.clone());
        }
        inside.flights.values().filter(|flight| flight.covered_by(stop)).cloned().collect()
    }

    /// Counts from now on what leaves, or is handed out, that a switch covers; whether it is set does not matter.
    pub fn watch(&self, stop: &Stop) -> Watch {
        let mut inside = self.lock();
        inside.watched += 1;
        let number = inside.watched;
        inside.watches.insert(number, (stop.clone(), 0));
        Watch { gate: self.clone(), number }
    }

    /// Lifts a switch.
    pub fn clear(&self, stop: &Stop) {
        self.lock().stops.retain(|there| there != stop);
    }

    /// Returns what a switch covers that is still in flight.
    pub fn flying(&self, stop: &Stop) -> Vec<Flight> {
        self.lock().flights.values().filter(|flight| flight.covered_by(stop)).cloned().collect()
    }

    /// Waits until nothing that a switch covers is in flight.
    pub async fn drained(&self, stop: &Stop) {
        let mut landings = self.landed.subscribe();
        while !self.flying(stop).is_empty() {
            if landings.changed().await.is_err() {
                return;
            }
        }
    }
}

impl Pass {
    /// Says whether a switch covers the action now.
    pub fn is_stopped(&self) -> bool {
        let inside = self.gate.lock();
        let flight = inside.flights.get(&self.action);
        let stopped = flight.is_none_or(|flight| inside.stops.iter().any(|stop| flight.covered_by(stop)));
        stopped && !mutant::on(Mutant::PermitOutlivesKill)
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.gate.lock().flights.remove(&self.action);
        self.gate.landed.send_modify(|n| *n = n.wrapping_add(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flight(agent: &str, tool: &str) -> Flight {
        Flight {
            action: ActionId::draw(Millis(1), [u8::try_from(agent.len() + tool.len()).unwrap(); 10]),
            tenant: TenantId::new("t").unwrap(),
            agent: Some(AgentId::new(agent).unwrap()),
            tool: tool.parse().unwrap(),
            class: ClassId::new("c").unwrap(),
            since: Millis(1),
        }
    }

    #[test]
    fn each_switch_stops_what_it_covers_and_nothing_else() {
        let covers = [
            Stop::Tenant(TenantId::new("t").unwrap()),
            Stop::Agent(AgentId::new("a").unwrap()),
            Stop::Tool("s.x".parse().unwrap()),
            Stop::Class(ClassId::new("c").unwrap()),
        ];
        let spares = [
            Stop::Tenant(TenantId::new("u").unwrap()),
            Stop::Agent(AgentId::new("b").unwrap()),
            Stop::Tool("s.y".parse().unwrap()),
            Stop::Class(ClassId::new("d").unwrap()),
        ];
        for (stop, spare) in covers.iter().zip(&spares) {
            let gate = Gate::default();
            gate.kill(spare);
            drop(gate.enter(flight("a", "s.x")).unwrap());
            gate.kill(stop);
            assert_eq!(gate.enter(flight("a", "s.x")).unwrap_err(), *stop);
            gate.clear(stop);
            assert!(gate.enter(flight("a", "s.x")).is_ok());
        }
    }

    #[test]
    fn a_watch_counts_what_leaves_and_what_is_handed_out() {
        let gate = Gate::default();
        let stop = Stop::Agent(AgentId::new("a").unwrap());
        drop(gate.enter(flight("a", "s.x")).unwrap());
        let watch = gate.watch(&stop);
        drop(gate.enter(flight("b", "s.x")).unwrap());
        assert_eq!(watch.left(), 0);
        drop((gate.enter(flight("a", "s.x")).unwrap(), gate.hold(flight("a", "s.yy"))));
        assert_eq!(watch.left(), 2);
        gate.kill(&stop);
        assert!(gate.enter(flight("a", "s.x")).is_err());
        assert_eq!((watch.left(), gate.watch(&stop).left()), (2, 0));
        drop(watch);
        assert!(gate.lock().watches.is_empty());
    }

    #[tokio::test]
    async fn a_kill_names_what_is_in_flight_and_drains_when_it_lands() {
        let gate = Gate::default();
        let stop = Stop::Agent(AgentId::new("a").unwrap());
        let pass = gate.enter(flight("a", "s.x")).unwrap();
        assert_eq!(gate.kill(&stop).len(), 1);
        let waiting = tokio::spawn({
            let (gate, stop) = (gate.clone(), stop.clone());
            async move { gate.drained(&stop).await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(pass);
        waiting.await.unwrap();
        assert!(gate.flying(&stop).is_empty());
    }
}
