//! Verifying a bundle wholly: what its signatures prove, what its records claim, and every decision computed again.

use evidence::claims::Read;
use evidence::commit::Disclosed;
use evidence::{Archive, Field, RecordKind, Standing, Trust, bodies, verify};
use policy::BundleFiles;
use serde::Serialize;
use types::ActionId;

use crate::again::{self, Replayed};
use crate::bundles::Bundles;
use crate::derived;
use crate::votes::demanded;

/// Are the fields without which a decision cannot be computed again; the facts and findings besides.
const NEEDED: [Field; 8] = [
    Field::Principal,
    Field::OnBehalfOf,
    Field::Tool,
    Field::Arguments,
    Field::Claims,
    Field::Proposal,
    Field::Decision,
    Field::Case,
];

/// Is one decision of a bundle, computed again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DecisionReport {
    /// The index of its record in the log.
    pub index: u64,
    /// The action it decided.
    pub action: Option<ActionId>,
    /// How it came out.
    #[serde(flatten)]
    pub replayed: Replayed,
    /// Who told the facts that neither proposal nor bundle decide, such as `inventory:services` or `meter`, in order.
    pub told_by: Vec<String>,
}

/// Is everything that can be said of a bundle.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// What hashes, proofs and signatures show, and what the records claim.
    #[serde(flatten)]
    pub evidence: evidence::Report,
    /// Each decision, in order.
    pub decisions: Vec<DecisionReport>,
}

impl Report {
    /// Returns the standing of all signature checks together.
    pub fn signature_standing(&self) -> Standing {
        self.evidence.signature_standing()
    }

    /// Returns the standing of all claims and all decisions together.
    pub fn claim_standing(&self) -> Standing {
        self.decisions
            .iter()
            .map(|decision| standing(&decision.replayed))
            .fold(self.evidence.claim_standing(), Standing::and)
    }

    /// Returns the reasons of all that does not hold, in order, each once.
    pub fn reasons(&self) -> Vec<&'static str> {
        let mut reasons = Vec::new();
        for (_, reason) in self.failures() {
            if !reasons.contains(&reason) {
                reasons.push(reason);
            }
        }
        reasons
    }

    /// Returns the reason of the first that makes it stand as it does: what is broken comes in front of what is missing.
    pub fn reason(&self) -> Option<&'static str> {
        let worst = self.signature_standing().and(self.claim_standing());
        self.failures().find(|(standing, _)| *standing == worst).map(|(_, reason)| reason)
    }

    fn failures(&self) -> impl Iterator<Item = (Standing, &'static str)> {
        let checks = self.evidence.checks().filter_map(|check| Some((check.standing, check.reason?)));
        let decisions = self.decisions.iter().filter_map(|decision| {
            let stands = standing(&decision.replayed);
            Some((stands, reason(&decision.replayed)?))
        });
        checks.chain(decisions)
    }
}

/// Returns the stable word for why a decision is not equal.
fn reason(replayed: &Replayed) -> Option<&'static str> {
    match replayed {
        Replayed::Equal => None,
        Replayed::Differs(_) => Some("decision-differs"),
        Replayed::Withheld(_) => Some("withheld"),
        Replayed::Erased => Some("erased"),
        Replayed::Missing(_) => Some("decision-incomputable"),
    }
}

/// Returns how a decision's claim to be what the rules make of its facts stands.
pub fn standing(replayed: &Replayed) -> Standing {
    match replayed {
        Replayed::Equal => Standing::Holds,
        Replayed::Differs(_) => Standing::Broken,
        Replayed::Withheld(_) => Standing::Withheld,
        Replayed::Erased => Standing::Erased,
        Replayed::Missing(_) => Standing::Missing,
    }
}

/// Verifies a bundle for a reader who trusts somebody, and computes each of its decisions again.
///
/// - `more`: policy bundles that the reader has from elsewhere.
pub fn archive(bundle: &Archive, trust: &Trust, mut more: Bundles) -> Report {
    for files in bundle.bundles.values() {
        more.add(BundleFiles(files.clone()));
    }
    let (mut evidence, records) = verify::archive(bundle, trust);
    let log = evidence.origin.clone();
    evidence.claims.extend(records.iter().filter_map(|record| demanded(record, &records, &more, log.as_deref())));
    let decided = records.iter().filter(|record| record.leaf.kind == RecordKind::Decided);
    let decisions = decided.map(|record| report(record, &more)).collect();
    Report { evidence, decisions }
}

/// Computes the decision of one record of a bundle again.
pub(crate) fn report(record: &Read<'_>, bundles: &Bundles) -> DecisionReport {
    let replayed = match &record.shown {
        None if record.erased => Replayed::Erased,
        None => Replayed::Missing("its content is not here".to_owned()),
        Some(shown) => match withheld(shown) {
            Some(what) => Replayed::Withheld(what),
            None => again::record(&record.leaf, Some(&shown.content), bundles),
        },
    };
    DecisionReport { index: record.index, action: record.leaf.action, replayed, told_by: told_by(record) }
}

/// Names what is withheld and needed, if anything is.
fn withheld(shown: &Disclosed) -> Option<String> {
    let told = bodies::is_planned(&shown.content).then_some(&Field::Result);
    let fields = NEEDED.iter().chain(told).filter(|field| shown.withheld.contains(field)).map(|field| field.as_str());
    let grounds = (shown.withheld_grounds > 0).then_some("findings or facts");
    let all: Vec<&str> = fields.chain(grounds).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

fn told_by(record: &Read<'_>) -> Vec<String> {
    let facts = record.shown.as_ref().and_then(|shown| shown.content.facts().ok()).unwrap_or_default();
    let told = facts.iter().filter(|fact| !derived::is_computed(fact));
    let mut sources: Vec<String> = told.map(|fact| fact.source.to_string()).collect();
    sources.sort();
    sources.dedup();
    sources
}
