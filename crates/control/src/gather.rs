//! Preparing a decision: everything that reads only the snapshot, on the caller's own thread.

use policy::ADMIN_TOOLS;
use replay::judge;
use stages::decision::Early;
use stages::facts::{self, Entity, Level};
use types::mutant::{self, Mutant};
use types::{ActionProposal, ClassId, FactName, FactValue, Facts, Millis, Principal};

use crate::snapshot::{Snapshot, Views};

/// Is a proposal with what was gathered and judged so far, and the snapshot's number.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The snapshot it was judged against.
    pub epoch: u64,
    /// The findings and facts of the stages that read the snapshot.
    pub early: Early,
}

/// Gathers the facts of a proposal and judges it by every stage that reads the snapshot.
///
/// - `plan`: the tools its session said it would use.
pub fn prepare(views: &Views, snapshot: &Snapshot, proposal: &ActionProposal, plan: Option<&[String]>) -> Prepared {
    let facts = gather(views, snapshot, proposal, plan);
    Prepared { epoch: snapshot.epoch, early: judge::early(&snapshot.bundle, proposal, facts) }
}

fn gather(views: &Views, snapshot: &Snapshot, proposal: &ActionProposal, plan: Option<&[String]>) -> Facts {
    let data = snapshot.bundle.data();
    let mut all = facts::of_proposal(data, proposal, &ADMIN_TOOLS);
    if let Some(plan) = plan {
        all.set(FactName::known("session.plan"), FactValue::List(plan.to_vec()), "session", proposal.at);
    }
    integrity(snapshot, proposal, &mut all);
    resource(snapshot, proposal.at, &mut all);
    if let Principal::Agent(agent) = &proposal.principal {
        let class = all.text("tool.class").and_then(|name| ClassId::new(name).ok());
        let grant = class.as_ref().and_then(|class| snapshot.grants.get(&(agent.clone(), class.clone())));
        let level = grant.map(|grant| Level {
            level: grant.level,
            expires_at: grant.expires,
            environments: grant.environments.iter().cloned().collect(),
        });
        all.extend(facts::of_level(data, proposal, &all, level.as_ref(), proposal.at));
        if let Some(grant) = grant {
            all.set(FactName::known("level.grant"), grant.id.to_string(), "grants", grant.at);
            all.set(FactName::known("level.by"), grant.by.to_string(), "grants", grant.at);
        }
        if let Some(class) = class {
            let conduct = views.conduct(agent, &class);
            all.set(FactName::known("history.runs"), conduct.runs, "conduct", proposal.at);
            let errors_bp = if conduct.runs > 0 { conduct.errors.saturating_mul(10_000) / conduct.runs } else { 0 };
            all.set(FactName::known("history.errors_bp"), errors_bp, "conduct", proposal.at);
        }
    }
    all
}

/// Says whether the tool is the one that was reviewed: a pin set by hand wins over the catalogue's.
fn integrity(snapshot: &Snapshot, proposal: &ActionProposal, all: &mut Facts) {
    let quarantined = snapshot.quarantine.contains_key(&proposal.tool);
    all.set(FactName::known("tool.quarantined"), quarantined, "catalogue", proposal.at);
    if proposal.tool.operation.starts_with("mcp:") && all.bool("tool.known") == Some(true) {
        // A method of the protocol has no definition that a server could change.
        all.set(FactName::known("tool.pin"), "match", "protocol", proposal.at);
    }
    if mutant::on(Mutant::DefinitionCheckedAtListing) {
        all.set(FactName::known("tool.quarantined"), false, "catalogue", proposal.at);
        all.set(FactName::known("tool.pin"), "match", "catalogue", proposal.at);
        return;
    }
    if let (Some(pin), Some(seen)) = (snapshot.pins.get(&proposal.tool), proposal.definition) {
        let word = if *pin == seen { "match" } else { "changed" };
        all.set(FactName::known("tool.pin"), word, "pins", proposal.at);
    }
}

fn resource(snapshot: &Snapshot, at: Millis, all: &mut Facts) {
    let (Some(kind), Some(id)) = (all.text("resource.kind"), all.text("resource.id")) else {
        if all.bool("resource.mapped") == Some(true) {
            all.extend(facts::of_entity(None, at));
        }
        return;
    };
    let found = snapshot.entities.get(kind, id);
    let entity = found.map(|entity| Entity {
        attributes: &entity.attributes,
        source: &entity.source,
        age_ms: entity.age_ms_max.map_or(0, |_| at.since(entity.at).max(0)),
        age_ms_max: entity.age_ms_max.unwrap_or(i64::MAX),
    });
    all.extend(facts::of_entity(entity.as_ref(), at));
}
