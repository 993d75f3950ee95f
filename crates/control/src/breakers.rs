//! Breakers: how they stand, and their reset by decision.

use stages::breaker::{Bulk, BulkStand, Circuit, RESET};
use types::breaker::BreakerName;
use types::bundle::{BulkRule, CircuitRule};
use types::{ActionId, Millis, PersonId, cbor};

use crate::control::Control;
use crate::error::{Failure, not_found};
use crate::machine::Change;
use crate::state::kind;

/// Is a circuit that has seen a failure, or is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptCircuit {
    /// Its name.
    pub name: BreakerName,
    /// How it stands now: `closed`, `open`, `half_open`, or [`GONE`].
    pub state: &'static str,
    /// How many failures count, while it is closed.
    pub failures: usize,
    /// When it opened.
    pub opened_at: Option<Millis>,
    /// From when on it lets probes through.
    pub until: Option<Millis>,
    /// The probes that are out.
    pub probes: Vec<ActionId>,
}

/// Is a bulk breaker that has counted something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptBulk {
    /// Its name.
    pub name: BreakerName,
    /// How it stands now: `free`, `full`, `stopped`, or [`GONE`].
    pub state: &'static str,
    /// How many permits count now.
    pub permits: i64,
    /// When it stopped the agent, while it does.
    pub stopped_at: Option<Millis>,
    /// When that ends; absent if only a person ends it.
    pub until: Option<Millis>,
}

/// Is how a breaker stands that the active bundle does not have: it holds nothing back.
pub const GONE: &str = "gone";

/// Are the breakers of all agents that are not as if they had never been used, in order of name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptBreakers {
    /// When they stood so.
    pub now: Millis,
    /// The circuits.
    pub circuits: Vec<KeptCircuit>,
    /// The bulk breakers.
    pub bulks: Vec<KeptBulk>,
}

impl KeptCircuit {
    fn of(name: BreakerName, circuit: &Circuit, rule: Option<&CircuitRule>, now: Millis) -> Self {
        let opened = circuit.opened.as_ref();
        let counts = |at: &Millis| rule.is_some_and(|rule| now.since(*at) < rule.within_ms);
        Self {
            name,
            state: rule.map_or(GONE, |rule| circuit.stand(rule, now).as_str()),
            failures: circuit.endings.iter().filter(|(at, failed)| *failed && counts(at)).count(),
            opened_at: opened.map(|opened| opened.at),
            until: opened.map(|opened| opened.at.plus(opened.pause_ms)),
            probes: opened.map(|opened| opened.probes.clone()).unwrap_or_default(),
        }
    }
}

impl KeptBulk {
    fn of(name: BreakerName, bulk: &Bulk, rule: Option<&BulkRule>, now: Millis) -> Self {
        let stand = rule.map(|rule| bulk.stand(rule, now));
        let (stopped_at, until) = match stand {
            Some(BulkStand::Stopped { at, until }) => (Some(at), until),
            Some(BulkStand::Free | BulkStand::Full) | None => (None, None),
        };
        let permits = rule.map_or(0, |rule| bulk.counted(rule, now));
        Self { name, state: stand.map_or(GONE, BulkStand::as_str), permits, stopped_at, until }
    }
}

impl Control {
    /// Returns the breakers that have seen something, as they are durable, and how they stand now.
    ///
    /// # Errors
    ///
    /// What the journal says.
    pub fn breakers(&self) -> Failure<KeptBreakers> {
        let (snapshot, now) = (self.snapshot(), self.now());
        let rules = &snapshot.bundle.data().breakers;
        let circuits = self.kept(kind::CIRCUIT)?.into_iter().map(|(name, circuit): (BreakerName, Circuit)| {
            let rule = rules.circuits.get(&name.breaker);
            KeptCircuit::of(name, &circuit, rule, now)
        });
        let bulks = self.kept(kind::BULK)?.into_iter().map(|(name, bulk): (BreakerName, Bulk)| {
            let rule = rules.bulks.get(&name.breaker);
            KeptBulk::of(name, &bulk, rule, now)
        });
        Ok(KeptBreakers { now, circuits: circuits.collect(), bulks: bulks.collect() })
    }

    fn kept<T: cbor::Canonical>(&self, kind: &str) -> Failure<Vec<(BreakerName, T)>> {
        let rows = self.history().state(kind)?;
        Ok(rows.iter().filter_map(|(_, bytes)| cbor::decode(bytes).ok()).collect())
    }

    /// Resets a breaker, if policy lets this person: it is then as if it had never been used.
    ///
    /// # Errors
    ///
    /// A refusal with the decision's findings, or `not-found` if the breaker has seen nothing.
    pub async fn reset_breaker(&self, by: &PersonId, name: BreakerName, reason: &str) -> Failure<()> {
        let kept = if name.tool.is_some() { kind::CIRCUIT } else { kind::BULK };
        let Some(bytes) = self.history().state_value(kept, &name.key())? else {
            return Err(not_found(format!("breaker `{}` that has seen anything", name.key())));
        };
        let bulk = cbor::decode::<(BreakerName, Bulk)>(&bytes).ok().filter(|_| name.tool.is_none());
        let stopped = bulk.and_then(|(_, bulk)| bulk.stopped);
        // An approval is bound to these, so they say which time the agent was stopped, and not the breaker's name alone.
        let arguments =
            serde_json::json!({ "agent": name.agent, "tool": name.tool, "breaker": name.breaker, "stopped": stopped });
        self.administer(by, RESET, &arguments, reason, Change::Reset(name, stopped)).await.map(drop)
    }
}
