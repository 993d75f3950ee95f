//! `/v1/drills`: a kill that is set on purpose, measured, recorded, and lifted again.

use std::time::Duration;

use axum::extract::State;
use control::drills::{DrillWish, Drilled, Ending};
use serde::{Deserialize, Serialize};
use types::{AgentId, DrillId};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::actions::Receipt;
use crate::auth::AsChanger;
use crate::extract::{Json, reason};
use crate::problem::{Fault, Problem};
use crate::{App, callers};

/// Is the longest a drill waits or holds, in milliseconds.
const MS_MAX: u64 = 60_000;

/// Is how long a drill waits for what is in flight where nothing is said, in milliseconds.
const WAIT_MS: u64 = 10_000;

/// Is how long a drill's switch stays set at least where nothing is said, in milliseconds.
const HOLD_MS: u64 = 1_000;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(drill))
}

/// Is a drill that is to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "a drill object")]
pub struct NewDrill {
    /// The agent that is stopped; everything of the tenant if absent.
    #[schema(value_type = Option<String>)]
    agent: Option<AgentId>,
    /// Why; it is recorded and must not be empty.
    #[schema(min_length = 1)]
    reason: String,
    /// How long what is in flight may take to come back, in milliseconds; 10,000 by default, 60,000 at most.
    wait_ms: Option<u64>,
    /// How long the switch stays set at least, in milliseconds; 1,000 by default, 60,000 at most.
    hold_ms: Option<u64>,
}

/// Is how a drill went.
#[derive(Debug, Serialize, ToSchema)]
pub struct DrillReport {
    /// The drill.
    #[schema(value_type = String)]
    id: DrillId,
    /// Nothing left after it was armed, and it drained in time.
    passed: bool,
    /// From the request until nothing new left and that was recorded, in microseconds.
    armed_us: u64,
    /// From the request until nothing was in flight, in microseconds; absent if that did not come about in time.
    #[serde(skip_serializing_if = "Option::is_none")]
    drained_us: Option<u64>,
    /// How many actions were in flight when it was armed.
    in_flight: u64,
    /// For how long dispatches were watched after it was armed, in microseconds.
    watched_us: u64,
    /// How many actions left in that time; any is a fault.
    left: u64,
    /// Where its kill is recorded.
    set: Receipt,
    /// Where this is recorded.
    receipt: Receipt,
    /// What became of its switch.
    ending: EndingName,
    /// Why its switch stays set.
    #[serde(skip_serializing_if = "Option::is_none")]
    stays: Option<Problem>,
}

/// Says what became of a drill's switch.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndingName {
    /// It is lifted.
    Lifted,
    /// It is no longer the drill's own; what is set now stays.
    Overtaken,
    /// It stays set.
    Stays,
}

impl From<Drilled> for DrillReport {
    fn from(drilled: Drilled) -> Self {
        let Drilled { drill, record, ending } = drilled;
        let (ending, stays) = match ending {
            Ending::Lifted => (EndingName::Lifted, None),
            Ending::Overtaken => (EndingName::Overtaken, None),
            Ending::Stays(refusal) => (EndingName::Stays, Some(Fault::from(*refusal).into_problem())),
        };
        Self {
            id: drill.id,
            passed: drill.passed(),
            armed_us: drill.armed_us,
            drained_us: drill.drained_us,
            in_flight: drill.in_flight,
            watched_us: drill.watched_us,
            left: drill.left,
            set: Receipt { index: drill.set_in },
            receipt: Receipt { index: record },
            ending,
            stays,
        }
    }
}

/// Drills a kill.
///
/// Sets a real switch, measures how long it takes to be armed and drained, watches that nothing leaves meanwhile, records that,
/// and lifts the switch again, which is decided like any lift; a switch that somebody sets on the same meanwhile stays. Needs a person's key.
#[utoipa::path(post, path = "/v1/drills", operation_id = "drill_kill", tag = "switches",
    extensions(("x-countersign-callers" = json!(callers::STAFF))),
    request_body = NewDrill, responses(
    (status = 200, description = "It was made, and this is how it went", body = DrillReport),
    (status = 404, description = "`not-found`: the bundle has no such agent", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "`drill-conflict`: a switch on the same is set already", body = Problem, content_type = "application/problem+json"),
))]
async fn drill(
    State(app): State<App>,
    AsChanger(person): AsChanger,
    Json(new): Json<NewDrill>,
) -> Result<Json<DrillReport>, Fault> {
    let tenant = || control::state::Target::Tenant(app.control.config().tenant.clone());
    let ms = |said: Option<u64>, default: u64| Duration::from_millis(said.unwrap_or(default).min(MS_MAX));
    let wish = DrillWish {
        target: new.agent.map_or_else(tenant, control::state::Target::Agent),
        reason: reason(&new.reason)?.to_owned(),
        wait: ms(new.wait_ms, WAIT_MS),
        hold: ms(new.hold_ms, HOLD_MS),
    };
    Ok(Json(app.control.drill(&person, wish).await?.into()))
}
