//! `/v1/skew`: features in training beside themselves in serving.

use axum::extract::State;
use control::tracking::FeatureSkew;
use models::skew::{Example, Finding, TOLERANCE_MILLIONTHS, Value};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{shown, tracked};
use crate::auth::Anyone;
use crate::extract::{Json, Query};
use crate::problem::{Fault, Problem};
use crate::{App, callers};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(compare))
}

/// Says what is to be compared, and how strictly.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SkewWish {
    /// The feature; by default each that has values on both sides.
    feature: Option<String>,
    /// How many millionths of the larger one two numbers may differ by; 1 by default.
    tolerance_millionths: Option<u32>,
}

/// Says what comparing has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SkewFinding {
    /// No entity has a value on both sides at one time.
    NothingCompared,
    /// Every value that was compared is the same.
    Same,
    /// At least one differs.
    Differs,
}

/// Is a value that differs.
#[derive(Debug, Serialize, ToSchema)]
pub struct SkewExample {
    /// The entity.
    entity: String,
    /// The time of the event, in milliseconds since the epoch.
    at: i64,
    /// What it was in training; absent if there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    training: Option<String>,
    /// What it was in serving.
    #[serde(skip_serializing_if = "Option::is_none")]
    serving: Option<String>,
}

impl From<Example> for SkewExample {
    fn from(example: Example) -> Self {
        let written = |value: Value| match value {
            Value::Missing => None,
            Value::Number(number) => Some(number.to_string()),
            Value::Text(text) => Some(shown(&text)),
        };
        let Example { entity, at, training, serving } = example;
        Self { entity: shown(&entity), at, training: written(training), serving: written(serving) }
    }
}

/// Is how the numbers are distributed on the two sides.
#[derive(Debug, Serialize, ToSchema)]
pub struct SkewDistance {
    /// How many numbers there are of training.
    training: usize,
    /// How many there are of serving.
    serving: usize,
    /// The population stability index, in millionths.
    psi_millionths: i64,
    /// The statistic of Kolmogorov and Smirnov, in millionths.
    ks_millionths: i64,
}

/// Is one feature in training beside itself in serving.
#[derive(Debug, Serialize, ToSchema)]
pub struct SkewReport {
    /// The feature.
    feature: String,
    /// The business concept it stands for.
    concept: String,
    /// What comparing has come to.
    finding: SkewFinding,
    /// The latest version that has values of training.
    #[serde(skip_serializing_if = "Option::is_none")]
    training_version: Option<i64>,
    /// The latest version that has values of serving.
    #[serde(skip_serializing_if = "Option::is_none")]
    serving_version: Option<i64>,
    /// How many entities and times both sides have.
    compared: usize,
    /// At how many of them the values differ.
    differing: usize,
    /// The first that differs, by time and then by entity.
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<SkewExample>,
    /// How many only training has.
    training_only: usize,
    /// How many only serving has.
    serving_only: usize,
    /// How the numbers are distributed, of all that are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    distance: Option<SkewDistance>,
    /// Whether a side has more than the 500,000 values that are compared.
    cut: bool,
}

impl From<FeatureSkew> for SkewReport {
    fn from(found: FeatureSkew) -> Self {
        let FeatureSkew { name, concept, training_version, serving_version, is_cut, skew } = found;
        Self {
            feature: name,
            concept: shown(&concept),
            finding: match skew.finding {
                Finding::NothingCompared => SkewFinding::NothingCompared,
                Finding::Same => SkewFinding::Same,
                Finding::Differs => SkewFinding::Differs,
            },
            training_version,
            serving_version,
            compared: skew.compared,
            differing: skew.differing,
            first: skew.first.map(SkewExample::from),
            training_only: skew.training_only,
            serving_only: skew.serving_only,
            distance: skew.distance.map(|distance| SkewDistance {
                training: distance.training,
                serving: distance.serving,
                psi_millionths: distance.psi_millionths,
                ks_millionths: distance.ks_millionths,
            }),
            cut: is_cut,
        }
    }
}

/// Is what comparing training with serving has come to.
#[derive(Debug, Serialize, ToSchema)]
pub struct SkewReports {
    /// A report for each feature, by name.
    features: Vec<SkewReport>,
}

/// Compares features in training with the same features in serving.
///
/// For the same entity at the same time. Needs any key.
#[utoipa::path(get, path = "/v1/skew", operation_id = "compare_features", tag = "models",
    extensions(("x-countersign-callers" = json!(callers::HOLDERS))), params(SkewWish), responses(
    (status = 200, description = "A report for each feature", body = SkewReports),
    (status = 404, description = "`not-found`: there is no such feature", body = Problem, content_type = "application/problem+json"),
))]
async fn compare(State(app): State<App>, _: Anyone, Query(wish): Query<SkewWish>) -> Result<Json<SkewReports>, Fault> {
    let SkewWish { feature, tolerance_millionths } = wish;
    let tolerance = tolerance_millionths.unwrap_or(TOLERANCE_MILLIONTHS);
    let found = tracked(&app, move |tracking| tracking.feature_skew(feature.as_deref(), tolerance)).await?;
    Ok(Json(SkewReports { features: found.into_iter().map(SkewReport::from).collect() }))
}
