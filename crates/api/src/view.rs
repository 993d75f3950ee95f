//! What several answers have in common: proposals, decisions, votes and records as JSON.
//!
//! Text that an agent wrote is escaped by `types::text::escape` wherever it stands, so that it can be looked
//! at; `types::text::unescape` gives it back exactly. Arguments are data and stay exact.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;
use types::case::{Ballot, CaseState};
use types::text::escape;
use types::{
    CaseId, Channel, ClassId, Code, Digest, FactValue, Millis, Outcome, OutcomeStatus, PasskeyId, Provenance,
    Restriction, SessionId, Stage,
};
use utoipa::ToSchema;

use crate::display;

/// Is what one stage says about one action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Finding {
    /// Who says it.
    #[schema(value_type = String, example = "policy")]
    pub stage: Stage,
    /// How far it restricts.
    pub restriction: RestrictionName,
    /// The people who must approve, where it escalates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The stable code.
    #[schema(value_type = String, example = "policy-escalates")]
    pub code: Code,
    /// One sentence for people.
    pub detail: String,
    /// The policy, limit, fact or switch it rests on.
    pub source: String,
}

/// Says how far a finding restricts, or what a verdict is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RestrictionName {
    /// Nothing stands against it.
    Allow,
    /// It may run, with enhanced logging.
    AllowObserved,
    /// People must approve it first.
    Escalate,
    /// It does not run.
    Deny,
}

impl From<&types::Finding> for Finding {
    fn from(finding: &types::Finding) -> Self {
        let (restriction, profile) = match &finding.restriction {
            Restriction::Allow => (RestrictionName::Allow, None),
            Restriction::AllowObserved => (RestrictionName::AllowObserved, None),
            Restriction::Escalate(profile) => (RestrictionName::Escalate, Some(profile.to_string())),
            Restriction::Deny => (RestrictionName::Deny, None),
        };
        Self {
            stage: finding.stage,
            restriction,
            profile,
            code: finding.code,
            detail: escape(&finding.detail, false),
            source: escape(&finding.source, false),
        }
    }
}

impl From<&types::Verdict> for RestrictionName {
    fn from(verdict: &types::Verdict) -> Self {
        match verdict {
            types::Verdict::Allow => Self::Allow,
            types::Verdict::AllowObserved => Self::AllowObserved,
            types::Verdict::Escalate(_) => Self::Escalate,
            types::Verdict::Deny => Self::Deny,
        }
    }
}

/// Is a risk score and what it is the sum of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Risk {
    /// The sum of all points.
    pub score: i64,
    /// The points each factor adds, by name.
    pub factors: BTreeMap<String, i64>,
}

impl From<&types::decision::Risk> for Risk {
    fn from(risk: &types::decision::Risk) -> Self {
        Self { score: risk.score, factors: risk.factors.iter().map(|f| (f.name.clone(), f.points)).collect() }
    }
}

/// Is what a risk score is held against.
#[derive(Debug, Serialize, ToSchema)]
pub struct RiskScale {
    /// From this score on an action is observed.
    observe_from: i64,
    /// From this score on it goes to people.
    escalate_from: i64,
}

impl From<&types::bundle::RiskModel> for RiskScale {
    fn from(model: &types::bundle::RiskModel) -> Self {
        Self { observe_from: model.observe_from, escalate_from: model.escalate_from }
    }
}

/// Is what an agent says of itself: untrusted, and apart from what is decided on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AgentSays {
    /// What the action is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// How sure the agent is, in basis points, 0 to 10,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence_bp: Option<u32>,
    /// How the agent got there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<String>,
    /// A digest of the prompt, as the client computed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_digest: Option<String>,
}

impl From<&types::Claims> for AgentSays {
    fn from(claims: &types::Claims) -> Self {
        let safe = |text: &Option<String>| text.as_ref().map(|text| escape(text, true));
        Self {
            purpose: safe(&claims.purpose),
            confidence_bp: claims.confidence_bp,
            reasoning: safe(&claims.reasoning),
            prompt_digest: safe(&claims.prompt_digest),
        }
    }
}

/// Is what was proposed.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Proposal {
    /// Who proposed it: `agent:NAME` or `person:NAME`.
    pub principal: String,
    /// On whose behalf.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<String>,
    /// The session it is part of.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub session: Option<SessionId>,
    /// What is to be called, as `server.tool`.
    pub tool: String,
    /// The digest of the tool's definition as its server listed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub definition: Option<Digest>,
    /// The exact arguments, in canonical form.
    #[schema(value_type = Object)]
    pub arguments: Box<RawValue>,
    /// The same arguments over several lines, with every character that could deceive a reader as `\uXXXX`.
    pub arguments_text: String,
    /// What it would do, as its server told beforehand; absent if its tool has no plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<Planned>,
    /// What the agent says of itself.
    pub agent_says: AgentSays,
    /// The door it came through: `mcp`, `http` or `person`.
    #[schema(value_type = String, example = "http")]
    pub channel: Channel,
    /// When it came, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    pub at: Millis,
}

impl From<&types::ActionProposal> for Proposal {
    fn from(proposal: &types::ActionProposal) -> Self {
        Self {
            principal: proposal.principal.subject(),
            on_behalf_of: proposal.on_behalf_of.as_ref().map(ToString::to_string),
            session: proposal.session,
            tool: escape(&proposal.tool.to_string(), false),
            definition: proposal.definition,
            arguments: exact(&proposal.arguments),
            arguments_text: display::text(&proposal.arguments),
            plan: proposal.plan.as_ref().map(Planned::from),
            agent_says: AgentSays::from(&proposal.claims),
            channel: proposal.channel,
            at: proposal.at,
        }
    }
}

/// Is what an action would do, as its server told before it was decided.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Planned {
    /// What it told, over several lines, with every character that could deceive a reader as `\uXXXX`.
    pub text: String,
    /// The digest of what of it an approval binds to.
    #[schema(value_type = String)]
    pub bound: Digest,
    /// Why it told nothing, which denies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

impl From<&types::planning::Plan> for Planned {
    fn from(plan: &types::planning::Plan) -> Self {
        let failed = plan.failed.as_ref().map(|why| escape(why, true));
        Self { text: display::text(&plan.told), bound: plan.bound, failed }
    }
}

/// Returns the canonical bytes of arguments as they are, not written anew.
fn exact(arguments: &types::Arguments) -> Box<RawValue> {
    RawValue::from_string(arguments.canonical().to_owned()).unwrap_or_default()
}

/// Is one value that a decision read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Fact {
    /// What the value is of.
    pub name: String,
    /// A yes or no, a whole number, a text or a list of texts.
    #[schema(value_type = Value)]
    pub value: FactValue,
    /// Where it came from.
    pub source: String,
    /// When the source held it, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    pub at: Millis,
}

/// Is one decision with everything that led to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Decision {
    /// What it came to.
    pub verdict: RestrictionName,
    /// The profiles that must all approve, where it escalates.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub profiles: Vec<String>,
    /// What each stage said.
    pub findings: Vec<Finding>,
    /// Everything that was read.
    pub facts: Vec<Fact>,
    /// The risk score.
    pub risk: Risk,
    /// The autonomy level in force, `L0` to `L3`.
    #[schema(example = "L1")]
    pub level: String,
    /// The policies that permitted it.
    pub policies: Vec<String>,
    /// What must happen besides.
    pub obligations: Vec<String>,
    /// The digest of the exact action.
    #[schema(value_type = String)]
    pub action_digest: Digest,
    /// The digest of the bundle that decided.
    #[schema(value_type = String)]
    pub bundle: Digest,
    /// The version of the rules by which facts became the verdict.
    pub semantics: u32,
    /// The case that was opened, or whose approvals were used.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub case: Option<CaseId>,
    /// When, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    pub at: Millis,
}

impl From<&types::Decision> for Decision {
    fn from(decision: &types::Decision) -> Self {
        let fact = |fact: &types::Fact| Fact {
            name: fact.name.as_str().to_owned(),
            value: fact.value.clone(),
            source: fact.source.clone().into_owned(),
            at: fact.at,
        };
        Self {
            verdict: RestrictionName::from(&decision.verdict),
            profiles: profiles(&decision.verdict),
            findings: decision.findings.iter().map(Finding::from).collect(),
            facts: decision.facts.iter().map(fact).collect(),
            risk: Risk::from(&decision.risk),
            level: decision.level.to_string(),
            policies: decision.policies.clone(),
            obligations: decision.obligations.iter().map(ToString::to_string).collect(),
            action_digest: decision.action_digest,
            bundle: decision.bundle,
            semantics: decision.semantics,
            case: decision.case,
            at: decision.at,
        }
    }
}

fn profiles(verdict: &types::Verdict) -> Vec<String> {
    match verdict {
        types::Verdict::Escalate(profiles) => profiles.iter().map(ToString::to_string).collect(),
        types::Verdict::Allow | types::Verdict::AllowObserved | types::Verdict::Deny => Vec::new(),
    }
}

/// Is one vote of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Vote {
    /// Who voted.
    pub person: String,
    /// For or against: `approve` or `deny`.
    #[schema(value_type = String, example = "approve")]
    pub vote: Ballot,
    /// Why.
    pub reason: String,
    /// The digest of what the person was shown.
    #[schema(value_type = String)]
    pub shown: Digest,
    /// Cast by the owner alone after a second confirmation.
    pub solo: bool,
    /// Whose vote it is, where the person cast it in another's place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_place_of: Option<String>,
    /// The passkey that it is signed with; absent where a bearer key alone stands for the person.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub passkey: Option<PasskeyId>,
    /// When, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    pub at: Millis,
}

impl From<&types::case::Vote> for Vote {
    fn from(vote: &types::case::Vote) -> Self {
        Self {
            person: vote.person.to_string(),
            vote: vote.ballot,
            reason: escape(&vote.reason, true),
            shown: vote.shown,
            solo: vote.solo,
            in_place_of: vote.proxy.as_ref().map(|proxy| proxy.person.to_string()),
            passkey: vote.signed.as_ref().map(|signed| signed.passkey),
            at: vote.at,
        }
    }
}

/// Is how an action ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ActionOutcome {
    /// `done`, `failed`, `in_doubt` or `not_dispatched`.
    #[schema(value_type = String, example = "done")]
    pub status: OutcomeStatus,
    /// `observed` by the gateway, or `reported` by the agent.
    #[schema(value_type = String, example = "reported")]
    pub provenance: Provenance,
    /// The answer as JSON text, whole or cut as the obligations say, escaped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// What went wrong, escaped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// How many times it was sent.
    pub dispatches: u32,
    /// How long it took, in milliseconds.
    pub took_ms: i64,
    /// When it was known, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    pub at: Millis,
}

impl From<&Outcome> for ActionOutcome {
    fn from(outcome: &Outcome) -> Self {
        let safe = |text: &Option<String>| text.as_ref().map(|text| escape(text, true));
        Self {
            status: outcome.status,
            provenance: outcome.provenance,
            result: safe(&outcome.result),
            error: safe(&outcome.error),
            dispatches: outcome.dispatches,
            took_ms: outcome.took_ms,
            at: outcome.at,
        }
    }
}

/// Says where a case stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalState {
    /// It awaits votes.
    Open,
    /// Every profile is met; the ticket is not used yet.
    Approved,
    /// Somebody refused.
    Denied,
    /// Nobody decided in time.
    Expired,
    /// What it was about has changed.
    Void,
    /// The ticket was used.
    Consumed,
    /// Who asked no longer wants it.
    Withdrawn,
    /// A reviewer agent sent it back.
    Returned,
    /// It was no request: it was shown to see whether somebody looks, and somebody has answered it.
    Decoy,
}

impl From<CaseState> for ApprovalState {
    fn from(state: CaseState) -> Self {
        match state {
            CaseState::Open => Self::Open,
            CaseState::Approved => Self::Approved,
            CaseState::Denied => Self::Denied,
            CaseState::Expired => Self::Expired,
            CaseState::Void => Self::Void,
            CaseState::Consumed => Self::Consumed,
            CaseState::Withdrawn => Self::Withdrawn,
            CaseState::Returned => Self::Returned,
            CaseState::Decoy => Self::Decoy,
        }
    }
}

/// Is how an agent's actions of a class have ended so far, as the gateway saw it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConductSoFar {
    /// The action class.
    #[schema(value_type = String)]
    pub class: ClassId,
    /// How many ended.
    pub runs: i64,
    /// How many of them failed or are in doubt.
    pub errors: i64,
}
