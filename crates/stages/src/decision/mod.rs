//! The decision: the join of all findings, and the only mint of permits.

mod admission;
mod permit;

use std::collections::BTreeSet;

use types::bundle::BundleData;
use types::decision::{Decision, Risk, SEMANTICS};
use types::{
    ActionProposal, AutonomyLevel, CaseId, ClassId, Code, Digest, Facts, Finding, Millis, ObligationId, PolicyId,
    Principal, ProfileId, Restriction, Stage, Verdict,
};

pub use permit::Permit;

use crate::facts::ADMIN_SERVER;
use crate::limits::Reservation;
use crate::mutant::{self, Mutant};
use crate::{
    autonomy, behaviour, break_glass, breaker, identity, integrity, limits, permission, review, risk, switches,
};

/// Is how long a permit lives, in milliseconds, when nothing shorter is asked: from the decision to the dispatch.
///
/// It spans the sync of the journal and a slow connection to the target, and little more.
pub const PERMIT_MS: i64 = 30_000;

/// Is what the policy engine answered, as plain data.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PolicyAnswer {
    /// What it says, at least one finding; none at all denies.
    pub findings: Vec<Finding>,
    /// The policies that permitted it.
    pub policies: Vec<PolicyId>,
    /// The obligations those policies name.
    pub obligations: Vec<ObligationId>,
}

/// Is a proposal judged by every stage that reads the snapshot; only [`pre`] makes one, so none is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Early {
    action_digest: Digest,
    findings: Vec<Finding>,
    facts: Facts,
    risk: Risk,
    policies: Vec<PolicyId>,
    obligations: Vec<ObligationId>,
}

impl Early {
    /// Returns the digest of the exact action that was judged, see [`ActionProposal::digest`].
    pub fn action_digest(&self) -> Digest {
        self.action_digest
    }

    /// Returns what the stages have said so far.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Returns the facts of the snapshot.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }
}

/// Is what only the sequencer knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Late {
    /// `now`, `switch.*`, `rate.*`, `budget.*`, `window.*`, `freeze.*`, `circuit.*`, `bulk.*`, `baseline.*`, `cases.open`,
    /// `approval.met`, `approval.round`, `approval.refused`, `approval.unattended`, `clock.jumped` and `denials.flooding`, and
    /// `permission.*` where a permission covers the action. A fact of a name the snapshot has too wins over it.
    pub facts: Facts,
    /// The digest of the bundle that decides.
    pub bundle: Digest,
    /// The case whose approvals `approval.met` lists.
    pub case: Option<CaseId>,
    /// How long a permit lives, in milliseconds; [`PERMIT_MS`] unless there is a reason. Under a break-glass it ends with that.
    pub permit_ms: i64,
}

/// Is a decision, and the authority that comes with it if it permits.
#[derive(Debug, PartialEq, Eq)]
pub struct Finished {
    /// The decision, to be recorded whatever it says.
    pub decision: Decision,
    /// The permit and what it takes from the limits; there only if the verdict permits, and always then, except that
    /// an action that runs on approvals gets none when [`Late::case`] names no case to consume, nor any action whose
    /// fact `tool.class` is no name of a class.
    pub granted: Option<Granted>,
}

/// Is what an allowed action is given and what it takes, together in one record.
#[derive(Debug, PartialEq, Eq)]
pub struct Granted {
    /// The authority for the exact action.
    pub permit: Permit,
    /// What it takes from rates and budgets, and the breakers that take note of it.
    pub reservation: Reservation,
}

/// Judges a proposal by every stage that reads the snapshot: identity, policy, autonomy, risk, review, integrity.
///
/// - `facts`: everything gathered from the snapshot, `risk.score` included.
pub fn pre(bundle: &BundleData, proposal: &ActionProposal, facts: Facts, risk: Risk, answer: PolicyAnswer) -> Early {
    let mut findings = identity::check(bundle, proposal, &facts);
    findings.extend(policy(answer.findings));
    findings.extend(autonomy::check(bundle, proposal, &facts));
    findings.extend(risk::check(bundle, proposal, &facts));
    findings.extend(review::check(bundle, proposal, &facts));
    findings.extend(integrity::check(bundle, proposal, &facts));
    findings.extend(permission::check(bundle, proposal));
    let PolicyAnswer { policies, obligations, .. } = answer;
    Early { action_digest: proposal.digest(), findings, facts, risk, policies, obligations }
}

/// Judges the rest inside the sequencer, joins all findings, applies the approvals, and mints the permit.
///
/// Pure: the instant it decides at is the fact `now`, so the same arguments give the same decision. Approvals lift
/// escalations and never a denial; where they do not suffice, a permission may lift all of them, and where none does, a break-glass.
/// An escalation is put to people in `approval.round` 1, and what appears only when the action is decided again in round 2; after
/// that it is a denial. Nothing is reserved or consumed here: the caller MUST write the decision, the reservation and the consumption
/// of the case in one record before anything is dispatched.
///
/// `cases.open` counts the open cases of the principal without one that is about this very action, since deciding
/// that action again opens no other.
pub fn finish(bundle: &BundleData, proposal: &ActionProposal, early: Early, late: Late) -> Finished {
    let Early { action_digest, mut findings, mut facts, risk, policies, obligations } = early;
    facts.extend(late.facts);
    findings.extend(switches::check(bundle, proposal, &facts));
    findings.extend(autonomy::again(bundle, proposal, &facts));
    findings.extend(limits::check(bundle, proposal, &facts));
    findings.extend(breaker::check(bundle, proposal, &facts));
    findings.extend(behaviour::check(bundle, proposal, &facts));
    findings.extend(admission::check(bundle, &facts));
    let verdict = approved((bundle, proposal), &facts, &mut findings);
    let on_approvals = uses_approvals(&verdict, &findings);

    let now = Millis(facts.int("now").unwrap_or_default());
    let decision = Decision {
        action: proposal.id,
        action_digest,
        case: late.case.filter(|_| on_approvals),
        verdict,
        findings,
        level: level(proposal, &facts, now),
        facts,
        risk,
        policies,
        obligations,
        bundle: late.bundle,
        semantics: SEMANTICS,
        at: now,
    };
    let life_ms = break_glass::permit_ms(&decision, late.permit_ms);
    let granted = reserved(bundle, proposal, &decision).and_then(|(_, reservation)| {
        Some(Granted { permit: Permit::mint(&decision, proposal, life_ms)?, reservation })
    });
    Finished { decision, granted }
}

/// Returns in which class a decision granted its action and what it took from the limits; `None` if it granted nothing.
///
/// [`finish`] asks it for what it has decided, and so does whoever reads the decision from its record. It reads no
/// argument of the proposal: amounts are the facts `budget.<limit>.asked`.
pub fn reserved(bundle: &BundleData, proposal: &ActionProposal, decision: &Decision) -> Option<(ClassId, Reservation)> {
    let on_approvals = uses_approvals(&decision.verdict, &decision.findings);
    if !decision.verdict.permits() || (on_approvals && decision.case.is_none()) {
        return None;
    }
    let class = ClassId::new(decision.facts.text("tool.class")?).ok()?;
    Some((class, Reservation::plan(bundle, proposal, &decision.facts)))
}

/// A policy engine that says nothing has not permitted anything.
fn policy(said: Vec<Finding>) -> Vec<Finding> {
    if !said.is_empty() {
        return said;
    }
    vec![Finding::new(Stage::Policy, Restriction::Deny, Code::PolicyDenies, "no policy said anything", "policy")]
}

/// Joins the findings and applies the approvals, or what stands in their place; what this adds to the findings can only tighten.
fn approved((bundle, proposal): (&BundleData, &ActionProposal), facts: &Facts, findings: &mut Vec<Finding>) -> Verdict {
    let joined = Verdict::join(findings.iter().map(|finding| &finding.restriction));
    let Verdict::Escalate(required) = joined else {
        let planted = joined == Verdict::Deny && mutant::on(Mutant::GlassLiftsDenials);
        let glass = || break_glass::lifts(bundle, proposal, facts, findings, &BTreeSet::new());
        let Some(lifted) = planted.then(glass).flatten() else { return joined };
        findings.push(lifted);
        return Verdict::AllowObserved;
    };
    let missing = unmet(&required, facts);
    if missing.is_empty() {
        return Verdict::AllowObserved;
    }
    if let Some(stands) = stands_in((bundle, proposal), facts, findings, (&required, &missing)) {
        findings.push(stands);
        return Verdict::AllowObserved;
    }
    let refused = admission::new_case(bundle, facts, &missing);
    if refused.is_empty() {
        return Verdict::Escalate(missing);
    }
    findings.extend(refused);
    Verdict::Deny
}

/// Returns the finding by which a permission, or where none does a break-glass, stands in for approvals that are missing.
///
/// Administration runs on approvals alone: nothing stands in where a permission is asked for, a key of a break-glass is turned or
/// one is reviewed, or it would give itself what people have not given.
///
/// - `required`: the profiles that are asked.
/// - `missing`: those of them that have not approved.
fn stands_in(
    (bundle, proposal): (&BundleData, &ActionProposal),
    facts: &Facts,
    findings: &[Finding],
    (required, missing): (&BTreeSet<ProfileId>, &BTreeSet<ProfileId>),
) -> Option<Finding> {
    if proposal.tool.server.as_str() == ADMIN_SERVER && !mutant::on(Mutant::AdministrationStoodFor) {
        return None;
    }
    permission::stands_for(bundle, facts, findings, required)
        .or_else(|| break_glass::lifts(bundle, proposal, facts, findings, missing))
}

fn unmet(required: &BTreeSet<ProfileId>, facts: &Facts) -> BTreeSet<ProfileId> {
    let met = facts.list("approval.met").unwrap_or_default();
    let foreign = !met.is_empty() && mutant::on(Mutant::ForeignApprovalAccepted);
    let is_met = |profile: &&ProfileId| foreign || met.iter().any(|name| name == profile.as_str());
    required.iter().filter(|profile| !is_met(profile)).cloned().collect()
}

/// A permitted action with an escalation among its findings runs on the approvals that lifted it, unless a permission or a
/// break-glass did.
fn uses_approvals(verdict: &Verdict, findings: &[Finding]) -> bool {
    let asks = findings.iter().any(|finding| matches!(finding.restriction, Restriction::Escalate(_)));
    let is_in_place = |finding: &Finding| matches!(finding.code, Code::PermissionCovers | Code::GlassBroken);
    verdict.permits() && asks && !findings.iter().any(is_in_place)
}

fn level(proposal: &ActionProposal, facts: &Facts, now: Millis) -> AutonomyLevel {
    let in_force = facts.int("level.expires_at").is_some_and(|expires_at| now.0.max(proposal.at.0) < expires_at);
    let rank = facts.int("level.rank").filter(|_| in_force && matches!(proposal.principal, Principal::Agent(_)));
    AutonomyLevel::from_rank(rank.unwrap_or_default())
}
