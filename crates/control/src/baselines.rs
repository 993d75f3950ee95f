//! Baselines: what is usual for an agent, as far as that was learned.

use std::collections::BTreeMap;

use replay::fold::KeptHour;
pub use stages::behaviour::Range;
use stages::behaviour::{Hour, Hours, Usual, hour_of, usual};
use types::bundle::Scope;
use types::{AgentId, ClassId, LimitId, Millis, cbor};

use crate::control::Control;
use crate::error::Failure;
use crate::state::kind;

/// Is what a baseline knows of an agent in an action class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Learned {
    /// The action class.
    pub class: ClassId,
    /// What the bundle calls the baseline.
    pub baseline: LimitId,
    /// How many whole hours it needs before it says anything.
    pub hours_min: u32,
    /// What is usual.
    pub usual: Usual,
    /// How many permits the agent had in the present hour.
    pub volume: u32,
    /// How many of the present hour's endings were failures, in basis points; `None` while too few have ended to judge.
    pub errors_bp: Option<i64>,
    /// How long the present hour's answers took on average, in milliseconds; `None` while too few have ended to judge.
    pub pace_ms: Option<i64>,
}

impl Control {
    /// Returns what the active bundle's baselines know of an agent, in order of class and baseline, and when that was so.
    ///
    /// # Errors
    ///
    /// What the journal says.
    pub fn baselines(&self, agent: &AgentId) -> Failure<(Millis, Vec<Learned>)> {
        let (snapshot, now) = (self.snapshot(), self.now());
        let rows = self.history().state(kind::HOUR)?;
        let mut by_class: BTreeMap<ClassId, Hours> = BTreeMap::new();
        let kept = rows.iter().filter_map(|(_, bytes)| cbor::decode::<KeptHour>(bytes).ok());
        for KeptHour { class, hour, did, .. } in kept.filter(|kept| kept.agent == *agent) {
            by_class.entry(class).or_default().insert(hour, did);
        }
        let covers =
            |scope: &Scope, class: &ClassId| scope.agent.matches(agent.as_str()) && scope.class.matches(class.as_str());
        let mut learned = Vec::new();
        for (class, hours) in &by_class {
            let rules = snapshot.bundle.data().baselines.iter().filter(|(_, rule)| covers(&rule.covers, class));
            let present = hours.get(&hour_of(now)).cloned().unwrap_or_default();
            learned.extend(rules.map(|(id, rule)| {
                let judged = Some(&present).filter(|present| present.is_judged(rule));
                Learned {
                    class: class.clone(),
                    baseline: id.clone(),
                    hours_min: rule.hours_min,
                    usual: usual(hours, rule, now),
                    volume: present.permits,
                    errors_bp: judged.and_then(Hour::errors_bp),
                    pace_ms: judged.and_then(Hour::pace_ms),
                }
            }));
        }
        Ok((now, learned))
    }
}
