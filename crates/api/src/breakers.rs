//! `/v1/breakers`: circuits and bulk breakers that have seen something, and their reset by decision.

use axum::extract::State;
use axum::http::StatusCode;
use control::breakers::{KeptBreakers, KeptBulk, KeptCircuit};
use serde::{Deserialize, Serialize};
use types::breaker::BreakerName;
use types::{AgentId, LimitId, Millis, ToolName};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::{AsChanger, AsPerson};
use crate::extract::{Json, reason};
use crate::problem::{Fault, Problem};
use crate::{App, callers};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(reset))
}

/// Is the circuit of an agent on a tool that has seen a failure, or is open.
#[derive(Debug, Serialize, ToSchema)]
pub struct Circuit {
    /// What the bundle calls it.
    breaker: String,
    /// The agent.
    agent: String,
    /// The tool, as `server.tool`.
    #[serde(skip_serializing_if = "Option::is_none")]
    tool: Option<String>,
    /// `closed`, `open`, `half_open`, or `gone` if the active bundle has no such circuit.
    #[schema(example = "open")]
    state: &'static str,
    /// How many failures count now, while it is closed.
    failures: usize,
    /// When it opened, in milliseconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    opened_at: Option<Millis>,
    /// From when on it lets probes through, in milliseconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    until: Option<Millis>,
    /// The probes that are out.
    probes: Vec<String>,
}

impl From<KeptCircuit> for Circuit {
    fn from(kept: KeptCircuit) -> Self {
        let KeptCircuit { name, state, failures, opened_at, until, probes } = kept;
        Self {
            breaker: name.breaker.to_string(),
            agent: name.agent.to_string(),
            tool: name.tool.map(|tool| types::text::escape(&tool.to_string(), false)),
            state,
            failures,
            opened_at,
            until,
            probes: probes.iter().map(ToString::to_string).collect(),
        }
    }
}

/// Is the bulk breaker of an agent that has counted something.
#[derive(Debug, Serialize, ToSchema)]
pub struct Bulk {
    /// What the bundle calls it.
    breaker: String,
    /// The agent.
    agent: String,
    /// `free`, `full`, `stopped`, or `gone` if the active bundle has no such breaker.
    #[schema(example = "stopped")]
    state: &'static str,
    /// How many permits count now.
    permits: i64,
    /// When it stopped the agent, in milliseconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    stopped_at: Option<Millis>,
    /// When that ends, in milliseconds since the epoch; absent if only a person ends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    until: Option<Millis>,
}

impl From<KeptBulk> for Bulk {
    fn from(kept: KeptBulk) -> Self {
        let KeptBulk { name, state, permits, stopped_at, until } = kept;
        Self { breaker: name.breaker.to_string(), agent: name.agent.to_string(), state, permits, stopped_at, until }
    }
}

/// Are the breakers that have seen something, in order of agent and tool.
#[derive(Debug, Serialize, ToSchema)]
pub struct Breakers {
    /// When they stood so, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    at: Millis,
    /// The circuits.
    circuits: Vec<Circuit>,
    /// The bulk breakers.
    bulks: Vec<Bulk>,
}

impl From<KeptBreakers> for Breakers {
    fn from(kept: KeptBreakers) -> Self {
        Self {
            at: kept.now,
            circuits: kept.circuits.into_iter().map(Circuit::from).collect(),
            bulks: kept.bulks.into_iter().map(Bulk::from).collect(),
        }
    }
}

/// Lists the breakers that have seen something, and how they stand now.
///
/// A breaker that is not listed is as if it had never been used. Needs a person's key.
#[utoipa::path(get, path = "/v1/breakers", operation_id = "list_breakers", tag = "switches",
    extensions(("x-countersign-callers" = json!(callers::PEOPLE))),
    responses(
    (status = 200, description = "The breakers", body = Breakers),
))]
async fn list(State(app): State<App>, _: AsPerson) -> Result<Json<Breakers>, Fault> {
    Ok(Json(Breakers::from(app.control.breakers()?)))
}

/// Is a breaker to be reset.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object that names a breaker")]
pub struct ResetBreaker {
    /// What the bundle calls it.
    #[schema(value_type = String)]
    breaker: LimitId,
    /// The agent.
    #[schema(value_type = String)]
    agent: AgentId,
    /// The tool of a circuit, as `server.tool`; a bulk breaker has none.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    tool: Option<ToolName>,
    /// Why; it is recorded.
    #[schema(min_length = 1)]
    reason: String,
}

/// Resets a breaker: it is then as if it had never been used.
///
/// This widens what an agent may do, so it is decided like any other change. No agent resets a breaker. Needs a person's key.
#[utoipa::path(post, path = "/v1/breakers/reset", operation_id = "reset_breaker", tag = "switches",
    extensions(("x-countersign-callers" = json!(callers::STAFF))),
    request_body = ResetBreaker, responses(
    (status = 204, description = "The breaker is reset"),
    (status = 202, description = "People must approve it first; the same request succeeds then", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not-found`: the breaker has seen nothing", body = Problem, content_type = "application/problem+json"),
))]
async fn reset(
    State(app): State<App>,
    AsChanger(by): AsChanger,
    Json(named): Json<ResetBreaker>,
) -> Result<StatusCode, Fault> {
    let ResetBreaker { breaker, agent, tool, reason: why } = named;
    app.control.reset_breaker(&by, BreakerName { agent, tool, breaker }, reason(&why)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
