//! `/v1/models/{name}/versions/{version}/pipeline`: where a version stands in the pipeline that drives it.

use axum::extract::State;
use control::tracking::PipelineShown;
use control::tracking::kept::{Attested, Driven};
use serde::Serialize;
use types::attestation::Attestation;
use types::text::escape;
use types::{Digest, Millis};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Anyone;
use crate::extract::{Json, NamedTwo};
use crate::problem::{Fault, Problem};
use crate::{App, callers};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(read))
}

/// Is the pipeline that drives a version.
#[derive(Debug, Serialize, ToSchema)]
pub struct PipelineOfVersion {
    /// Where it stands; absent if no pipeline drives the version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pipeline: Option<PipelineView>,
}

/// Is where a version stands in the pipeline that drives it.
#[derive(Debug, Serialize, ToSchema)]
pub struct PipelineView {
    /// The registered model, by the name that it had then.
    model: String,
    /// The version's number.
    version: i64,
    /// The pipeline's name in the bundle.
    pipeline: String,
    /// The digest of what the pipeline says that it goes by.
    #[schema(value_type = String)]
    definition: Digest,
    /// Who registered it, in whose name it is promoted.
    by: String,
    /// The person in whose name that was.
    #[serde(skip_serializing_if = "Option::is_none")]
    on_behalf_of: Option<String>,
    /// The step that it stands at: `register`, `validate`, `evaluate`, `approve` or `promote`.
    step: &'static str,
    /// How that stands: `waiting`, `done`, `failed`, `superseded`, or `again` where the pipeline begins again.
    state: &'static str,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// Whether nothing more comes.
    over: bool,
    /// When the version was registered, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    registered: Millis,
    /// Since when it stands there.
    #[schema(value_type = i64)]
    since: Millis,
    /// The action that it is proposed, or was carried out, as.
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<String>,
    /// What became of each step, the oldest first.
    steps: Vec<PipelineStepView>,
}

/// Is what became of a step.
#[derive(Debug, Serialize, ToSchema)]
pub struct PipelineStepView {
    /// The step.
    step: &'static str,
    /// What became of it.
    state: &'static str,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// The action that it was proposed, or carried out, as.
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<String>,
    /// When, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    at: Millis,
    /// The index of the record that says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<u64>,
}

/// Tells where a version stands in the pipeline that drives it.
///
/// A bundle's pipeline says what happens to a version once it is registered: it is validated, evaluated, put to people where policy says so, and
/// promoted. Each step is told with what became of it, and why. Needs a key.
#[utoipa::path(get, path = "/v1/models/{name}/versions/{version}/pipeline", operation_id = "read_pipeline", tag = "models",
    extensions(("x-countersign-callers" = json!(callers::HOLDERS))),
    params(("name" = String, Path, description = "The registered model", example = "fraud"),
        ("version" = String, Path, description = "The version's number", example = "7")), responses(
    (status = 200, description = "Where it stands", body = PipelineOfVersion),
    (status = 404, description = "`not-found`: there is no such model or version", body = Problem, content_type = "application/problem+json"),
))]
async fn read(
    State(app): State<App>,
    _: Anyone,
    NamedTwo(name, version): NamedTwo,
) -> Result<Json<PipelineOfVersion>, Fault> {
    let found = app.control.pipeline(name, version).await?;
    Ok(Json(PipelineOfVersion { pipeline: found.map(PipelineView::from) }))
}

/// Returns what became of steps, as it is answered.
pub(crate) fn steps(steps: Vec<Attested>) -> Vec<PipelineStepView> {
    steps.into_iter().filter_map(step).collect()
}

fn step(attested: Attested) -> Option<PipelineStepView> {
    let Attestation::PipelineStepped(found) = attested.what else { return None };
    Some(PipelineStepView {
        step: found.step.name(),
        state: found.state.name(),
        why: found.why.map(|why| escape(&why, false)),
        action: found.action,
        at: Millis(found.at),
        record: attested.record,
    })
}

impl From<PipelineShown> for PipelineView {
    fn from(shown: PipelineShown) -> Self {
        let over = !shown.driven.goes_on();
        let Driven { name, number, by, on_behalf_of, pipeline, definition, step, state, why, action, .. } =
            shown.driven;
        Self {
            model: escape(&name, false),
            version: number,
            pipeline,
            definition,
            by,
            on_behalf_of,
            step: step.name(),
            state: state.name(),
            why: why.map(|why| escape(&why, false)),
            over,
            registered: Millis(shown.driven.registered),
            since: Millis(shown.driven.since),
            action,
            steps: steps(shown.steps),
        }
    }
}
