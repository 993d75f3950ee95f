//! What agents do, hour by hour, as far as a baseline of the bundle watches it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use minicbor::{Decode, Encode};
use stages::behaviour::{HOUR_MS, Hour, Hours, Known, Usual, hour_of, peek, usual};
use types::baseline::{BaselineRule, WINDOW_DAYS_MAX};
use types::bundle::BundleData;
use types::{ActionProposal, AgentId, ClassId, Decision, Facts, LimitId, Millis, OutcomeStatus, Principal};

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
    hours: BTreeMap<Place, Did>,
    due: Due<(Place, i64)>,
}

/// Is what an agent did in a class, and what of it is usual.
#[derive(Debug, Default)]
struct Did {
    hours: Hours,
    /// What is usual by each baseline, computed once an hour: only hours that are over teach.
    usual: Mutex<BTreeMap<LimitId, Told>>,
}

/// Is what is usual by a baseline in an hour.
#[derive(Debug)]
struct Told {
    hour: i64,
    rule: BaselineRule,
    usual: Arc<Usual>,
}

impl Clone for Did {
    fn clone(&self) -> Self {
        Self { hours: self.hours.clone(), usual: Mutex::default() }
    }
}

impl Did {
    /// Sets what it did in an hour, and forgets what is usual if the hour is one that teaches already.
    fn put(&mut self, hour: i64, did: Hour) {
        let told = self.usual.get_mut().unwrap_or_else(PoisonError::into_inner);
        told.retain(|_, told| told.hour <= hour);
        self.hours.insert(hour, did);
    }

    fn remove(&mut self, hour: i64) {
        self.usual.get_mut().unwrap_or_else(PoisonError::into_inner).clear();
        self.hours.remove(&hour);
    }
}

impl Known for Did {
    fn usual(&self, id: &LimitId, rule: &BaselineRule, now: Millis) -> Arc<Usual> {
        let mut told = self.usual.lock().unwrap_or_else(PoisonError::into_inner);
        let hour = hour_of(now);
        if let Some(told) = told.get(id).filter(|told| told.hour == hour && told.rule == *rule) {
            return Arc::clone(&told.usual);
        }
        let usual = Arc::new(usual(&self.hours, rule, now));
        told.insert(id.clone(), Told { hour, rule: rule.clone(), usual: Arc::clone(&usual) });
        usual
    }

    fn hour(&self, now: Millis) -> Cow<'_, Hour> {
        self.hours.hour(now)
    }
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
        let unknown = Did::default();
        let did = self.hours.get(&(agent.clone(), class)).unwrap_or(&unknown);
        peek(bundle, proposal, facts, did, now)
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
        let known = self.hours.get(&(agent.clone(), class.clone())).and_then(|did| did.hours.get(&hour));
        let mut did = known.cloned().unwrap_or_default();
        change(&mut did);
        let kept = KeptHour { agent: agent.clone(), class: class.clone(), hour, did };
        ops.put(kind::HOUR, kept.key(), &kept);
        self.put(kept);
    }

    fn put(&mut self, KeptHour { agent, class, hour, did }: KeptHour) {
        self.due.add(end(hour), ((agent.clone(), class.clone()), hour));
        self.hours.entry((agent, class)).or_default().put(hour, did);
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
        if let Some(did) = self.hours.get_mut(place) {
            did.remove(hour);
            if did.hours.is_empty() {
                self.hours.remove(place);
            }
        }
    }

    /// Returns the hours of an agent.
    pub(super) fn of(&self, agent: &AgentId) -> Vec<KeptHour> {
        let own = self.hours.iter().filter(|((own, _), _)| own == agent);
        let kept = own.flat_map(|((agent, class), did)| {
            let kept = |(hour, did): (&i64, &Hour)| KeptHour {
                agent: agent.clone(),
                class: class.clone(),
                hour: *hour,
                did: did.clone(),
            };
            did.hours.iter().map(kept)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(window_days: u32) -> BaselineRule {
        let set = serde_json::json!({ "window_days": window_days, "hours_min": 3, "seen_min": 2 });
        serde_json::from_value(set).unwrap()
    }

    proptest::proptest! {
        /// What is kept of an hour is what would be computed anew, whichever hour changes in between.
        #[test]
        fn what_is_told_is_what_the_hours_say(steps in proptest::collection::vec((0_i64..60, 0_u32..40, 0_u8..3, 0_i64..60), 1..60)) {
            let (mut did, id) = (Did::default(), LimitId::new("usual").unwrap());
            for (hour, permits, what, now) in steps {
                match what {
                    0 => did.remove(hour),
                    _ => did.put(hour, Hour { permits, resources: [u64::from(permits)].into(), ..Hour::default() }),
                }
                for rule in [rule(1), rule(2)] {
                    let now = Millis(now * HOUR_MS + 7);
                    proptest::prop_assert_eq!(&*did.usual(&id, &rule, now), &usual(&did.hours, &rule, now));
                }
            }
        }
    }
}
