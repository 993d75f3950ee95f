//! `/v1/rollbacks`: what taking back all that a session or an agent did would do, and doing it.

use std::collections::BTreeSet;

use axum::extract::State;
use control::rollbacks::{RollbackPlan, Scope, Stays, Step};
use serde::{Deserialize, Serialize};
use types::text::escape;
use types::{ActionId, AgentId, Millis, SessionId, ToolName};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::{AsChanger, AsPerson};
use crate::extract::{Json, Query, reason};
use crate::problem::{Fault, Problem, invalid};
use crate::reversals::{Reversal, Reversed};
use crate::{App, callers};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(plan)).routes(routes!(roll_back))
}

/// Says whose actions.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Whose {
    /// Those of this session.
    #[param(value_type = Option<String>)]
    session: Option<SessionId>,
    /// Those of this agent; with `since`.
    #[param(value_type = Option<String>)]
    agent: Option<AgentId>,
    /// Those that were decided since this instant, in milliseconds since the epoch.
    #[param(value_type = Option<i64>)]
    since: Option<Millis>,
}

impl Whose {
    fn scope(self) -> Result<Scope, Fault> {
        match (self.session, self.agent, self.since) {
            (Some(session), None, None) => Ok(Scope::Session(session)),
            (None, Some(agent), Some(since)) => Ok(Scope::Agent(agent, since)),
            _ => Err(invalid("name a `session`, or an `agent` with `since`")),
        }
    }
}

/// Is what taking all of it back would do.
#[derive(Debug, Serialize, ToSchema)]
pub struct Rollback {
    /// What is taken back, in this order: the latest first.
    steps: Vec<Reversal>,
    /// What had, or may have had, an effect, and stays.
    stays: Vec<Staying>,
    /// How many actions only read, were never sent, changed nothing, or were taken back before.
    without: usize,
}

/// Is an action that is not taken back.
#[derive(Debug, Serialize, ToSchema)]
pub struct Staying {
    /// The action.
    #[schema(value_type = String)]
    action: ActionId,
    /// What it called.
    #[schema(value_type = String)]
    did: ToolName,
    /// Why it stays.
    why: String,
}

impl From<RollbackPlan> for Rollback {
    fn from(plan: RollbackPlan) -> Self {
        let staying = |Stays { action, did, why }| Staying { action, did, why: escape(&why, false) };
        Self {
            steps: plan.steps.into_iter().map(Reversal::from).collect(),
            stays: plan.stays.into_iter().map(staying).collect(),
            without: plan.without,
        }
    }
}

/// Is what is to be taken back, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with `actions` and a `reason`")]
pub struct RollbackWish {
    /// The actions: 1 to 100 of them, in whatever order.
    #[schema(value_type = Vec<String>, min_items = 1, max_items = 100)]
    actions: BTreeSet<ActionId>,
    /// Why; it is recorded with each.
    #[schema(min_length = 1)]
    reason: String,
}

/// Is what came of several actions.
#[derive(Debug, Serialize, ToSchema)]
pub struct RolledBack {
    /// Each, in the order in which they were taken back.
    steps: Vec<RolledBackStep>,
}

/// Is what came of one of them: it was taken back, or the problem that kept it from being.
#[derive(Debug, Serialize, ToSchema)]
pub struct RolledBackStep {
    /// The action.
    #[schema(value_type = String)]
    action: ActionId,
    /// What came of it, if its undo was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    reversed: Option<Reversed>,
    /// Why it was not sent. With `approval` in it, people must approve it first; the same request does it then.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Problem>,
}

impl From<Step> for RolledBackStep {
    fn from(Step { action, done }: Step) -> Self {
        match done {
            Ok(undone) => Self { action, reversed: Some(undone.into()), problem: None },
            Err(refusal) => Self { action, reversed: None, problem: Some(Fault::from(*refusal).into_problem()) },
        }
    }
}

/// Says what taking back all that a session or an agent did would do.
///
/// The latest comes first, since what came later stands upon what came before. What stays is said here, before anything is done. No server is asked. Needs a
/// person's key.
#[utoipa::path(get, path = "/v1/rollbacks", operation_id = "plan_rollback", tag = "actions",
    extensions(("x-countersign-callers" = json!(callers::PEOPLE))),
    params(Whose), responses(
    (status = 200, description = "What it would do", body = Rollback),
    (status = 404, description = "`not-found`: no action of it is recorded", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "`request-invalid`: neither a session, nor an agent with an instant", body = Problem, content_type = "application/problem+json"),
))]
async fn plan(State(app): State<App>, _: AsPerson, Query(whose): Query<Whose>) -> Result<Json<Rollback>, Fault> {
    Ok(Json(app.control.plan_rollback(&whose.scope()?)?.into()))
}

/// Takes actions back, the latest first.
///
/// Each is an action of its own, decided by policy and recorded, and done only if the state is still what it left. One that is not taken back does not keep the
/// others, except those of earlier actions on the same state. Needs a person's key.
#[utoipa::path(post, path = "/v1/rollbacks", operation_id = "roll_back", tag = "actions",
    extensions(("x-countersign-callers" = json!(callers::STAFF))),
    request_body = RollbackWish, responses(
    (status = 200, description = "What came of each", body = RolledBack),
    (status = 404, description = "`not-found`: the journal has no such action", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "`request-invalid`: none, or too many", body = Problem, content_type = "application/problem+json"),
))]
async fn roll_back(
    State(app): State<App>,
    AsChanger(by): AsChanger,
    Json(wish): Json<RollbackWish>,
) -> Result<Json<RolledBack>, Fault> {
    let steps = app.control.roll_back(&by, &wish.actions, reason(&wish.reason)?).await?;
    Ok(Json(RolledBack { steps: steps.into_iter().map(RolledBackStep::from).collect() }))
}
