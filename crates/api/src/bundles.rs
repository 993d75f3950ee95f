//! `/v1/bundles`: the policy bundle, checked and activated.

use std::collections::BTreeMap;

use axum::extract::State;
use control::bundles::BundleFiles;
use serde::{Deserialize, Serialize};
use types::Digest;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::{AsChanger, AsPerson};
use crate::extract::{Json, reason};
use crate::problem::{Fault, Problem};
use crate::{App, callers};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(activate)).routes(routes!(active))
}

/// Is a bundle to be activated.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "a bundle object")]
pub struct NewBundle {
    /// The texts of all its files by path, `/` between its parts.
    files: BTreeMap<String, String>,
    /// Why; it is recorded.
    #[schema(min_length = 1)]
    reason: String,
}

/// Is what an activation did.
#[derive(Debug, Serialize, ToSchema)]
pub struct ActivatedBundle {
    /// The digest of the bundle that is active now.
    #[schema(value_type = String)]
    bundle: Digest,
    /// How many open cases are put to people again under it.
    reopened: usize,
    /// How many open cases ended, because it permits or denies them outright.
    ended: usize,
}

/// Activates a bundle.
///
/// It is checked and its own tests are run; if anything fails, the active bundle stays. Calls in progress keep the
/// bundle they were decided by. Needs a person's key.
#[utoipa::path(post, path = "/v1/bundles", operation_id = "activate_bundle", tag = "bundles",
    extensions(("x-countersign-callers" = json!(callers::STAFF))),
    request_body = NewBundle, responses(
    (status = 200, description = "The bundle is active", body = ActivatedBundle),
    (status = 202, description = "People must approve it first; the same request succeeds then", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "`bundle-invalid` or `bundle-tests-failed`: every problem of it", body = Problem, content_type = "application/problem+json"),
))]
async fn activate(
    State(app): State<App>,
    AsChanger(by): AsChanger,
    Json(new): Json<NewBundle>,
) -> Result<Json<ActivatedBundle>, Fault> {
    let done = app.control.activate(&by, BundleFiles(new.files), reason(&new.reason)?).await?;
    Ok(Json(ActivatedBundle { bundle: done.bundle, reopened: done.reopened, ended: done.ended }))
}

/// Is the active bundle, without the texts of its files.
#[derive(Debug, Serialize, ToSchema)]
pub struct ActiveBundle {
    /// The digest that names exactly these files.
    #[schema(value_type = String)]
    digest: Digest,
    /// The name it gives itself.
    name: String,
    /// The paths of its files, in order.
    files: Vec<String>,
}

/// Names the active bundle.
///
/// Needs a person's key.
#[utoipa::path(get, path = "/v1/bundles/active", operation_id = "read_active_bundle", tag = "bundles",
    extensions(("x-countersign-callers" = json!(callers::PEOPLE))),
    responses(
    (status = 200, description = "The active bundle", body = ActiveBundle),
))]
async fn active(State(app): State<App>, _: AsPerson) -> Json<ActiveBundle> {
    let snapshot = app.control.snapshot();
    let bundle = &snapshot.bundle;
    Json(ActiveBundle {
        digest: bundle.digest(),
        name: bundle.data().head.name.clone(),
        files: bundle.files().iter().map(|(path, _)| path.to_owned()).collect(),
    })
}
