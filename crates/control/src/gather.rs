//! Preparing a decision: everything that reads only the snapshot, on the caller's own thread.

use policy::ADMIN_TOOLS;
use replay::fold::{Given, of_session};
use replay::judge;
use stages::decision::Early;
use stages::facts::{self, Entity};
use types::{ActionProposal, ClassId, Facts, Millis, Principal, Session};

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
/// - `session`: the session it is part of.
pub fn prepare(views: &Views, snapshot: &Snapshot, proposal: &ActionProposal, session: Option<&Session>) -> Prepared {
    let facts = gather(views, snapshot, proposal, session);
    Prepared { epoch: snapshot.epoch, early: judge::early(&snapshot.bundle, proposal, facts) }
}

fn gather(views: &Views, snapshot: &Snapshot, proposal: &ActionProposal, session: Option<&Session>) -> Facts {
    let data = snapshot.bundle.data();
    let mut all = facts::of_proposal(data, proposal, &ADMIN_TOOLS);
    if let Some(session) = session {
        all.extend(of_session(session, proposal.at));
    }
    resource(snapshot, proposal.at, &mut all);
    let given = Given {
        grants: &snapshot.grants,
        pins: &snapshot.pins,
        quarantine: &snapshot.quarantine,
        identities: &snapshot.identities,
        tested: &snapshot.tested,
    };
    all.extend(given.facts(data, proposal, &all));
    let class = all.text("tool.class").and_then(|name| ClassId::new(name).ok());
    if let (Principal::Agent(agent), Some(class)) = (&proposal.principal, class) {
        all.extend(views.conduct(agent, &class).facts(proposal.at));
    }
    all
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
