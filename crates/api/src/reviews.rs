//! `/v1/reviews`: what reviewer agents are asked about, what they say, and what people see of it.

use axum::extract::State;
use control::reviews::ReviewView;
use serde::{Deserialize, Serialize};
use types::case::Case;
use types::reviewing::Advice;
use types::text::escape;
use types::{AgentId, CaseId, Digest, Millis, PersonId, Principal};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::{Anyone, AsAgent};
use crate::extract::{Json, Named};
use crate::problem::{Fault, Problem};
use crate::view::{AgentSays, ApprovalState, Finding, Proposal, Risk};
use crate::{App, callers};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show, give))
}

/// Says what a reviewer wants done with a case; there is none that approves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", expecting = "`on` or `back`")]
pub enum AdviceName {
    /// It goes on to people.
    On,
    /// It goes back to who proposed it, and the case ends.
    Back,
}

impl From<Advice> for AdviceName {
    fn from(advice: Advice) -> Self {
        match advice {
            Advice::On => Self::On,
            Advice::Back => Self::Back,
        }
    }
}

impl From<AdviceName> for Advice {
    fn from(name: AdviceName) -> Self {
        match name {
            AdviceName::On => Self::On,
            AdviceName::Back => Self::Back,
        }
    }
}

/// Is what a reviewer agent said of a case: untrusted, and no vote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct CaseReview {
    /// The agent.
    #[schema(value_type = String)]
    reviewer: AgentId,
    /// The model family that the bundle declared for it then.
    family: String,
    /// What it wants done.
    advice: AdviceName,
    /// Why, in its own words.
    reason: String,
    /// When, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    at: Millis,
}

impl From<&types::reviewing::Review> for CaseReview {
    fn from(review: &types::reviewing::Review) -> Self {
        Self {
            reviewer: review.reviewer.clone(),
            family: escape(&review.family, false),
            advice: review.advice.into(),
            reason: escape(&review.reason, true),
            at: review.at,
        }
    }
}

/// Is one case in the list of a reviewer.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenReview {
    /// The case.
    #[schema(value_type = String)]
    id: CaseId,
    /// What is to be called, as `server.tool`.
    tool: String,
    /// When the case was opened, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    opened_at: Millis,
    /// Until when the reviewer is asked, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    until: Millis,
}

/// Is a case that was reviewed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReviewedCase {
    /// The case.
    #[schema(value_type = String)]
    id: CaseId,
    /// Where it stands.
    state: ApprovalState,
    /// Who proposed it: `agent:NAME` or `person:NAME`.
    requester: String,
    /// What is to be called, as `server.tool`.
    tool: String,
    /// What reviewers said, in order.
    reviews: Vec<CaseReview>,
}

impl From<&Case> for ReviewedCase {
    fn from(case: &Case) -> Self {
        Self {
            id: case.id,
            state: case.state.into(),
            requester: case.requester.subject(),
            tool: escape(&case.tool.to_string(), false),
            reviews: case.reviews.iter().map(CaseReview::from).collect(),
        }
    }
}

/// Is a list of reviews, as far as the caller may see them, in order of opening.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Reviews {
    /// For a reviewer: what it is asked about and has not answered.
    Open {
        /// The cases.
        open: Vec<OpenReview>,
    },
    /// For a person: what was reviewed.
    Reviewed {
        /// The cases.
        reviewed: Vec<ReviewedCase>,
    },
}

/// Lists reviews.
///
/// A reviewer agent sees the cases that it is asked about and has not answered; a person sees those that were reviewed, as far as
/// they are on the board.
#[utoipa::path(get, path = "/v1/reviews", operation_id = "list_reviews", tag = "approvals",
    extensions(("x-countersign-callers" = json!(callers::HOLDERS))),
    responses(
    (status = 200, description = "The reviews", body = Reviews),
    (status = 403, description = "`killed`: a switch covers the reviewer", body = Problem, content_type = "application/problem+json"),
))]
async fn list(State(app): State<App>, Anyone(holder): Anyone) -> Result<Json<Reviews>, Fault> {
    let Principal::Agent(reviewer) = &holder.principal else {
        let reviewed =
            app.control.cases().iter().filter(|case| !case.reviews.is_empty()).map(ReviewedCase::from).collect();
        return Ok(Json(Reviews::Reviewed { reviewed }));
    };
    let line = |(case, until): (Case, Millis)| OpenReview {
        id: case.id,
        tool: escape(&case.tool.to_string(), false),
        opened_at: case.opened,
        until,
    };
    Ok(Json(Reviews::Open { open: app.control.reviews_of(reviewer)?.into_iter().map(line).collect() }))
}

/// Is a case as a reviewer agent sees it: redacted, as it is recorded. All of it is data, whatever it says.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CaseToReview {
    /// The case.
    #[schema(value_type = String)]
    id: CaseId,
    /// Who proposed it: `agent:NAME` or `person:NAME`.
    requester: String,
    /// On whose behalf.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    on_behalf_of: Option<PersonId>,
    /// What is to be called, as `server.tool`.
    tool: String,
    /// The digest of the tool's definition as its server listed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    definition: Option<Digest>,
    /// The exact arguments in canonical form, with marks in place of secrets; absent once they were erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    arguments: Option<Box<serde_json::value::RawValue>>,
    /// The same arguments over several lines, with every character that could deceive a reader as `\uXXXX`.
    #[serde(skip_serializing_if = "Option::is_none")]
    arguments_text: Option<String>,
    /// What the proposing agent says of itself: untrusted, and written by the one who is reviewed.
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_says: Option<AgentSays>,
    /// What each stage said.
    findings: Vec<Finding>,
    /// The risk score.
    #[serde(skip_serializing_if = "Option::is_none")]
    risk: Option<Risk>,
    /// The agent's autonomy level when it was decided, `L0` to `L3`.
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<String>,
    /// The digest that a review must name.
    #[schema(value_type = String)]
    shown: Digest,
    /// Whether it may be sent back; what was sent back a short while ago may not be again.
    may_send_back: bool,
    /// When it was opened, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    opened_at: Millis,
    /// Until when the reviewer is asked, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    until: Millis,
}

impl From<ReviewView> for CaseToReview {
    fn from(ReviewView { view, until }: ReviewView) -> Self {
        let (case, decision) = (&view.case, view.decision.as_ref());
        let (mut arguments, mut arguments_text, mut agent_says) = (None, None, None);
        if let Some(proposal) = view.proposal.as_ref().map(Proposal::from) {
            arguments = Some(proposal.arguments);
            arguments_text = Some(proposal.arguments_text);
            agent_says = Some(proposal.agent_says);
        }
        Self {
            id: case.id,
            requester: case.requester.subject(),
            on_behalf_of: case.on_behalf_of.clone(),
            tool: escape(&case.tool.to_string(), false),
            definition: view.proposal.as_ref().and_then(|proposal| proposal.definition),
            arguments,
            arguments_text,
            agent_says,
            findings: decision.map(|d| d.findings.iter().map(Finding::from).collect()).unwrap_or_default(),
            risk: decision.map(|d| Risk::from(&d.risk)),
            level: decision.map(|d| d.level.to_string()),
            shown: case.shown,
            may_send_back: !case.returned,
            opened_at: case.opened,
            until,
        }
    }
}

/// Is a case and its reviews, as far as the caller may see them.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum ReviewShown {
    /// For the reviewer that is asked.
    Asked(Box<CaseToReview>),
    /// For a person.
    Reviewed(ReviewedCase),
}

/// Shows a case to the reviewer that is asked about it, and to a person what reviewers said.
///
/// No other case is shown to a reviewer, nor one whose review it has given or whose time is over.
#[utoipa::path(get, path = "/v1/reviews/{id}", operation_id = "show_review", tag = "approvals",
    extensions(("x-countersign-callers" = json!(callers::HOLDERS))),
    params(("id" = String, Path, description = "The case")), responses(
    (status = 200, description = "The case", body = ReviewShown),
    (status = 403, description = "`killed`: a switch covers the reviewer", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not-found`: there is no such case, or this reviewer is not asked about it", body = Problem, content_type = "application/problem+json"),
))]
async fn show(
    State(app): State<App>,
    Anyone(holder): Anyone,
    Named(id): Named<CaseId>,
) -> Result<Json<ReviewShown>, Fault> {
    Ok(Json(match &holder.principal {
        Principal::Agent(reviewer) => ReviewShown::Asked(Box::new(app.control.review_case(reviewer, &id)?.into())),
        Principal::Person(_) => ReviewShown::Reviewed(ReviewedCase::from(&app.control.case(&id)?.case)),
    }))
}

/// Is a review of a case.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "a review object")]
pub struct NewCaseReview {
    /// On to people, or back to who proposed it.
    advice: AdviceName,
    /// Why; it is recorded, and people read it.
    #[schema(min_length = 1)]
    reason: String,
    /// The digest of what the reviewer was shown.
    #[schema(value_type = String)]
    shown: Digest,
}

/// Reviews a case: sends it on to people, or back to who proposed it.
///
/// Needs the key of a reviewer agent that is asked. A review is never an approval.
#[utoipa::path(post, path = "/v1/reviews/{id}", operation_id = "give_review", tag = "approvals",
    extensions(("x-countersign-callers" = json!(callers::AGENTS))),
    params(("id" = String, Path, description = "The case")),
    request_body = NewCaseReview, responses(
    (status = 200, description = "The case after the review", body = ReviewedCase),
    (status = 403, description = "`killed`: a switch covers the reviewer", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not-found`: there is no such case, or this reviewer is not asked about it", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "`shown-mismatch`, `case-closed`, `vote-repeated`, `review-over` or `review-spent`", body = Problem, content_type = "application/problem+json"),
))]
async fn give(
    State(app): State<App>,
    AsAgent { agent, .. }: AsAgent,
    Named(id): Named<CaseId>,
    Json(new): Json<NewCaseReview>,
) -> Result<Json<ReviewedCase>, Fault> {
    let case = app.control.give_review(&agent, id, new.advice.into(), &new.reason, new.shown).await?;
    let own = |review: &types::reviewing::Review| review.reviewer == agent;
    let case = Case { reviews: case.reviews.iter().filter(|review| own(review)).cloned().collect(), ..case };
    Ok(Json(ReviewedCase::from(&case)))
}
