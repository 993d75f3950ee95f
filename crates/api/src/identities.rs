//! `/v1/agents/{agent}/epochs`: what an agent named that it runs, and the epochs that this makes of its life.

use axum::extract::State;
use control::tracking::VersionUse;
use serde::Serialize;
use types::text::escape;
use types::{AgentId, Identity, IdentityEpoch, Millis};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::AsPerson;
use crate::extract::{Json, Named};
use crate::problem::{Fault, Problem};
use crate::{App, callers};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Is an epoch of an agent: while it runs the same.
#[derive(Debug, Serialize, ToSchema)]
pub struct Epoch {
    /// Its number: 1 for the first, then one more each time.
    epoch: u64,
    /// The model that the agent named.
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    /// The prompt that it named.
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt: Option<String>,
    /// When it named these for the first time, in milliseconds since the epoch of time.
    #[schema(value_type = i64)]
    since: Millis,
}

impl From<IdentityEpoch> for Epoch {
    fn from(epoch: IdentityEpoch) -> Self {
        let IdentityEpoch { number, identity: Identity { model, prompt }, at, .. } = epoch;
        let shown = |text: String| escape(&text, false);
        Self { epoch: number, model: model.map(shown), prompt: prompt.map(shown), since: at }
    }
}

/// Are the epochs of an agent.
#[derive(Debug, Serialize, ToSchema)]
pub struct AgentEpochs {
    /// They, the newest first; none as long as the agent has named nothing. At most 100 are kept.
    epochs: Vec<Epoch>,
}

/// Is an agent that names a version as what it runs.
#[derive(Debug, Serialize, ToSchema)]
pub struct VersionUseView {
    /// The agent.
    #[schema(value_type = String)]
    agent: AgentId,
    /// The epoch that this makes.
    #[serde(flatten)]
    epoch: Epoch,
    /// It has named nothing else since.
    newest: bool,
}

impl From<VersionUse> for VersionUseView {
    fn from(one: VersionUse) -> Self {
        Self { agent: one.epoch.agent.clone(), epoch: one.epoch.into(), newest: one.newest }
    }
}

/// Lists the epochs of an agent.
///
/// An agent names the model and the prompt that it runs when it opens a session. Another than before starts a new epoch, in which a level that
/// was given to it is L1 at most. Needs a person's key.
#[utoipa::path(get, path = "/v1/agents/{agent}/epochs", operation_id = "list_epochs", tag = "levels",
    extensions(("x-countersign-callers" = json!(callers::PEOPLE))),
    params(("agent" = String, Path, description = "The agent")), responses(
    (status = 200, description = "The epochs", body = AgentEpochs),
    (status = 404, description = "`not-found`: no agent can have that name", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "`agent-unknown`: the bundle has no such agent", body = Problem, content_type = "application/problem+json"),
))]
async fn list(State(app): State<App>, _: AsPerson, Named(agent): Named<AgentId>) -> Result<Json<AgentEpochs>, Fault> {
    let epochs = app.control.identities_of(&agent)?;
    Ok(Json(AgentEpochs { epochs: epochs.into_iter().map(Epoch::from).collect() }))
}
