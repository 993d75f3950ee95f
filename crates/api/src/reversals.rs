//! `/v1/actions/{id}/undo`: what taking an action of an agent back would do, and doing it.

use axum::extract::State;
use control::reversals::{UndoPlan, Undone};
use serde::{Deserialize, Serialize};
use types::reversal::StateSeen;
use types::text::escape;
use types::{ActionId, AgentId, Millis, OutcomeStatus, ToolName};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::{AsChanger, AsPerson};
use crate::extract::{Json, Named, reason};
use crate::problem::{Fault, Problem};
use crate::{App, callers};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(plan, undo))
}

/// Is what was seen of the state that an action changes.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SeenState {
    /// When: `before` it was sent, `after` it had ended, `conflict` as it was to be taken back and was not, `undone` after it was.
    phase: &'static str,
    /// When, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    at: Millis,
    /// The state, as canonical JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    /// Why it could not be seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// The action that took it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    undo: Option<ActionId>,
    /// Whether the state was then what it was before.
    #[serde(skip_serializing_if = "Option::is_none")]
    restored: Option<bool>,
}

impl From<&(StateSeen, Option<String>)> for SeenState {
    fn from((seen, state): &(StateSeen, Option<String>)) -> Self {
        Self {
            phase: seen.phase.as_str(),
            at: seen.at,
            state: state.as_deref().map(shown),
            error: seen.error.as_deref().map(shown),
            undo: seen.undo,
            restored: seen.restored,
        }
    }
}

fn shown(text: &str) -> String {
    escape(text, false)
}

/// Is what taking an action back would do.
#[derive(Debug, Serialize, ToSchema)]
pub struct Reversal {
    /// The action.
    #[schema(value_type = String)]
    action: ActionId,
    /// The agent whose it is.
    #[schema(value_type = String)]
    agent: AgentId,
    /// What it called.
    #[schema(value_type = String)]
    did: ToolName,
    /// The tool that takes it back.
    #[schema(value_type = String)]
    tool: ToolName,
    /// The arguments it would be called with.
    #[schema(value_type = Object)]
    arguments: serde_json::Value,
    /// The state before the action, as canonical JSON.
    before: String,
    /// The state that it left; if it is another by now, nothing is taken back. Absent if a crash kept it from being seen, and it can be seen still.
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<String>,
}

impl From<UndoPlan> for Reversal {
    fn from(plan: UndoPlan) -> Self {
        let UndoPlan { action, agent, did, tool, arguments, before, after } = plan;
        Self { action, agent, did, tool, arguments, before: shown(&before), after: after.as_deref().map(shown) }
    }
}

/// Is why an action is taken back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with a `reason`")]
pub struct UndoWish {
    /// Why; it is recorded.
    #[schema(min_length = 1)]
    reason: String,
}

/// Is an action that was taken back.
#[derive(Debug, Serialize, ToSchema)]
pub struct Reversed {
    /// The action.
    #[schema(value_type = String)]
    action: ActionId,
    /// The action that took it back.
    #[schema(value_type = String)]
    undo: ActionId,
    /// How that ended: `done`, `failed` or `in_doubt`.
    #[schema(value_type = String, example = "done")]
    status: OutcomeStatus,
    /// Whether the state is what it was before; absent if it could not be seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    restored: Option<bool>,
    /// The state as it is now, as canonical JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<String>,
}

impl From<Undone> for Reversed {
    fn from(undone: Undone) -> Self {
        let Undone { undone: action, by, status, restored, state } = undone;
        Self { action, undo: by, status, restored, state: state.as_deref().map(shown) }
    }
}

/// Says what taking an action back would do.
///
/// Nothing is asked of its server. Needs a person's key.
#[utoipa::path(get, path = "/v1/actions/{id}/undo", operation_id = "plan_undo", tag = "actions",
    extensions(("x-countersign-callers" = json!(callers::PEOPLE))),
    params(("id" = String, Path, description = "The action")), responses(
    (status = 200, description = "What it would do", body = Reversal),
    (status = 404, description = "`not-found`: the journal has no such action", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "`not-reversible`: why it cannot be taken back", body = Problem, content_type = "application/problem+json"),
))]
async fn plan(State(app): State<App>, _: AsPerson, Named(id): Named<ActionId>) -> Result<Json<Reversal>, Fault> {
    Ok(Json(app.control.plan_undo(&id)?.into()))
}

/// Takes an action of an agent back.
///
/// It is an action of its own, decided by policy, and done only if the state is still what the agent's action left. Needs a person's key.
#[utoipa::path(post, path = "/v1/actions/{id}/undo", operation_id = "undo_action", tag = "actions",
    extensions(("x-countersign-callers" = json!(callers::STAFF))),
    params(("id" = String, Path, description = "The action")), request_body = UndoWish, responses(
    (status = 200, description = "It was sent, and what came of it", body = Reversed),
    (status = 202, description = "People must approve it first; the same request succeeds then", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not-found`: the journal has no such action", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "`reversal-conflict`: the state is another by now; `not-reversible`: why it cannot be taken back", body = Problem, content_type = "application/problem+json"),
    (status = 502, description = "`state-unseen`: its server does not tell the state", body = Problem, content_type = "application/problem+json"),
))]
async fn undo(
    State(app): State<App>,
    AsChanger(by): AsChanger,
    Named(id): Named<ActionId>,
    Json(wish): Json<UndoWish>,
) -> Result<Json<Reversed>, Fault> {
    let why = reason(&wish.reason)?;
    Ok(Json(app.control.undo(&by, &id, why).await?.into()))
}
