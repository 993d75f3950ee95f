//! `/v1/seals`: models that are ready, and what is sealed of each.

use axum::extract::State;
use control::tracking::kept;
use serde::{Deserialize, Serialize};
use types::{Digest, Millis};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Anyone;
use crate::extract::{Json, Query};
use crate::problem::{Fault, Problem};
use crate::{App, callers};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Says which seals are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// That of this logged model alone.
    model: Option<String>,
    /// Those behind this model, in order of id.
    after: Option<String>,
}

/// Is the seal of a model: none of its files can be changed or removed.
#[derive(Debug, Serialize, ToSchema)]
pub struct ModelSeal {
    /// The logged model.
    model: String,
    /// The SHA-256 of a text with a line for each file: its SHA-256, its size in bytes and its path below the model, by path.
    #[schema(value_type = String)]
    digest: Digest,
    /// How many files there are.
    files: u64,
    /// How many bytes they have together.
    bytes: u64,
    /// When it was sealed, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    sealed_at: Millis,
    /// Who said that it was ready, such as `person:ana`.
    sealed_by: String,
    /// The journal says so; false for an instant, or until the journal takes records again.
    recorded: bool,
}

impl From<kept::Seal> for ModelSeal {
    fn from(seal: kept::Seal) -> Self {
        let kept::Seal { model, digest, files, bytes, at, by, record, .. } = seal;
        Self { model, digest, files, bytes, sealed_at: Millis(at), sealed_by: by, recorded: record.is_some() }
    }
}

/// Is a page of seals.
#[derive(Debug, Serialize, ToSchema)]
pub struct ModelSeals {
    /// At most 1,000 seals, in order of the model's id.
    seals: Vec<ModelSeal>,
}

/// Lists the seals of models.
#[utoipa::path(get, path = "/v1/seals", operation_id = "list_seals", tag = "models",
    extensions(("x-countersign-callers" = json!(callers::HOLDERS))),
    params(Wanted), responses(
    (status = 200, description = "The seals", body = ModelSeals),
    (status = 500, description = "`file-unusable`: what is tracked cannot be read", body = Problem, content_type = "application/problem+json"),
))]
async fn list(State(app): State<App>, _: Anyone, Query(wanted): Query<Wanted>) -> Result<Json<ModelSeals>, Fault> {
    let seals = app.control.seals(wanted.model, wanted.after.unwrap_or_default()).await?;
    Ok(Json(ModelSeals { seals: seals.into_iter().map(ModelSeal::from).collect() }))
}
