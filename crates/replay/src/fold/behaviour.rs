//! What agents do, hour by hour, as far as a baseline of the bundle watches it.

use std::collections::BTreeMap;

use minicbor::{Decode, Encode};
use stages::behaviour::{HOUR_MS, Hour, Hours, hour_of, peek};
use types::baseline::WINDOW_DAYS_MAX;
use types::bundle::BundleData;
use types::{ActionProposal, AgentId, ClassId, Decision, Facts, Millis, OutcomeStatus, Principal};

use super::due::Due;
use super::ops::Ops;
use super::source::{Rows, read};
use crate::state::{OpenFlight, kind};

/// Is one hour of an agent in a class as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct KeptHour {
    /// The agent.
    #[n(0)]
    pub agent: AgentId,
    /// The action class.
    #[n(1)]
    pub class: ClassId,
    /// The number of the hour since the epoch.
    #[n(2)]
    pub hour: i64,
    /// What it did.
    #[n(3)]
    pub did: Hour,
}

impl KeptHour {
    /// Returns the key under which it is stored.
    fn key(&self) -> String {
        key(&self.agent, &self.class, self.hour)
    }
}

fn key(agent: &AgentId, class: &ClassId, hour: i64) -> String {
    format!("{agent}/{class}/{hour}")
}

type Place = (AgentId, ClassId);

/// Returns when the row of an hour ends by itself: once no window reaches back to it.
pub(super) fn end(hour: i64) -> Millis {
    Millis(hour.saturating_add(1 + 24 * i64::from(WINDOW_DAYS_MAX)).saturating_mul(HOUR_MS))
}

/// Holds the hours of the last days by agent and class.
#[derive(Debug, Clone, Default)]
pub struct Behaviour {
    hours: BTreeMap<Place, Hours>,
    due: Due<(Place, i64)>,
}

impl Behaviour {
    pub(super) fn load(rows: &Rows<'_>) -> Result<Self, String> {
        let mut behaviour = Self::default();
        for (_, kept) in read::<KeptHour>(rows, kind::HOUR)? {
            behaviour.put(kept);
        }
        Ok(behaviour)
    }

    /// Gathers the facts of the baselines that cover an action.
    pub(super) fn peek(&self, bundle: &BundleData, proposal: &ActionProposal, facts: &Facts, now: Millis) -> Facts {
        let class = facts.text("tool.class").and_then(|name| ClassId::new(name).ok());
        let (Principal::Agent(agent), Some(class)) = (&proposal.principal, class) else { return Facts::new() };
        let unknown = Hours::default();
        let hours = self.hours.get(&(agent.clone(), class)).unwrap_or(&unknown);
        peek(bundle, proposal, facts, hours, now)
    }

    /// Takes note of a permit that a baseline covers.
    pub(super) fn permitted(
        &mut self,
        (proposal, decision): (&ActionProposal, &Decision),
        class: &ClassId,
        bundle: &BundleData,
        now: Millis,
        ops: &mut Ops,
    ) {
        let Principal::Agent(agent) = &proposal.principal else { return };
        self.change((agent, class), now, ops, |hour| hour.permitted(bundle, proposal, &decision.facts));
    }

    /// Takes note of how a watched call was seen to end; what an agent says of itself teaches nothing.
    pub(super) fn ended(&mut self, flight: &OpenFlight, status: OutcomeStatus, now: Millis, ops: &mut Ops) {
        let Principal::Agent(agent) = &flight.principal else { return };
        if flight.watched != Some(true) || flight.reported || status == OutcomeStatus::NotDispatched {
            return;
        }
        let took_ms = (status != OutcomeStatus::InDoubt).then(|| now.since(flight.since));
        self.change((agent, &flight.class), now, ops, |hour| hour.ended(status == OutcomeStatus::Done, took_ms));
    }

    fn change(&mut self, (agent, class): (&AgentId, &ClassId), now: Millis, ops: &mut Ops, change: impl Fn(&mut Hour)) {
        let hour = hour_of(now);
        let known = self.hours.get(&(agent.clone(), class.clone())).and_then(|hours| hours.get(&hour));
        let mut did = known.cloned().unwrap_or_default();
        change(&mut did);
        let kept = KeptHour { agent: agent.clone(), class: class.clone(), hour, did };
        ops.put(kind::HOUR, kept.key(), &kept);
        self.put(kept);
    }

    fn put(&mut self, KeptHour { agent, class, hour, did }: KeptHour) {
        self.due.add(end(hour), ((agent.clone(), class.clone()), hour));
        self.hours.entry((agent, class)).or_default().insert(hour, did);
    }

    /// Forgets the hours to which no window reaches back any more.
    pub(super) fn sweep(&mut self, now: Millis, ops: &mut Ops) {
        for (place, hour) in self.due.ended(now) {
            self.forget(&place, hour, ops);
        }
    }

    fn forget(&mut self, place: &Place, hour: i64, ops: &mut Ops) {
        self.due.remove(end(hour), (place.clone(), hour));
        ops.delete(kind::HOUR, key(&place.0, &place.1, hour));
        if let Some(hours) = self.hours.get_mut(place) {
            hours.remove(&hour);
            if hours.is_empty() {
                self.hours.remove(place);
            }
        }
    }

    /// Returns the hours of an agent.
    pub(super) fn of(&self, agent: &AgentId) -> Vec<KeptHour> {
        let own = self.hours.iter().filter(|((own, _), _)| own == agent);
        let kept = own.flat_map(|((agent, class), hours)| {
            let kept = |(hour, did): (&i64, &Hour)| KeptHour {
                agent: agent.clone(),
                class: class.clone(),
                hour: *hour,
                did: did.clone(),
            };
            hours.iter().map(kept)
        });
        kept.collect()
    }

    /// Returns the agents of whom hours are kept.
    pub(super) fn agents(&self) -> impl Iterator<Item = &AgentId> {
        self.hours.keys().map(|(agent, _)| agent)
    }

    /// Sets the hours of an agent.
    pub(super) fn set(&mut self, agent: &AgentId, kept: &[KeptHour], ops: &mut Ops) {
        self.remove(agent, ops);
        for hour in kept {
            ops.put(kind::HOUR, hour.key(), hour);
            self.put(hour.clone());
        }
    }

    /// Forgets the hours of an agent.
    pub(super) fn remove(&mut self, agent: &AgentId, ops: &mut Ops) {
        for kept in self.of(agent) {
            self.forget(&(kept.agent, kept.class), kept.hour, ops);
        }
    }
}
