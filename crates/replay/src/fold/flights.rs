//! Permitted actions that have no outcome yet.

use std::collections::BTreeMap;

use types::{ActionId, Millis};

use super::due::Due;
use super::source::{Rows, read};
use crate::state::{OpenFlight, kind};

/// Is how long after its permit's end an agent may still report what came of it, in milliseconds of the journal's time:
/// 24 hours. From then on the action is in doubt.
pub const UNREPORTED_MS: i64 = 86_400_000;

/// Is how long an agent that executes by itself may hold a permit, in milliseconds.
pub const REPORTED_PERMIT_MS: i64 = 300_000;

/// Holds the permitted actions that have no outcome yet.
#[derive(Debug, Clone, Default)]
pub struct Flights {
    open: BTreeMap<ActionId, OpenFlight>,
    /// Those that only their agents can report on. The rest end with the call, or with the process.
    unreported: Due<ActionId>,
}

impl Flights {
    pub(super) fn load(rows: &Rows<'_>) -> Result<Self, String> {
        let mut flights = Self::default();
        for (_, (action, flight)) in read::<(ActionId, OpenFlight)>(rows, kind::FLIGHT)? {
            flights.put(action, flight);
        }
        Ok(flights)
    }

    /// Returns the flight of an action, if it is open.
    pub fn get(&self, action: &ActionId) -> Option<&OpenFlight> {
        self.open.get(action)
    }

    /// Returns all open flights.
    pub fn all(&self) -> impl Iterator<Item = (&ActionId, &OpenFlight)> {
        self.open.iter()
    }

    /// Returns those that the gateway carries out itself.
    pub fn dispatched(&self) -> Vec<(ActionId, OpenFlight)> {
        let dispatched = self.open.iter().filter(|(_, flight)| !flight.reported);
        dispatched.map(|(id, flight)| (*id, flight.clone())).collect()
    }

    /// Returns the first of those on which their agents may not report any more at `now`.
    pub fn unreported(&self, now: Millis) -> Vec<ActionId> {
        self.unreported.ended(now)
    }

    pub(super) fn put(&mut self, action: ActionId, flight: OpenFlight) {
        if flight.reported {
            self.unreported.add(last_report(&flight), action);
        }
        self.open.insert(action, flight);
    }

    pub(super) fn remove(&mut self, action: &ActionId) -> Option<OpenFlight> {
        let flight = self.open.remove(action)?;
        if flight.reported {
            self.unreported.remove(last_report(&flight), *action);
        }
        Some(flight)
    }
}

fn last_report(flight: &OpenFlight) -> Millis {
    flight.expires.plus(UNREPORTED_MS)
}
