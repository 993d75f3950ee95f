//! `/v1/baselines`: what is usual for an agent.

use axum::extract::State;
use control::baselines::{Learned, Range};
use serde::{Deserialize, Serialize};
use types::{AgentId, Millis};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::AsPerson;
use crate::extract::{Json, Query};
use crate::problem::Fault;
use crate::{App, callers};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Names an agent.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Whose {
    /// The agent.
    #[param(value_type = String)]
    agent: AgentId,
}

/// Is what a baseline knows of an agent in an action class. A bound that is absent rests on too few hours to be known.
#[derive(Debug, Serialize, ToSchema)]
pub struct Baseline {
    /// The action class.
    class: String,
    /// What the bundle calls the baseline.
    baseline: String,
    /// In how many whole hours the agent acted.
    hours: i64,
    /// How many it needs before anything is said.
    hours_min: u32,
    /// How many permits the agent had in the present hour.
    volume: u32,
    /// The most permits in an hour that are usual.
    #[serde(skip_serializing_if = "Option::is_none")]
    volume_max: Option<i64>,
    /// The failures among this hour's endings so far, in basis points; absent while too few have ended to judge.
    #[serde(skip_serializing_if = "Option::is_none")]
    errors_bp: Option<i64>,
    /// The most failures among an hour's endings that are usual, in basis points.
    #[serde(skip_serializing_if = "Option::is_none")]
    errors_bp_max: Option<i64>,
    /// How long this hour's answers took on average so far, in milliseconds; absent while too few have ended to judge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pace_ms: Option<i64>,
    /// The longest that an hour's answers usually take on average, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pace_ms_max: Option<i64>,
    /// The amounts that are usual, by where they stand in the arguments.
    amounts: Vec<Amount>,
    /// The tools that are usual, in order.
    tools: Vec<String>,
    /// How many resources are usual; their names are not kept.
    resources: usize,
}

/// Is which amounts at one place are usual.
#[derive(Debug, Serialize, ToSchema)]
pub struct Amount {
    /// Where they stand in the arguments, as a JSON Pointer.
    pointer: String,
    /// The smallest.
    least: i64,
    /// The largest.
    most: i64,
}

impl From<Learned> for Baseline {
    fn from(learned: Learned) -> Self {
        let Learned { class, baseline, hours_min, usual, volume, errors_bp, pace_ms } = learned;
        Self {
            class: class.to_string(),
            baseline: baseline.to_string(),
            hours: usual.hours,
            hours_min,
            volume,
            volume_max: usual.volume_max,
            errors_bp,
            pace_ms,
            errors_bp_max: usual.errors_bp_max,
            pace_ms_max: usual.pace_ms_max,
            amounts: usual
                .amounts
                .into_iter()
                .map(|(pointer, Range { least, most })| Amount { pointer, least, most })
                .collect(),
            resources: usual.resources.len(),
            tools: usual.tools.iter().map(|tool| types::text::escape(&tool.to_string(), false)).collect(),
        }
    }
}

/// Is what is usual for an agent, in order of class and baseline.
#[derive(Debug, Serialize, ToSchema)]
pub struct Baselines {
    /// When that was so, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    at: Millis,
    /// What each baseline of the active bundle knows.
    baselines: Vec<Baseline>,
}

/// Tells what is usual for an agent, as far as that was learned.
///
/// A class in which nothing was learned is not listed. Needs a person's key.
#[utoipa::path(get, path = "/v1/baselines", operation_id = "list_baselines", tag = "levels",
    extensions(("x-countersign-callers" = json!(callers::PEOPLE))),
    params(Whose), responses(
    (status = 200, description = "What is usual", body = Baselines),
))]
async fn list(State(app): State<App>, _: AsPerson, Query(whose): Query<Whose>) -> Result<Json<Baselines>, Fault> {
    let (at, learned) = app.control.baselines(&whose.agent)?;
    Ok(Json(Baselines { at, baselines: learned.into_iter().map(Baseline::from).collect() }))
}
