//! `/v1/oversight`: how people decide, counted from the journal.

use std::sync::Arc;

use axum::extract::State;
use control::oversight as counted;
use serde::{Deserialize, Serialize};
use types::{AgentId, Code, Millis, PersonId, ProfileId};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::AsPerson;
use crate::extract::{Json, Query};
use crate::problem::Fault;
use crate::{App, callers};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(read))
}

/// Is from when on people's decisions are counted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Since {
    /// From the full hour on, by UTC, in which this instant lies, in milliseconds since the epoch; from the journal's beginning on
    /// without it.
    #[param(value_type = Option<i64>)]
    since: Option<Millis>,
}

/// Is how long decisions took from when it was the person's turn, in milliseconds.
#[derive(Debug, Serialize, ToSchema)]
pub struct DecisionTimes {
    /// Half of them took no longer.
    p50: i64,
    /// Nine in ten took no longer.
    p90: i64,
    /// Ninety-nine in a hundred took no longer.
    p99: i64,
    /// The longest.
    max: i64,
}

impl From<counted::Times> for DecisionTimes {
    fn from(times: counted::Times) -> Self {
        let counted::Times { p50, p90, p99, max } = times;
        Self { p50, p90, p99, max }
    }
}

/// Is what was counted of decisions. Ratios are in basis points, and absent where there is nothing to divide by.
#[derive(Debug, Serialize, ToSchema)]
pub struct OversightFigures {
    /// Votes that were cast, for and against.
    votes: u64,
    /// Those for it.
    approvals: u64,
    /// Approvals of all votes, in basis points.
    #[serde(skip_serializing_if = "Option::is_none")]
    approval_bp: Option<u64>,
    /// How long decisions took; absent without any.
    #[serde(skip_serializing_if = "Option::is_none")]
    decision_ms: Option<DecisionTimes>,
    /// Votes cast less than 3 seconds after it was the person's turn.
    quick: u64,
    /// Those of all votes, in basis points.
    #[serde(skip_serializing_if = "Option::is_none")]
    quick_bp: Option<u64>,
    /// Votes cast in another's place.
    delegated: u64,
    /// Cases that expired unanswered while it was their turn.
    expired: u64,
    /// Approvals of what failed, is in doubt, or was stopped by a kill switch over its agent, tool or class within 24 hours.
    regretted: u64,
    /// Those of all approvals, in basis points.
    #[serde(skip_serializing_if = "Option::is_none")]
    regret_bp: Option<u64>,
    /// Decoys, which are in none of the figures above.
    decoys: DecoyOversight,
}

/// Is what became of decoys that are over; one that is open is not counted.
#[derive(Debug, Serialize, ToSchema)]
pub struct DecoyOversight {
    /// Those that were shown, and answered or left unanswered until their end.
    shown: u64,
    /// Those that somebody refused.
    caught: u64,
    /// Those that somebody approved.
    missed: u64,
    /// Those that nobody answered.
    unanswered: u64,
    /// Those that were caught of all that were answered, in basis points.
    #[serde(skip_serializing_if = "Option::is_none")]
    catch_bp: Option<u64>,
}

impl From<counted::DecoyFigures> for DecoyOversight {
    fn from(figures: counted::DecoyFigures) -> Self {
        let counted::DecoyFigures { shown, caught, missed, unanswered, catch_bp } = figures;
        Self { shown, caught, missed, unanswered, catch_bp }
    }
}

impl From<counted::Figures> for OversightFigures {
    fn from(figures: counted::Figures) -> Self {
        Self {
            votes: figures.votes,
            approvals: figures.approvals,
            approval_bp: figures.approval_bp,
            decision_ms: figures.decision_ms.map(DecisionTimes::from),
            quick: figures.quick,
            quick_bp: figures.quick_bp,
            delegated: figures.delegated,
            expired: figures.expired,
            regretted: figures.regretted,
            regret_bp: figures.regret_bp,
            decoys: figures.decoys.into(),
        }
    }
}

/// Is the figures of one person.
#[derive(Debug, Serialize, ToSchema)]
pub struct PersonOversight {
    /// The person.
    #[schema(value_type = String)]
    person: PersonId,
    /// The figures.
    figures: OversightFigures,
}

/// Is the figures of one group: of the votes that its profiles asked for.
#[derive(Debug, Serialize, ToSchema)]
pub struct GroupOversight {
    /// The group.
    group: String,
    /// The figures.
    figures: OversightFigures,
}

/// Is the figures of one profile of escalation.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProfileOversight {
    /// The profile.
    #[schema(value_type = String)]
    profile: ProfileId,
    /// The figures.
    figures: OversightFigures,
}

/// Is what one reviewer agent said, held against what people decided of it and how that ended. A review is no vote.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReviewerOversight {
    /// The agent.
    #[schema(value_type = String)]
    reviewer: AgentId,
    /// Cases that it sent on to people.
    on: u64,
    /// Those of them that people approved.
    on_approved: u64,
    /// Those of them that people refused.
    on_refused: u64,
    /// Those that people approved and that failed or are in doubt.
    on_failed: u64,
    /// Cases that it sent back.
    back: u64,
    /// Those of them whose exact action was proposed again and approved: people decided otherwise.
    back_approved: u64,
    /// Those of them whose exact action was proposed again and refused.
    back_refused: u64,
    /// Those that people approved all the same and that failed or are in doubt.
    back_failed: u64,
}

impl From<counted::OfReviewer> for ReviewerOversight {
    fn from(counted::OfReviewer { reviewer, reviews }: counted::OfReviewer) -> Self {
        Self {
            reviewer,
            on: reviews.on,
            on_approved: reviews.on_approved,
            on_refused: reviews.on_refused,
            on_failed: reviews.on_failed,
            back: reviews.back,
            back_approved: reviews.back_approved,
            back_refused: reviews.back_refused,
            back_failed: reviews.back_failed,
        }
    }
}

/// Is how often people were asked about what turned out well.
#[derive(Debug, Serialize, ToSchema)]
pub struct BenignOversight {
    /// Actions of agents that ended `done`, as the gateway saw or the agent reported.
    actions: u64,
    /// Those of them that ran on an approval.
    escalated: u64,
    /// Those in basis points: 250 are 2.5 escalations per 100 benign actions.
    #[serde(skip_serializing_if = "Option::is_none")]
    escalated_bp: Option<u64>,
}

/// Is how people decided in a period.
#[derive(Debug, Serialize, ToSchema)]
pub struct Oversight {
    /// When it begins, in milliseconds since the epoch; absent where that is the journal's beginning.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    from: Option<Millis>,
    /// When the last record was written that is counted, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    to: Millis,
    /// How many records were read, those before the period among them.
    records: u64,
    /// How many votes and ends of cases could not be counted, because they were erased or their policy bundle is not at hand.
    unread: u64,
    /// How many cases were opened.
    cases: u64,
    /// The figures of everybody together; a case that expired unanswered counts once.
    all: OversightFigures,
    /// The figures of each person, in order of name.
    people: Vec<PersonOversight>,
    /// The figures of each group, in order of name.
    groups: Vec<GroupOversight>,
    /// The figures of each profile, in order of name.
    profiles: Vec<ProfileOversight>,
    /// What each reviewer agent said, and what people decided of it, in order of name.
    reviewers: Vec<ReviewerOversight>,
    /// How often people were asked about what turned out well.
    benign: BenignOversight,
}

impl From<counted::Report> for Oversight {
    fn from(report: counted::Report) -> Self {
        let person = |of: counted::OfPerson| PersonOversight { person: of.person, figures: of.figures.into() };
        let group = |of: counted::OfGroup| GroupOversight { group: of.group, figures: of.figures.into() };
        let profile = |of: counted::OfProfile| ProfileOversight { profile: of.profile, figures: of.figures.into() };
        let counted::Benign { actions, escalated, escalated_bp } = report.benign;
        Self {
            from: report.from,
            to: report.to,
            records: report.records,
            unread: report.unread,
            cases: report.cases,
            all: report.all.into(),
            people: report.people.into_iter().map(person).collect(),
            groups: report.groups.into_iter().map(group).collect(),
            profiles: report.profiles.into_iter().map(profile).collect(),
            reviewers: report.reviewers.into_iter().map(ReviewerOversight::from).collect(),
            benign: BenignOversight { actions, escalated, escalated_bp },
        }
    }
}

/// Says how people decide.
///
/// How long decisions take, how many are approvals, how many were quick, expired, delegated or regretted, by person, group and
/// profile, and how often people were asked about what turned out well. It is counted from the live journal's records alone; the
/// first request reads all of them. Needs a person's key.
#[utoipa::path(get, path = "/v1/oversight", operation_id = "read_oversight", tag = "approvals",
    extensions(("x-countersign-callers" = json!(callers::PEOPLE))),
    params(Since), responses(
    (status = 200, description = "The figures", body = Oversight),
))]
async fn read(State(app): State<App>, _: AsPerson, Query(of): Query<Since>) -> Result<Json<Oversight>, Fault> {
    let control = Arc::clone(&app.control);
    let counting = tokio::task::spawn_blocking(move || control.oversight(of.since)).await;
    let report = counting.map_err(|_| Fault::new(Code::Internal, "the counting was interrupted"))??;
    Ok(Json(report.into()))
}
