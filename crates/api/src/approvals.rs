//! `/v1/approvals`: what awaits people, what they are shown, and their votes.

use std::collections::BTreeSet;

use axum::extract::State;
use control::approvals::{Admission, CaseView, Voter};
use serde::{Deserialize, Serialize};
use types::case::{Ballot, Case};
use types::{ActionId, AgentId, CaseId, Code, Digest, Millis, PersonId, Principal};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::{Anyone, AsChanger, AsPerson};
use crate::ballots::AssertionResponse;
use crate::decoys::Decoy;
use crate::extract::{Json, Named, Query};
use crate::permissions::PermissionAsked;
use crate::problem::{Fault, Problem, invalid};
use crate::reviews::CaseReview;
use crate::touched::Touched;
use crate::view::{ApprovalState, ConductSoFar, Finding, Planned, Proposal, Risk, RiskScale, Vote};
use crate::{App, callers};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show)).routes(routes!(vote))
}

/// Says which cases are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Lists only cases in this state.
    #[param(inline)]
    state: Option<ApprovalState>,
}

/// Is one case in a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApprovalLine {
    /// The case.
    #[schema(value_type = String)]
    id: CaseId,
    /// Where it stands.
    state: ApprovalState,
    /// The proposal that opened it.
    #[schema(value_type = String)]
    action: ActionId,
    /// Who proposed it: `agent:NAME` or `person:NAME`.
    requester: String,
    /// On whose behalf.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    on_behalf_of: Option<PersonId>,
    /// What is to be called, as `server.tool`.
    tool: String,
    /// The profiles that must all approve.
    profiles: Vec<String>,
    /// The votes so far, in order.
    votes: Vec<Vote>,
    /// When it was opened, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    opened_at: Millis,
    /// When silence becomes a refusal, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    expires_at: Millis,
    /// What whoever asks may do about it.
    you: You,
    /// It was no request, but shown to see whether somebody looks. Absent for requests, and until somebody has answered it.
    #[serde(skip_serializing_if = "Option::is_none")]
    decoy: Option<Decoy>,
}

/// Says whether whoever asks may vote on a case now.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct You {
    /// Their vote counts.
    may_vote: bool,
    /// It is their own, so they must confirm that they approve alone.
    alone: bool,
    /// It counts only if they sign it with a passkey.
    signed: bool,
    /// An approval counts from this instant on, in milliseconds since the epoch, because they have decided so often within an hour or
    /// a reviewer agent comes first; a refusal counts now. Absent where both do.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    approves_from: Option<Millis>,
    /// A reviewer agent comes first, so that an approval counts once it has answered, and then at the latest.
    awaits_review: bool,
    /// The code of why their vote would not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    code: Option<Code>,
    /// Why their vote would not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

impl From<Voter> for You {
    fn from(voter: Voter) -> Self {
        match voter {
            Voter::May(Admission { solo: alone, signed, awaits, .. }, approves_from) => {
                let awaits_review = awaits.is_some();
                Self { may_vote: true, alone, signed, approves_from, awaits_review, code: None, why: None }
            }
            Voter::MayNot(code, why) => Self { code: Some(code), why: Some(why), ..Self::default() },
        }
    }
}

impl ApprovalLine {
    fn of(app: &App, person: &PersonId, case: &Case) -> Self {
        Self {
            id: case.id,
            state: case.state.into(),
            action: case.action,
            requester: case.requester.subject(),
            on_behalf_of: case.on_behalf_of.clone(),
            tool: types::text::escape(&case.tool.to_string(), false),
            profiles: case.profiles.iter().map(ToString::to_string).collect(),
            votes: case.votes.iter().map(Vote::from).collect(),
            opened_at: case.opened,
            expires_at: case.expires,
            you: app.control.voter(person, case).into(),
            decoy: Decoy::told(app, case),
        }
    }
}

/// Is a list of cases, in order of opening.
#[derive(Debug, Serialize, ToSchema)]
pub struct Approvals {
    /// The cases.
    approvals: Vec<ApprovalLine>,
}

/// Lists cases.
///
/// Cases that ended before the last start of the server are in the journal only. Needs a person's key.
#[utoipa::path(get, path = "/v1/approvals", operation_id = "list_approvals", tag = "approvals",
    extensions(("x-countersign-callers" = json!(callers::PEOPLE))),
    params(Which), responses(
    (status = 200, description = "The cases", body = Approvals),
))]
async fn list(State(app): State<App>, AsPerson(by): AsPerson, Query(which): Query<Which>) -> Json<Approvals> {
    let wanted = |case: &Case| which.state.is_none_or(|state| state == ApprovalState::from(case.state));
    let cases = app.control.cases();
    let line = |case: &Case| ApprovalLine::of(&app, &by, case);
    Json(Approvals { approvals: cases.iter().filter(|case| wanted(case)).map(line).collect() })
}

/// Is what a profile asks for.
#[derive(Debug, Serialize, ToSchema)]
pub struct Needed {
    /// The profile.
    profile: String,
    /// Who is asked, and who if they stay silent; one step must approve. Empty if the active bundle no longer has it.
    steps: Vec<Asked>,
}

/// Is one step on a path of escalation.
#[derive(Debug, Serialize, ToSchema)]
pub struct Asked {
    /// The profile of this step.
    profile: String,
    /// The group of people who may vote; absent where whoever is on call may.
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    /// The schedule whose person on call may vote, and nobody else of the group.
    #[serde(skip_serializing_if = "Option::is_none")]
    on_call: Option<crate::on_call::Schedule>,
    /// The people who are asked: those of the group, or of them whoever is on call now.
    #[schema(value_type = Vec<String>)]
    people: BTreeSet<PersonId>,
    /// How many of them must approve.
    approvals: u32,
    /// Whether votes count only if they are signed with a passkey.
    signed: bool,
    /// The agents that review the case as this step begins, those of them that may; their say is no approval.
    #[schema(value_type = Vec<String>)]
    reviewers: Vec<AgentId>,
    /// Until when these are asked, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    reviewed_to: Millis,
    /// From when on people may approve, in milliseconds since the epoch; where reviewers come first, sooner once they answer.
    #[schema(value_type = i64)]
    from: Millis,
    /// When the next step is asked too, or silence is refusal.
    #[schema(value_type = i64)]
    to: Millis,
}

/// Is a case as a reviewer sees it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Approval {
    /// The case.
    #[schema(value_type = String)]
    id: CaseId,
    /// Where it stands.
    state: ApprovalState,
    /// The proposal that opened it.
    #[schema(value_type = String)]
    action: ActionId,
    /// The digest of the exact action that is approved.
    #[schema(value_type = String)]
    action_digest: Digest,
    /// Who proposed it: `agent:NAME` or `person:NAME`.
    requester: String,
    /// On whose behalf.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    on_behalf_of: Option<PersonId>,
    /// What is to be called, as `server.tool`.
    tool: String,
    /// The exact arguments, in canonical form; absent once they were erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    arguments: Option<Box<serde_json::value::RawValue>>,
    /// The same arguments over several lines, with every character that could deceive a reader as `\uXXXX`.
    #[serde(skip_serializing_if = "Option::is_none")]
    arguments_text: Option<String>,
    /// What it would do, as its server told beforehand; absent if its tool has no plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<Planned>,
    /// What is asked for in plain words, where it is a permission.
    #[serde(skip_serializing_if = "Option::is_none")]
    permission: Option<PermissionAsked>,
    /// What the agent says of itself: untrusted, and no part of what is approved.
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_says: Option<crate::view::AgentSays>,
    /// What each stage said.
    findings: Vec<Finding>,
    /// What it would touch; absent once its content was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    touches: Option<Touched>,
    /// The risk score.
    #[serde(skip_serializing_if = "Option::is_none")]
    risk: Option<Risk>,
    /// The profiles that must all approve.
    profiles: Vec<String>,
    /// What each of them asks for.
    needs: Vec<Needed>,
    /// The votes so far, in order.
    votes: Vec<Vote>,
    /// What reviewer agents said so far, in order: untrusted, and no votes.
    reviews: Vec<CaseReview>,
    /// A reviewer sent this exact action back a short while ago, and it was proposed again.
    returned_before: bool,
    /// The digest that a vote must name: of the exact action, the profiles, the bundle and the expiry.
    #[schema(value_type = String)]
    shown: Digest,
    /// The digest of the bundle that asks for people.
    #[schema(value_type = String)]
    bundle: Digest,
    /// 1 for a first escalation, 2 for one that appeared when the action was decided again.
    round: u32,
    /// When it was opened, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    opened_at: Millis,
    /// When silence becomes a refusal, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    expires_at: Millis,
    /// Where people decide it.
    url: String,
    /// What whoever asks may do about it.
    you: You,
    /// It was no request, but shown to see whether somebody looks. Absent for requests, and until somebody has answered it.
    #[serde(skip_serializing_if = "Option::is_none")]
    decoy: Option<Decoy>,
    /// The digest of the tool's definition as its server listed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    definition: Option<Digest>,
    /// The agent's autonomy level when it was decided, `L0` to `L3`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "L1")]
    level: Option<String>,
    /// How the agent's actions of this class have ended so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    conduct: Option<ConductSoFar>,
    /// What the risk score is held against; absent once another bundle is active.
    #[serde(skip_serializing_if = "Option::is_none")]
    risk_scale: Option<RiskScale>,
}

/// Is where a case stands, as the agent that caused it may know.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApprovalStatus {
    /// The case.
    #[schema(value_type = String)]
    id: CaseId,
    /// Where it stands.
    state: ApprovalState,
    /// The proposal that opened it.
    #[schema(value_type = String)]
    action: ActionId,
    /// When silence becomes a refusal, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    expires_at: Millis,
    /// Where people decide it.
    url: String,
    /// Why somebody refused, in their words.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
}

/// Is a case, as far as the caller may see it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum ApprovalShown {
    /// For a person.
    Reviewer(Box<Approval>),
    /// For the agent that caused it.
    Requester(ApprovalStatus),
}

fn needs(view: &CaseView) -> Vec<Needed> {
    let asked = |step: &control::approvals::Asked| Asked {
        profile: step.profile.to_string(),
        group: step.group.clone(),
        on_call: step.on_call.clone().map(crate::on_call::Schedule::from),
        people: step.people.clone(),
        approvals: step.approvals,
        signed: step.signed,
        reviewers: step.reviewers.clone(),
        reviewed_to: step.reviewed_to,
        from: step.from,
        to: step.to,
    };
    let need = |(id, path): (&types::ProfileId, &Vec<_>)| Needed {
        profile: id.to_string(),
        steps: path.iter().map(asked).collect(),
    };
    view.paths.iter().map(need).collect()
}

fn reviewer(app: &App, person: &PersonId, view: CaseView) -> Approval {
    let case = &view.case;
    let line = ApprovalLine::of(app, person, case);
    let proposal = view.proposal.as_ref().map(Proposal::from);
    let (mut arguments, mut arguments_text, mut plan, mut agent_says) = (None, None, None, None);
    if let Some(proposal) = proposal {
        plan = proposal.plan;
        arguments = Some(proposal.arguments);
        arguments_text = Some(proposal.arguments_text);
        agent_says = Some(proposal.agent_says);
    }
    let decision = view.decision.as_ref();
    Approval {
        id: line.id,
        state: line.state,
        action: line.action,
        action_digest: case.action_digest,
        requester: line.requester,
        on_behalf_of: line.on_behalf_of,
        tool: line.tool,
        arguments,
        arguments_text,
        plan,
        permission: view.proposal.as_ref().and_then(PermissionAsked::in_case),
        agent_says,
        findings: decision.map(|d| d.findings.iter().map(Finding::from).collect()).unwrap_or_default(),
        touches: decision.map(|d| Touched::of(&d.facts)),
        risk: decision.map(|d| Risk::from(&d.risk)),
        profiles: line.profiles,
        needs: needs(&view),
        votes: line.votes,
        reviews: case.reviews.iter().map(CaseReview::from).collect(),
        returned_before: case.returned,
        shown: case.shown,
        bundle: case.bundle,
        round: case.round,
        opened_at: line.opened_at,
        expires_at: line.expires_at,
        url: view.url,
        you: line.you,
        decoy: line.decoy,
        definition: view.proposal.as_ref().and_then(|proposal| proposal.definition),
        level: decision.map(|d| d.level.to_string()),
        conduct: view.conduct.map(|(class, so_far)| ConductSoFar { class, runs: so_far.runs, errors: so_far.errors }),
        risk_scale: view.risk_model.as_ref().map(RiskScale::from),
    }
}

fn refused(case: &Case) -> Option<String> {
    let against = case.votes.iter().find(|vote| vote.ballot == Ballot::Deny);
    against.map(|vote| types::text::escape(&vote.reason, true))
}

/// Shows a case.
///
/// A person sees what is to be approved: the exact arguments as data and, apart from them, what the agent says. The
/// agent that caused the case sees where it stands, and no other agent sees anything.
#[utoipa::path(get, path = "/v1/approvals/{id}", operation_id = "show_approval", tag = "approvals",
    extensions(("x-countersign-callers" = json!(callers::HOLDERS))),
    params(("id" = String, Path, description = "The case")), responses(
    (status = 200, description = "The case", body = ApprovalShown),
    (status = 404, description = "`not-found`: there is no such case, or it is not this agent's", body = Problem, content_type = "application/problem+json"),
))]
async fn show(
    State(app): State<App>,
    Anyone(holder): Anyone,
    Named(id): Named<CaseId>,
) -> Result<Json<ApprovalShown>, Fault> {
    let view = app.control.case(&id)?;
    match &holder.principal {
        Principal::Person(person) => Ok(Json(ApprovalShown::Reviewer(Box::new(reviewer(&app, person, view))))),
        // No agent hears of a decoy, not even the one that seems to ask.
        Principal::Agent(_) if view.case.requester == holder.principal && !app.control.is_decoy(&view.case) => {
            Ok(Json(ApprovalShown::Requester(ApprovalStatus {
                id,
                state: view.case.state.into(),
                action: view.case.action,
                expires_at: view.case.expires,
                refused: refused(&view.case),
                url: view.url,
            })))
        }
        Principal::Agent(_) => Err(control::error::not_found(format!("case {id}")).into()),
    }
}

/// Is a person's vote.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "a vote object")]
pub struct NewVote {
    /// For or against; absent with an assertion, whose ballot says it.
    vote: Option<VoteName>,
    /// Why; it is recorded and must not be empty. Absent with an assertion.
    #[schema(min_length = 1)]
    reason: Option<String>,
    /// The digest of what the person was shown; absent with an assertion.
    #[schema(value_type = Option<String>)]
    shown: Option<Digest>,
    /// Confirms that an owner decides alone, where the bundle sets `solo`.
    #[serde(default)]
    confirm_solo: bool,
    /// The person's own signature over a ballot, instead of everything else.
    assertion: Option<AssertionResponse>,
}

/// Says what a person decides.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", expecting = "`approve` or `deny`")]
pub enum VoteName {
    /// For it.
    Approve,
    /// Against it; one is enough.
    Deny,
}

impl From<VoteName> for Ballot {
    fn from(name: VoteName) -> Self {
        match name {
            VoteName::Approve => Self::Approve,
            VoteName::Deny => Self::Deny,
        }
    }
}

/// Votes on a case: with `vote`, `reason` and `shown`, or with an `assertion` over a ballot.
///
/// Needs a person's own key; where a profile counts signed votes alone, their passkey too. The requester, the person it acts for, the agent's owner and the bundle's authors may not
/// vote, unless the bundle sets `solo` for the owner.
#[utoipa::path(post, path = "/v1/approvals/{id}/votes", operation_id = "vote_on_approval", tag = "approvals",
    extensions(("x-countersign-callers" = json!(callers::STAFF))),
    params(("id" = String, Path, description = "The case")),
    request_body = NewVote, responses(
    (status = 200, description = "The case after the vote", body = ApprovalLine),
    (status = 403, description = "`voter-excluded`, `vote-unsigned`, `assertion-invalid`, `assertion-foreign`, `passkey-unknown`, `passkey-foreign`, `passkey-revoked` or `killed`", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not-found`: there is no such case", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "`shown-mismatch`, `case-closed`, `vote-repeated`, `solo-unconfirmed`, `review-awaited`, `ballot-unknown`, `ballot-used`, `ballot-expired` or `ballot-void`", body = Problem, content_type = "application/problem+json"),
))]
async fn vote(
    State(app): State<App>,
    AsChanger(person): AsChanger,
    Named(id): Named<CaseId>,
    Json(new): Json<NewVote>,
) -> Result<Json<ApprovalLine>, Fault> {
    app.control.case(&id)?;
    let case = match new {
        NewVote { assertion: Some(answer), vote: None, reason: None, shown: None, confirm_solo: false } => {
            app.control.vote_signed(&person, id, answer.into()).await?
        }
        NewVote { assertion: None, vote: Some(vote), reason: Some(reason), shown: Some(shown), confirm_solo } => {
            app.control.vote(&person, id, vote.into(), &reason, shown, confirm_solo).await?
        }
        NewVote { .. } => return Err(invalid("a vote is `vote`, `reason` and `shown`, or an `assertion` alone")),
    };
    Ok(Json(ApprovalLine::of(&app, &person, &case)))
}
