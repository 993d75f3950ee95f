//! The parts of a decided record that are neither fields of their own nor lists.

use minicbor::{Decode, Encode};
use types::decision::Risk;
use types::planning::Plan;
use types::{
    ActionId, ActionProposal, Arguments, AutonomyLevel, CaseId, Channel, Claims, Decision, Digest, Millis,
    ObligationId, PersonId, PolicyId, Principal, SessionId, TenantId, ToolName, Verdict,
};

use crate::content::{Content, Field};

/// Is what remains of a proposal beside principal, delegator, tool, arguments and claims.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ProposalBody {
    /// The action's identity.
    #[n(0)]
    pub id: ActionId,
    /// The tenant.
    #[n(1)]
    pub tenant: TenantId,
    /// The session.
    #[n(2)]
    pub session: Option<SessionId>,
    /// The tool's definition.
    #[n(3)]
    pub definition: Option<Digest>,
    /// The door it came through.
    #[n(4)]
    pub channel: Channel,
    /// When it came.
    #[n(5)]
    pub at: Millis,
    /// What an approval binds to of the plan; absent if there is none. What it told stands where an answer does.
    #[n(6)]
    pub plan: Option<Digest>,
    /// Why there is none, where one was asked for.
    #[n(7)]
    pub plan_failed: Option<String>,
}

/// Is what remains of a decision beside findings and facts.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct DecisionBody {
    /// The digest of the exact action.
    #[n(0)]
    pub action_digest: Digest,
    /// The join of the findings, approvals applied.
    #[n(1)]
    pub verdict: Verdict,
    /// The risk score.
    #[n(2)]
    pub risk: Risk,
    /// The level in force.
    #[n(3)]
    pub level: AutonomyLevel,
    /// The policies that permitted it.
    #[n(4)]
    pub policies: Vec<PolicyId>,
    /// What must happen besides.
    #[n(5)]
    pub obligations: Vec<ObligationId>,
    /// The bundle that decided.
    #[n(6)]
    pub bundle: Digest,
    /// The rules by which facts became the verdict.
    #[n(7)]
    pub semantics: u32,
    /// When.
    #[n(8)]
    pub at: Millis,
}

/// Is what is recorded of a decision for whoever counts: how the action runs, and what stands for it.
///
/// It is the body of a decided record. Records of versions before it have none.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
#[cbor(map)]
pub struct RunBody {
    /// The agent carries it out by itself and reports.
    #[n(0)]
    pub reported: bool,
    /// The agent's own key against doing it twice.
    #[n(1)]
    pub idempotency_key: Option<String>,
}

/// Puts a proposal and its decision into the content of a record.
pub fn decided(proposal: &ActionProposal, decision: &Decision) -> Content {
    let proposal_body = ProposalBody {
        id: proposal.id,
        tenant: proposal.tenant.clone(),
        session: proposal.session,
        definition: proposal.definition,
        channel: proposal.channel,
        at: proposal.at,
        plan: proposal.plan.as_ref().map(|plan| plan.bound),
        plan_failed: proposal.plan.as_ref().and_then(|plan| plan.failed.clone()),
    };
    let decision_body = DecisionBody {
        action_digest: decision.action_digest,
        verdict: decision.verdict.clone(),
        risk: decision.risk.clone(),
        level: decision.level,
        policies: decision.policies.clone(),
        obligations: decision.obligations.clone(),
        bundle: decision.bundle,
        semantics: decision.semantics,
        at: decision.at,
    };
    Content::about(proposal.subjects())
        .with(Field::Principal, &proposal.principal)
        .with_some(Field::OnBehalfOf, proposal.on_behalf_of.as_ref())
        .with(Field::Tool, &proposal.tool)
        .with(Field::Arguments, &proposal.arguments)
        .with(Field::Claims, &proposal.claims)
        .with(Field::Proposal, &proposal_body)
        .with(Field::Decision, &decision_body)
        .with_some(Field::Result, proposal.plan.as_ref().map(|plan| &plan.told))
        .with_some(Field::Case, decision.case.as_ref())
        .with_grounds(&decision.findings, &decision.facts)
}

/// Says whether a proposal has a plan, so that it cannot be read without what its server told.
pub fn is_planned(content: &Content) -> bool {
    content.get::<ProposalBody>(Field::Proposal).is_ok_and(|body| body.is_some_and(|body| body.plan.is_some()))
}

/// Reads the proposal back from a record's content; `None` if a part is absent or unreadable.
pub fn proposal(content: &Content) -> Option<ActionProposal> {
    let arguments = content.get::<Arguments>(Field::Arguments).ok()??;
    with_arguments(content, arguments)
}

/// Reads the proposal back from a record's content, with no arguments at all where the record leaves them out, as that of
/// an erasure does; `None` if another part is absent or unreadable.
pub fn proposer(content: &Content) -> Option<ActionProposal> {
    let arguments = content.get::<Arguments>(Field::Arguments).ok()?;
    let arguments = arguments.or_else(|| Arguments::parse("{}", 2).ok())?;
    with_arguments(content, arguments)
}

fn with_arguments(content: &Content, arguments: Arguments) -> Option<ActionProposal> {
    let body: ProposalBody = content.get(Field::Proposal).ok()??;
    let plan = match body.plan {
        Some(bound) => {
            Some(Plan { told: content.get::<Arguments>(Field::Result).ok()??, bound, failed: body.plan_failed })
        }
        None => None,
    };
    Some(ActionProposal {
        id: body.id,
        tenant: body.tenant,
        principal: content.get::<Principal>(Field::Principal).ok()??,
        on_behalf_of: content.get::<PersonId>(Field::OnBehalfOf).ok()?,
        session: body.session,
        tool: content.get::<ToolName>(Field::Tool).ok()??,
        definition: body.definition,
        arguments,
        claims: content.get::<Claims>(Field::Claims).ok()??,
        channel: body.channel,
        at: body.at,
        plan,
    })
}

/// Reads the decision back from a record's content; `None` if a part is absent or unreadable.
pub fn decision(content: &Content) -> Option<Decision> {
    let body: DecisionBody = content.get(Field::Decision).ok()??;
    let action = content.get::<ProposalBody>(Field::Proposal).ok()??.id;
    Some(Decision {
        action,
        action_digest: body.action_digest,
        verdict: body.verdict,
        findings: content.findings().ok()?,
        facts: content.facts().ok()?,
        risk: body.risk,
        level: body.level,
        policies: body.policies,
        obligations: body.obligations,
        bundle: body.bundle,
        semantics: body.semantics,
        at: body.at,
        case: content.get::<CaseId>(Field::Case).ok()?,
    })
}
