//! Breakers: circuits, each of one agent on one tool, and bulk breakers, each of one agent over all tools.
//!
//! They cover agents alone: people stop and start things by hand. What they know is state that changes with permits and
//! endings; what a decision reads of it are facts.

mod bulk;
mod circuit;

pub use bulk::{Bulk, BulkStand};
pub use circuit::{Circuit, Ending, Opened, Stand};

use types::bundle::{BulkRule, BundleData, CircuitRule};
use types::{ActionProposal, Code, Decision, FactName, Facts, Finding, LimitId, Millis, Principal, Stage, Verdict};

use crate::limits::Covered;
use crate::mutant::{self, Mutant};
use crate::said::Said;

/// Is the administration tool that resets a breaker.
pub const RESET: &str = "countersign.breaker.reset";

/// Are the breakers that cover an action.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Covering<'a> {
    /// The circuits.
    pub circuits: Vec<(&'a LimitId, &'a CircuitRule)>,
    /// The bulk breakers in which it counts.
    pub bulks: Vec<(&'a LimitId, &'a BulkRule)>,
}

/// Returns the breakers that cover an action; none covers what a person does.
///
/// Reads `tool.class`, without which nobody can say what covers it, `tool.effect`, `tool.reversibility`, and `resource.env`.
pub fn covering<'a>(bundle: &'a BundleData, proposal: &ActionProposal, facts: &Facts) -> Covering<'a> {
    let is_agent = matches!(proposal.principal, Principal::Agent(_));
    let Some(covered) = Covered::by(proposal, facts).filter(|_| is_agent) else { return Covering::default() };
    let circuits = bundle.breakers.circuits.iter().filter(|(_, rule)| covered.matches(&rule.covers));
    let bulks = bundle.breakers.bulks.iter().filter(|(_, rule)| covered.matches(&rule.covers));
    Covering { circuits: circuits.collect(), bulks: bulks.filter(|(_, rule)| bulk::counts(rule, facts)).collect() }
}

/// Judges the breakers that cover the action; one that covers it and whose fact is missing denies.
///
/// Reads what [`covering`] reads, and of each breaker that covers the action `circuit.<name>`, with `circuit.<name>.free` if it
/// is half open, or `bulk.<name>`. Says nothing if none covers it.
pub fn check(bundle: &BundleData, proposal: &ActionProposal, facts: &Facts) -> Vec<Finding> {
    let mut said = Said::by(Stage::Breakers, facts);
    let Covering { circuits, bulks } = covering(bundle, proposal, facts);
    if circuits.is_empty() && bulks.is_empty() {
        return said.so_far();
    }
    circuits.iter().for_each(|(id, _)| circuit_says(&mut said, id, facts));
    bulks.iter().for_each(|(id, rule)| bulk_says(&mut said, id, rule));
    said.or_allow(Code::BreakersClosed, "no breaker stands against it", "breakers")
}

fn circuit_says(said: &mut Said<'_>, id: &LimitId, facts: &Facts) {
    let name = format!("circuit.{id}");
    let free = match said.text(&name) {
        Some("closed") | None => return,
        Some("half_open") => said.int(&format!("{name}.free")),
        Some("open") if mutant::on(Mutant::CircuitIgnored) => return,
        Some("open") => Some(0),
        Some(_) => return said.missing(&name),
    };
    match free {
        None => {}
        Some(1..) => {
            let detail = format!("the circuit `{id}` is being tried, and this call is a probe");
            said.observe(Code::CircuitProbing, detail, name);
        }
        Some(_) => {
            let until = facts.int(&format!("{name}.until"));
            let when = until.map_or("its probes are out".to_owned(), |ms| format!("until {ms} ms after the epoch"));
            let detail = format!("calls of this agent to this tool fail, so the circuit `{id}` is open: {when}");
            said.deny(Code::CircuitOpen, detail, name);
        }
    }
}

fn bulk_says(said: &mut Said<'_>, id: &LimitId, rule: &BulkRule) {
    let name = format!("bulk.{id}");
    match said.text(&name) {
        Some("free") | None => {}
        Some(_) if mutant::on(Mutant::BulkIgnored) => {}
        Some("full" | "stopped") => {
            let BulkRule { permits_max, within_ms, .. } = rule;
            let detail = format!("`{id}` allows {permits_max} calls in {within_ms} ms that are hard to take back");
            said.escalate(rule.profile.as_ref(), Code::BulkStopped, detail, name);
        }
        Some(_) => said.missing(&name),
    }
}

/// Returns the state of a breaker of one agent by its name, if any is kept.
pub type StateOf<'a, 's, T> = &'a dyn Fn(&LimitId) -> Option<&'s T>;

/// Gathers the facts of the breakers that cover an action.
///
/// - `circuit`, `bulk`: the states of the agent's breakers.
pub fn peek<'s>(
    bundle: &BundleData,
    proposal: &ActionProposal,
    facts: &Facts,
    (circuit, bulk): (StateOf<'_, 's, Circuit>, StateOf<'_, 's, Bulk>),
    now: Millis,
) -> Facts {
    let mut peeked = Peeked { facts: Facts::new(), now };
    let Covering { circuits, bulks } = covering(bundle, proposal, facts);
    for (id, rule) in circuits {
        peeked.circuit(id, circuit(id).map_or(Stand::Closed, |circuit| circuit.stand(rule, now)));
    }
    for (id, rule) in bulks {
        let unused = Bulk::default();
        peeked.bulk(id, rule, bulk(id).unwrap_or(&unused));
    }
    peeked.facts
}

struct Peeked {
    facts: Facts,
    now: Millis,
}

impl Peeked {
    fn circuit(&mut self, id: &LimitId, stand: Stand) {
        let (name, now) = (format!("circuit.{id}"), self.now);
        let mut set = |part: &str, value: i64| {
            self.facts.set(FactName::new(format!("{name}.{part}")), value, "circuits", now);
        };
        match stand {
            Stand::Closed => {}
            Stand::Open { at, until } => {
                set("opened_at", at.0);
                set("until", until.0);
            }
            Stand::HalfOpen { at, free } => {
                set("opened_at", at.0);
                set("free", i64::from(free));
            }
        }
        self.facts.set(FactName::new(name), stand.as_str(), "circuits", now);
    }

    fn bulk(&mut self, id: &LimitId, rule: &BulkRule, bulk: &Bulk) {
        let (name, now) = (format!("bulk.{id}"), self.now);
        let stand = bulk.stand(rule, now);
        let mut set = |part: &str, value: i64| {
            self.facts.set(FactName::new(format!("{name}.{part}")), value, "bulks", now);
        };
        set("permits", bulk.counted(rule, now));
        if let BulkStand::Stopped { at, until } = stand {
            set("stopped_at", at.0);
            until.into_iter().for_each(|until| set("until", until.0));
        }
        self.facts.set(FactName::new(name), stand.as_str(), "bulks", now);
    }
}

/// Returns the bulk breakers that stop the agent with this decision: there was no room for one call more, and nothing but
/// breakers of this kind stood against it.
///
/// Whoever records decisions MUST record one that stops an agent. A denial that is only counted never does: who is denied so
/// often is denied for that.
pub fn stops(decision: &Decision) -> Vec<LimitId> {
    let others = decision.findings.iter().filter(|finding| finding.code != Code::BulkStopped);
    if decision.findings.iter().all(|finding| finding.code != Code::BulkStopped)
        || Verdict::join(others.map(|finding| &finding.restriction)) == Verdict::Deny
    {
        return Vec::new();
    }
    let full = decision.facts.under("bulk.").filter(|_| !mutant::on(Mutant::BulkNeverHolds));
    let full = full.filter(|fact| fact.value == types::FactValue::from(BulkStand::Full.as_str()));
    full.filter_map(|fact| LimitId::new(fact.name.as_str().strip_prefix("bulk.")?).ok()).collect()
}
