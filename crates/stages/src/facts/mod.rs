//! Pure gatherers: what proposal and bundle alone say, as facts.
//!
//! The shell adds what only it knows (grants, inventory, history, quarantine, and in the sequencer the
//! switches, counters, cases and its clock) under the names that the stages document.

mod arguments;
mod tool;
mod who;

pub use arguments::amount;

use std::collections::BTreeMap;

use types::bundle::BundleData;
use types::decision::Risk;
use types::{ActionProposal, AutonomyLevel, Channel, FactName, FactValue, Facts, Millis, ProfileId};

use crate::guards::Guard;
use crate::limits::{Covered, calendar};
use crate::risk;
use crate::{escalation, guards};

/// Is for how many facts there is room from the start; a decision seldom reads more.
const ROOM: usize = 64;

/// Is the action class of the product's own administration tools, unless the bundle describes it.
pub const ADMIN_CLASS: &str = "countersign.admin";

/// Is the name of the server whose tools administer the product; no catalogue has it.
pub const ADMIN_SERVER: &str = "countersign";

/// Is an autonomy level somebody gave, for one agent and one action class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Level {
    /// How far the agent may go.
    pub level: AutonomyLevel,
    /// From this instant on it is L0.
    pub expires_at: Millis,
    /// At L2, the environments it may write to by itself.
    pub environments: Vec<String>,
}

/// Gathers what proposal and bundle say: `agent.*`, `person.*`, `delegator.*`, `tool.known|class|effect|reversibility|pin`,
/// `class.*`, `resource.mapped|kind|id`, `claim.*`, `touches.count`, `review.*`, `plan.*` and `impact.<limit>`.
///
/// The environment is not known yet here, so `impact.<limit>` is there for each impact limit that would cover the
/// action in some environment; the stage looks only at those that do.
///
/// - `admin`: the product's own administration tools, as `server.tool`. They are in no catalogue: each is known, writes,
///   and counts as reviewed.
pub fn of_proposal(bundle: &BundleData, proposal: &ActionProposal, admin: &[&str]) -> Facts {
    let mut gathered = Gathered { bundle, proposal, facts: Facts::with_capacity(ROOM) };
    gathered.who();
    gathered.tool(admin);
    gathered.claims();
    gathered.review();
    gathered.plan();
    gathered.impacts();
    gathered.facts
}

/// Computes the risk score and gathers `risk.score`.
pub fn of_risk(bundle: &BundleData, facts: &Facts, at: Millis) -> (Risk, Facts) {
    let risk = risk::score(bundle, facts);
    let mut scored = Facts::new();
    scored.set(FactName::known("risk.score"), risk.score, "risk", at);
    (risk, scored)
}

/// Gathers `window.<limit>` and `freeze.<limit>` for each window and freeze that covers the action, as they are at `now`; and
/// `approval.unattended`, the profiles that nobody would attend to, where a profile asks whoever is on call.
pub fn of_time(bundle: &BundleData, proposal: &ActionProposal, facts: &Facts, now: Millis) -> Facts {
    let mut timed = Facts::new();
    if escalation::asks_on_call(bundle) {
        let unattended = list(escalation::unattended(bundle, proposal, now).into_iter().map(ProfileId::as_str));
        timed.set(FactName::known("approval.unattended"), unattended, "calendar", now);
    }
    let Some(covered) = Covered::by(proposal, facts) else { return timed };
    for (id, window) in bundle.limits.windows.iter().filter(|(_, window)| covered.matches(&window.covers)) {
        timed.set(FactName::new(format!("window.{id}")), calendar::is_open(window, now), "calendar", now);
    }
    for (id, freeze) in bundle.limits.freezes.iter().filter(|(_, freeze)| covered.matches(&freeze.covers)) {
        timed.set(FactName::new(format!("freeze.{id}")), calendar::is_frozen(freeze, now), "calendar", now);
    }
    timed
}

/// Gathers `level.rank|expires_at|environments|rated`, and at L3 `level.unguarded`; without a level the agent is at L0.
///
/// - `facts`: holds `tool.class`, and `resource.env` if it is known, so that it can be said whether a rate covers the action.
pub fn of_level(
    bundle: &BundleData,
    proposal: &ActionProposal,
    facts: &Facts,
    level: Option<&Level>,
    at: Millis,
) -> Facts {
    let mut levels = Facts::new();
    let covered = Covered::by(proposal, facts);
    let rated = covered.is_some_and(|covered| bundle.limits.rates.values().any(|rate| covered.matches(&rate.covers)));
    levels.set(FactName::known("level.rated"), rated, "bundle", at);
    levels.set(FactName::known("level.rank"), level.map_or(0, |l| l.level.rank()), "grants", at);
    levels.set(FactName::known("level.expires_at"), level.map_or(0, |l| l.expires_at.0), "grants", at);
    let environments = level.map(|l| l.environments.clone()).unwrap_or_default();
    levels.set(FactName::known("level.environments"), list(environments), "grants", at);
    let rank = level.map(|level| level.level.rank()).or_else(|| facts.int("level.rank"));
    if rank == Some(AutonomyLevel::L3.rank()) {
        let missing = covered.map_or_else(guards::all, |covered| guards::missing(bundle, &proposal.tool, &covered));
        let alone = (proposal.channel == Channel::Http).then_some(Guard::Gateway);
        levels.set(
            FactName::known("level.unguarded"),
            list(missing.iter().chain(&alone).map(ToString::to_string)),
            "bundle",
            at,
        );
    }
    levels
}

/// Is what an inventory source answered about one entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entity<'a> {
    /// Its attributes.
    pub attributes: &'a BTreeMap<String, FactValue>,
    /// The source, such as `inventory:services`.
    pub source: &'a str,
    /// How old the answer is, in milliseconds; 0 for a file of the bundle, which never ages.
    pub age_ms: i64,
    /// How old the source allows it to be, in milliseconds; `i64::MAX` for a file of the bundle.
    pub age_ms_max: i64,
}

/// Names what `resource.` has besides the attributes of the inventory, which must not be called so.
pub const RESERVED_ATTRIBUTES: [&str; 6] = ["mapped", "known", "kind", "id", "age_ms", "age_ms_max"];

/// Gathers `resource.known`, `resource.age_ms`, `resource.age_ms_max` and the attributes of a mapped resource.
///
/// An attribute with one of the [`RESERVED_ATTRIBUTES`]' names is left out, so that no inventory can vouch for itself.
pub fn of_entity(entity: Option<&Entity<'_>>, at: Millis) -> Facts {
    let mut facts = Facts::new();
    facts.set(FactName::known("resource.known"), entity.is_some(), "inventory", at);
    let Some(entity) = entity else { return facts };
    facts.set(FactName::known("resource.age_ms"), entity.age_ms, entity.source.to_owned(), at);
    facts.set(FactName::known("resource.age_ms_max"), entity.age_ms_max, entity.source.to_owned(), at);
    for (name, value) in entity.attributes.iter().filter(|(name, _)| !RESERVED_ATTRIBUTES.contains(&name.as_str())) {
        facts.set(FactName::new(format!("resource.{name}")), value.clone(), entity.source.to_owned(), at);
    }
    facts
}

/// Makes a list fact: sorted, each value once.
fn list(values: impl IntoIterator<Item = impl Into<String>>) -> FactValue {
    let mut values: Vec<String> = values.into_iter().map(Into::into).collect();
    values.sort();
    values.dedup();
    FactValue::List(values)
}

/// Is the work of [`of_proposal`], half done.
struct Gathered<'a> {
    bundle: &'a BundleData,
    proposal: &'a ActionProposal,
    facts: Facts,
}

impl Gathered<'_> {
    fn by_bundle(&mut self, name: &'static str, value: impl Into<FactValue>) {
        self.facts.set(FactName::known(name), value, "bundle", self.proposal.at);
    }

    fn by_proposal(&mut self, name: &'static str, value: impl Into<FactValue>) {
        self.facts.set(FactName::known(name), value, "proposal", self.proposal.at);
    }
}
