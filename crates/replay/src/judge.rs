//! Judging a proposal by everything that reads the bundle: the one way in which requests and replays go.

use policy::{Bundle, Question, Resource};
use stages::decision::{Early, PolicyAnswer, pre};
use stages::facts::{self, RESERVED_ATTRIBUTES};
use types::decision::Semantics;
use types::{ActionProposal, AutonomyLevel, Fact, Facts};

/// Scores the risk of a proposal, asks the policies, and judges it by every stage that reads the snapshot.
///
/// - `facts`: everything gathered from the snapshot; `risk.score` is added to it, or replaced in it.
pub fn early(bundle: &Bundle, proposal: &ActionProposal, facts: Facts) -> Early {
    early_by(Semantics::LATEST, bundle, proposal, facts)
}

/// Does what [`early`] does by a version of the rules.
pub fn early_by(semantics: Semantics, bundle: &Bundle, proposal: &ActionProposal, mut facts: Facts) -> Early {
    let (risk, scored) = facts::of_risk(bundle.data(), &facts, proposal.at);
    facts.extend(scored);
    let answer = answer_by(semantics, bundle, proposal, &facts);
    pre(bundle.data(), proposal, facts, risk, answer)
}

/// Asks a bundle's policies about a proposal, on nothing but the proposal and the gathered facts.
pub fn ask_policy(bundle: &Bundle, proposal: &ActionProposal, all: &Facts) -> PolicyAnswer {
    answer_by(Semantics::LATEST, bundle, proposal, all)
}

fn answer_by(semantics: Semantics, bundle: &Bundle, proposal: &ActionProposal, all: &Facts) -> PolicyAnswer {
    let answer = bundle.evaluate(&Question {
        principal: &proposal.principal,
        delegator: proposal.on_behalf_of.as_ref(),
        tool: &proposal.tool,
        resource: resource_in(all),
        arguments: &proposal.arguments,
        now: proposal.at,
        level: level_in_force(proposal, all),
        risk: all.int("risk.score").unwrap_or(i64::MAX),
        touches: all.int("touches.count").unwrap_or_default(),
        confidence_bp: all.int("claim.confidence_bp").and_then(|bp| u32::try_from(bp).ok()),
        semantics,
    });
    PolicyAnswer {
        findings: answer.findings,
        policies: answer.policies,
        obligations: answer.obligations.into_iter().collect(),
    }
}

/// An expired level is L0.
fn level_in_force(proposal: &ActionProposal, all: &Facts) -> AutonomyLevel {
    let alive = all.int("level.expires_at").is_some_and(|end| proposal.at.0 < end);
    AutonomyLevel::from_rank(all.int("level.rank").filter(|_| alive).unwrap_or_default())
}

fn resource_in(all: &Facts) -> Option<Resource> {
    let (kind, id) = (all.text("resource.kind")?, all.text("resource.id")?);
    let own = |fact: &&Fact| !RESERVED_ATTRIBUTES.contains(&attribute(fact));
    let attributes = all.under("resource.").filter(own).map(|fact| (attribute(fact).to_owned(), fact.value.clone()));
    Some(Resource { kind: kind.to_owned(), id: id.to_owned(), attributes: attributes.collect() })
}

fn attribute(fact: &Fact) -> &str {
    fact.name.as_str().strip_prefix("resource.").unwrap_or_default()
}
