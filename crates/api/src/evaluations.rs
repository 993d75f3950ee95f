//! `/v1/models/{name}/versions/{version}/evaluations`: how a version did, as somebody measured it.

use axum::extract::State;
use control::tracking::{NewCheck, NewEvaluation};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::AnyChanger;
use crate::extract::{Json, NamedTwo};
use crate::problem::{Fault, Problem};
use crate::{App, callers};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(evaluate))
}

/// Is how a version did.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with a suite and its checks")]
pub struct Evaluate {
    /// What it was evaluated by: one name for the same checks.
    #[schema(example = "holdout")]
    suite: String,
    /// The checks, at least one; it passed if each of them did.
    #[schema(min_items = 1, max_items = 1000)]
    checks: Vec<CheckAsked>,
    /// The tracked run that it was made in.
    #[serde(default)]
    run: Option<String>,
    /// The data that it was made on.
    #[serde(default)]
    dataset: Option<String>,
}

/// Is one check of it. Numbers are texts, and stay as they are sent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckAsked {
    /// Its name.
    #[schema(example = "auc")]
    name: String,
    /// Whether it passed; without it, `value` is held against `demanded`, and with all three they must agree.
    #[serde(default)]
    passed: Option<bool>,
    /// What was measured, a number.
    #[serde(default)]
    #[schema(example = "0.93")]
    value: Option<String>,
    /// The lower and the upper end of the interval that it is in.
    #[serde(default)]
    interval: Option<(String, String)>,
    /// What is demanded: `>=`, `>`, `<=`, `<` or `==`, and a number.
    #[serde(default)]
    #[schema(example = ">= 0.9")]
    demanded: Option<String>,
}

/// Is an evaluation that was kept.
#[derive(Debug, Serialize, ToSchema)]
pub struct EvaluationKept {
    /// Whether it passed.
    passed: bool,
    /// Whether the version's files are sealed, so that it is known which ones were evaluated.
    sealed: bool,
    /// The index of the record that says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<u64>,
}

/// Keeps how a version of a registered model did in an evaluation.
///
/// It is recorded with who says so and with the digest of the files that it is about. Policies see which suites a version passed and which
/// it failed. Needs an agent's or a person's key.
#[utoipa::path(post, path = "/v1/models/{name}/versions/{version}/evaluations", operation_id = "evaluate_model_version", tag = "models",
    extensions(("x-countersign-callers" = json!(callers::CHANGERS))),
    params(("name" = String, Path, description = "The registered model", example = "fraud"),
        ("version" = String, Path, description = "The version's number", example = "7")),
    request_body = Evaluate, responses(
    (status = 200, description = "It is kept and recorded", body = EvaluationKept),
    (status = 404, description = "`not-found`: there is no such model, version or run", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "`evaluation-invalid`: it says nothing, too much, or what its own numbers contradict", body = Problem, content_type = "application/problem+json"),
))]
async fn evaluate(
    State(app): State<App>,
    AnyChanger(holder): AnyChanger,
    NamedTwo(name, version): NamedTwo,
    Json(asked): Json<Evaluate>,
) -> Result<Json<EvaluationKept>, Fault> {
    let Evaluate { suite, checks, run, dataset } = asked;
    let checks = checks.into_iter().map(NewCheck::from).collect();
    let new = NewEvaluation { suite, checks, run, dataset };
    let (kept, record) = app.control.evaluate_model(holder, (name, version), new).await?;
    Ok(Json(EvaluationKept { passed: kept.passed, sealed: kept.seal.is_some(), record }))
}

impl From<CheckAsked> for NewCheck {
    fn from(check: CheckAsked) -> Self {
        let CheckAsked { name, passed, value, interval, demanded } = check;
        Self { name, passed, value, interval, demanded }
    }
}
