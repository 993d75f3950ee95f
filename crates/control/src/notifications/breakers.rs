//! Breakers that have opened: read from how they stand, since no record of its own says that one opens.

use std::collections::BTreeSet;

use notify::EventKind;
use notify::event::{Body, BreakerTold};
use notify::source::Found;
use types::breaker::BreakerName;
use types::{Millis, Principal};

use super::finding::DAY_MS;
use crate::breakers::{KeptBulk, KeptCircuit};
use crate::control::Control;
use crate::door::Refusal;

/// Is a breaker that holds an agent back.
struct Opened {
    name: BreakerName,
    at: Millis,
    /// From when on it may hold it back no more, by itself.
    until: Option<Millis>,
}

impl Control {
    /// Finds the breakers that hold an agent back now, and have opened within a day. The same opening has the same id.
    ///
    /// A probe that fails opens its circuit again, for a longer pause: that is told of nobody.
    pub(super) fn breakers_found(&self) -> Result<Vec<Found>, Refusal> {
        if !self.is_told(EventKind::BreakerOpened) {
            return Ok(Vec::new());
        }
        let now = self.now();
        let fresh = self.opened_breakers()?.into_iter().filter(|opened| now < opened.at.plus(DAY_MS));
        Ok(fresh.map(|opened| self.breaker_found(&opened)).collect())
    }

    /// Says of a breaker that it has opened, unless it was closed or reset meanwhile.
    pub(super) fn breaker_told(&self, id: &str) -> Result<Option<Body>, Refusal> {
        let opened = self.opened_breakers()?.into_iter().find(|opened| self.breaker_found(opened).id == id);
        Ok(opened.map(|Opened { name: BreakerName { agent, tool, breaker }, until, .. }| {
            let agent = Principal::Agent(agent).subject();
            Body::Breaker(BreakerTold { breaker: breaker.to_string(), agent, tool, until })
        }))
    }

    fn opened_breakers(&self) -> Result<Vec<Opened>, Refusal> {
        let snapshot = self.snapshot();
        let rules = &snapshot.bundle.data().breakers;
        let kept = self.breakers()?;
        let circuit = |KeptCircuit { name, opened_at, until, .. }: KeptCircuit| {
            let (at, until) = (opened_at?, until?);
            let first = rules.circuits.get(&name.breaker)?.pause_ms;
            (until.since(at) <= first).then_some(Opened { name, at, until: Some(until) })
        };
        let bulk = |KeptBulk { name, stopped_at, until, .. }: KeptBulk| stopped_at.map(|at| Opened { name, at, until });
        let circuits = kept.circuits.into_iter().filter_map(circuit);
        Ok(circuits.chain(kept.bulks.into_iter().filter_map(bulk)).collect())
    }

    fn breaker_found(&self, opened: &Opened) -> Found {
        // The outbox holds no name, nor what names could be tried on.
        let about = format!("countersign/notify/breaker/1 {}/{}", opened.name.key(), opened.at.0);
        let id = format!("breaker_{}", self.redaction.tag(&about).short(32));
        Found {
            about: format!("{}/{id}", opened.at.0),
            id,
            kind: EventKind::BreakerOpened,
            at: opened.at,
            due: opened.at,
            until: opened.at.plus(DAY_MS),
            groups: BTreeSet::new(),
            profiles: BTreeSet::new(),
        }
    }
}
