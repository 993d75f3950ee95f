//! `/v1/models/{name}/history`: who moved what of a registered model.

use axum::extract::State;
use control::tracking::MOVES_MAX;
use control::tracking::kept::{ModelMove, MoveKind};
use serde::{Deserialize, Serialize};
use types::text::escape;
use types::{Code, Millis};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::AsPerson;
use crate::extract::{Json, Named, Query};
use crate::problem::{Fault, Problem};
use crate::{App, callers};

/// Is how many moves are returned unless the request says otherwise.
const LIMIT: u64 = 100;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(read))
}

/// Says which moves are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Stretch {
    /// The move behind which they begin, as `next` has it; the first one by default.
    after: Option<u64>,
    /// How many at most, 1,000 at most and 100 by default.
    limit: Option<u64>,
}

/// Names what was moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MoveName {
    /// A model was made.
    ModelMade,
    /// A model was renamed.
    ModelRenamed,
    /// A model was deleted, with all of its versions.
    ModelDeleted,
    /// A version was made; `to` is its source.
    VersionMade,
    /// A version was deleted; `from` is the stage it was in.
    VersionDeleted,
    /// A version was put from one stage into another.
    StageMoved,
    /// An alias was set, moved from one version to another, or taken away.
    AliasMoved,
    /// Another version, or none, is to run at a target, which `alias` names.
    DeploymentMoved,
}

impl From<MoveKind> for MoveName {
    fn from(kind: MoveKind) -> Self {
        match kind {
            MoveKind::ModelMade => Self::ModelMade,
            MoveKind::ModelRenamed => Self::ModelRenamed,
            MoveKind::ModelDeleted => Self::ModelDeleted,
            MoveKind::VersionMade => Self::VersionMade,
            MoveKind::VersionDeleted => Self::VersionDeleted,
            MoveKind::StageMoved => Self::StageMoved,
            MoveKind::AliasMoved => Self::AliasMoved,
            MoveKind::DeploymentMoved => Self::DeploymentMoved,
        }
    }
}

/// Is one move.
#[derive(Debug, Serialize, ToSchema)]
pub struct ModelMoved {
    /// Its place among all moves.
    seq: i64,
    /// When, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    at: Millis,
    /// Who, with their kind in front.
    #[schema(example = "person:ana")]
    by: String,
    /// The person in whose name, if an agent did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    on_behalf_of: Option<String>,
    /// The model's number, by which models that had one name after another are told apart.
    model: i64,
    /// The model's name, from then on.
    name: String,
    /// What was moved.
    kind: MoveName,
    /// The version that was moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<i64>,
    /// The alias that was moved, or the target.
    #[serde(skip_serializing_if = "Option::is_none")]
    alias: Option<String>,
    /// What it was before: a version's number, a stage, a name; absent if there was nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    /// What it is from then on; absent if there is nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    /// The action that it was decided as, as `countersign trace` takes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<String>,
}

impl From<ModelMove> for ModelMoved {
    fn from(moved: ModelMove) -> Self {
        // Names and sources are whatever somebody once sent.
        let shown = |text: String| escape(&text, false);
        Self {
            seq: moved.seq,
            at: Millis(moved.at),
            by: moved.by,
            on_behalf_of: moved.on_behalf_of,
            model: moved.model,
            name: shown(moved.name),
            kind: moved.kind.into(),
            version: moved.number,
            alias: moved.alias.map(shown),
            from: moved.before.map(shown),
            to: moved.after.map(shown),
            action: moved.action,
        }
    }
}

/// Is what was moved of the models that had a name, the oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct ModelHistory {
    /// The moves.
    moves: Vec<ModelMoved>,
    /// The move to go on behind; absent if that was all.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<i64>,
}

/// Tells who moved what of a registered model.
///
/// Of every model that ever had this name, whatever it was called then, and also if it was deleted: who made it, its versions, and moved
/// its aliases and stages, from where to where, and when. Needs a person's key.
#[utoipa::path(get, path = "/v1/models/{name}/history", operation_id = "read_model_history", tag = "models",
    extensions(("x-countersign-callers" = json!(callers::PEOPLE))),
    params(("name" = String, Path, description = "A name that a registered model has or had", example = "fraud"), Stretch),
    responses(
    (status = 200, description = "The moves", body = ModelHistory),
    (status = 404, description = "`not-found`: no registered model ever had this name", body = Problem, content_type = "application/problem+json"),
))]
async fn read(
    State(app): State<App>,
    _: AsPerson,
    Named(name): Named<String>,
    Query(stretch): Query<Stretch>,
) -> Result<Json<ModelHistory>, Fault> {
    let limit = stretch.limit.unwrap_or(LIMIT).clamp(1, MOVES_MAX);
    let after = i64::try_from(stretch.after.unwrap_or(0)).unwrap_or(i64::MAX);
    let control = app.control.clone();
    let reading = tokio::task::spawn_blocking(move || control.model_history(&name, after, limit)).await;
    let found = reading.map_err(|_| Fault::new(Code::Internal, "the request was interrupted"))??;
    let is_full = u64::try_from(found.len()).is_ok_and(|count| count >= limit);
    let next = found.last().map(|last| last.seq).filter(|_| is_full);
    Ok(Json(ModelHistory { moves: found.into_iter().map(ModelMoved::from).collect(), next }))
}
