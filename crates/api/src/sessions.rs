//! `/v1/sessions`: sessions of agents that execute by themselves.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::http::StatusCode;
use control::sessions::Brief;
use serde::{Deserialize, Serialize};
use types::{AgentId, Arguments, Identity, PersonId, SessionId, ToolName};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::AsAgent;
use crate::extract::{Json, Named};
use crate::problem::{Fault, Problem};
use crate::{App, callers};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(open)).routes(routes!(close))
}

/// Is what a session is opened with.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "a session object")]
pub struct NewSession {
    /// The agent; the key says who it is, and naming another is refused.
    #[schema(value_type = Option<String>)]
    agent: Option<AgentId>,
    /// The person it acts for; a key that is bound to a person wins, and naming another is refused.
    #[schema(value_type = Option<String>)]
    on_behalf_of: Option<PersonId>,
    /// The task as it was given; recorded, and no ground of any decision.
    task: Option<Task>,
    /// What the agent runs. Another model or prompt than before starts a new epoch of it, in which a level that it was given is L1 at most.
    runs: Option<Runs>,
    /// The tools the agent says it will use, as `server.tool`; anything else is then denied as outside the plan.
    #[schema(value_type = Option<Vec<String>>)]
    plan: Option<BTreeSet<ToolName>>,
    /// Whatever else should be on record; no ground of any decision.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Arguments>,
}

/// Is what an agent runs, by its own word. Each is at most 512 characters.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with `model` and `prompt`")]
pub struct Runs {
    /// The model: `models:/NAME/VERSION` for one that is registered, also by an alias or a stage; anything else as it is, such as a provider's
    /// name of it.
    model: Option<String>,
    /// The prompt: `prompts:/NAME/VERSION` for one that is registered, also by an alias; anything else as it is, such as a digest.
    prompt: Option<String>,
}

/// Is the task of a session.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "a task object")]
pub struct Task {
    /// The words in which it was given.
    prompt: String,
}

/// Is a session that was opened.
#[derive(Debug, Serialize, ToSchema)]
pub struct OpenedSession {
    /// Its identity.
    #[schema(value_type = String)]
    session: SessionId,
}

/// Opens a session.
///
/// Actions proposed in it are counted without a gap and closed with their counts. It is closed by itself when nothing was
/// recorded in it for 24 hours.
#[utoipa::path(post, path = "/v1/sessions", operation_id = "open_session", tag = "sessions",
    extensions(("x-countersign-callers" = json!(callers::AGENTS))),
    request_body = NewSession, responses(
    (status = 201, description = "The session is open", body = OpenedSession),
    (status = 404, description = "`not-found`: what it runs is a version that is not registered", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "`agent-unknown`: the bundle no longer has the key's agent", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "`overloaded`: the agent has 1,000 sessions open", body = Problem, content_type = "application/problem+json"),
))]
async fn open(
    State(app): State<App>,
    caller: AsAgent,
    Json(new): Json<NewSession>,
) -> Result<(StatusCode, Json<OpenedSession>), Fault> {
    caller.is(new.agent.as_ref())?;
    let on_behalf_of = caller.acts_for(new.on_behalf_of)?;
    let plan = new.plan.map(|plan| plan.iter().map(ToString::to_string).collect());
    let runs = new.runs.unwrap_or_default();
    let runs = Identity { model: runs.model, prompt: runs.prompt };
    let brief = Brief { runs, task: new.task.map(|task| task.prompt), metadata: new.metadata };
    let session = app.control.begin_briefed_session(&caller.agent, on_behalf_of, plan, brief).await?;
    Ok((StatusCode::CREATED, Json(OpenedSession { session })))
}

/// Closes a session.
///
/// Records its closing counts. Only the agent that opened it can close it.
#[utoipa::path(delete, path = "/v1/sessions/{id}", operation_id = "close_session", tag = "sessions",
    extensions(("x-countersign-callers" = json!(callers::AGENTS))),
    params(("id" = String, Path, description = "The session")), responses(
    (status = 204, description = "The session is closed"),
    (status = 404, description = "`not-found`: this agent has no such open session", body = Problem, content_type = "application/problem+json"),
))]
async fn close(State(app): State<App>, caller: AsAgent, Named(id): Named<SessionId>) -> Result<StatusCode, Fault> {
    app.control.session_of(&caller.agent, id)?;
    app.control.end_session(id).await?;
    Ok(StatusCode::NO_CONTENT)
}
