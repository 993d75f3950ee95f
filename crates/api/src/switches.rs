//! `/v1/switches`: kill switches, set at once and lifted by decision.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use control::state::{Switch, Target};
use control::switches::Killed;
use serde::{Deserialize, Serialize};
use types::{ActionId, AgentId, ClassId, DrillId, Millis, Principal, TenantId, ToolName};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::actions::Receipt;
use crate::auth::{AnyChanger, AsChanger, AsPerson};
use crate::extract::{Json, Named, Query};
use crate::problem::{Fault, Problem, forbidden};
use crate::{App, callers};

/// Is the longest a request waits for a drain, in milliseconds.
const WAIT_MS_MAX: u64 = 60_000;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, kill)).routes(routes!(lift))
}

/// Is what a switch covers.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", expecting = "an object with one of `tenant`, `agent`, `tool` and `class`")]
pub enum SwitchTarget {
    /// Everything of the tenant.
    #[schema(value_type = String)]
    Tenant(TenantId),
    /// One agent.
    #[schema(value_type = String)]
    Agent(AgentId),
    /// One tool, as `server.tool`.
    #[schema(value_type = String)]
    Tool(ToolName),
    /// One action class.
    #[schema(value_type = String)]
    Class(ClassId),
}

impl From<Target> for SwitchTarget {
    fn from(target: Target) -> Self {
        match target {
            Target::Tenant(tenant) => Self::Tenant(tenant),
            Target::Agent(agent) => Self::Agent(agent),
            Target::Tool(tool) => Self::Tool(tool),
            Target::Class(class) => Self::Class(class),
        }
    }
}

impl From<SwitchTarget> for Target {
    fn from(target: SwitchTarget) -> Self {
        match target {
            SwitchTarget::Tenant(tenant) => Self::Tenant(tenant),
            SwitchTarget::Agent(agent) => Self::Agent(agent),
            SwitchTarget::Tool(tool) => Self::Tool(tool),
            SwitchTarget::Class(class) => Self::Class(class),
        }
    }
}

/// Is a kill switch that is set.
#[derive(Debug, Serialize, ToSchema)]
pub struct SetSwitch {
    /// The key under which it is lifted.
    #[schema(example = "agent:sre-bot")]
    key: String,
    /// What it covers.
    target: SwitchTarget,
    /// Who set it: `agent:NAME` or `person:NAME`.
    by: String,
    /// Why.
    reason: String,
    /// When, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    at: Millis,
    /// The drill that set it and will lift it again; absent for a kill in earnest.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    drill: Option<DrillId>,
    /// Where it is recorded; absent while the journal still takes it, though it is durable by now.
    #[schema(required)]
    receipt: Option<Receipt>,
}

impl From<Switch> for SetSwitch {
    fn from(switch: Switch) -> Self {
        Self {
            key: switch.target.key(),
            by: switch.by.subject(),
            reason: types::text::escape(&switch.reason, true),
            at: switch.at,
            drill: switch.drill,
            receipt: switch.set_in.map(|index| Receipt { index }),
            target: switch.target.into(),
        }
    }
}

/// Is the list of switches that are set.
#[derive(Debug, Serialize, ToSchema)]
pub struct Switches {
    /// The tenant that this server serves; a switch on it covers everything.
    #[schema(value_type = String)]
    tenant: TenantId,
    /// The switches, in order of key.
    switches: Vec<SetSwitch>,
}

/// Lists the kill switches that are set.
///
/// Needs a person's key.
#[utoipa::path(get, path = "/v1/switches", operation_id = "list_switches", tag = "switches",
    extensions(("x-countersign-callers" = json!(callers::PEOPLE))),
    responses(
    (status = 200, description = "The switches", body = Switches),
))]
async fn list(State(app): State<App>, _: AsPerson) -> Json<Switches> {
    let tenant = app.control.config().tenant.clone();
    Json(Switches { tenant, switches: app.control.switches().into_iter().map(SetSwitch::from).collect() })
}

/// Is a kill.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "a kill object")]
pub struct NewSwitch {
    /// What is to be stopped.
    target: SwitchTarget,
    /// Why; it is recorded and must not be empty.
    #[schema(min_length = 1)]
    reason: String,
}

/// Says how long a request may wait.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Wait {
    /// Waits up to this many milliseconds, 60,000 at most, until nothing is in flight.
    #[serde(default)]
    #[param(required = false)]
    wait_ms: u64,
}

/// Is one action that has left and not come back, or whose permit is still alive.
#[derive(Debug, Serialize, ToSchema)]
pub struct InFlight {
    /// The action.
    #[schema(value_type = String)]
    action: ActionId,
    /// The agent that proposed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    agent: Option<AgentId>,
    /// The tool, as `server.tool`.
    tool: String,
    /// The action class.
    class: String,
    /// When it left, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    since: Millis,
}

/// Is how a kill stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct KillAnswer {
    /// Nothing new that it covers leaves.
    armed: bool,
    /// Nothing that it covers is in flight, and no permit handed to an agent that executes by itself is alive.
    drained: bool,
    /// What is in flight, by name.
    in_flight: Vec<InFlight>,
    /// Where the kill is recorded; absent while the journal still takes it, though it is durable by now.
    #[schema(required)]
    receipt: Option<Receipt>,
    /// Tenant and bundle know what it covers; if not, the name may be misspelt, and the switch is set all the same.
    known: bool,
}

impl KillAnswer {
    fn of(killed: Killed, known: bool) -> Self {
        let flights = killed.in_flight.into_iter().map(|flight| InFlight {
            action: flight.action,
            agent: flight.agent,
            tool: flight.tool.to_string(),
            class: flight.class.to_string(),
            since: flight.since,
        });
        Self {
            armed: killed.armed,
            drained: killed.drained,
            in_flight: flights.collect(),
            receipt: killed.receipt.map(|index| Receipt { index }),
            known,
        }
    }
}

/// Sets a kill switch.
///
/// It holds when the answer comes, and waits for no decision. Open cases that it covers are void. Any person but an
/// auditor may set one; an agent may stop itself.
#[utoipa::path(post, path = "/v1/switches", operation_id = "set_switch", tag = "switches",
    extensions(("x-countersign-callers" = json!(callers::CHANGERS))),
    params(Wait), request_body = NewSwitch, responses(
    (status = 200, description = "The switch is set", body = KillAnswer),
))]
async fn kill(
    State(app): State<App>,
    AnyChanger(holder): AnyChanger,
    Query(wait): Query<Wait>,
    Json(new): Json<NewSwitch>,
) -> Result<Json<KillAnswer>, Fault> {
    let target = Target::from(new.target);
    may_kill(&holder.principal, &target)?;
    let mut killed = app.control.kill(holder.principal, target.clone(), &new.reason).await?;
    if !killed.drained && wait.wait_ms > 0 {
        let wait = Duration::from_millis(wait.wait_ms.min(WAIT_MS_MAX));
        // Whether the time ran out shows in how the kill stands then.
        let _ = tokio::time::timeout(wait, app.control.drained(&target)).await;
        killed = app.control.killed(&target, killed.receipt);
    }
    let known = app.control.knows(&target);
    Ok(Json(KillAnswer::of(killed, known)))
}

fn may_kill(principal: &Principal, target: &Target) -> Result<(), Fault> {
    match (principal, target) {
        (Principal::Person(_), _) => Ok(()),
        (Principal::Agent(agent), Target::Agent(named)) if agent == named => Ok(()),
        (Principal::Agent(_), _) => Err(forbidden("an agent may stop itself and nobody else")),
    }
}

/// Is why something is taken back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with a `reason`")]
pub struct Why {
    /// Why; it is recorded.
    #[schema(min_length = 1)]
    pub(crate) reason: String,
}

/// Lifts a kill switch.
///
/// This widens what agents may do, so it is decided like any other change. Needs a person's key.
#[utoipa::path(delete, path = "/v1/switches/{key}", operation_id = "lift_switch", tag = "switches",
    extensions(("x-countersign-callers" = json!(callers::STAFF))),
    params(("key" = String, Path, description = "The switch's key, such as `agent:sre-bot`; a slash in it is written `%2F`")),
    request_body = Why, responses(
    (status = 204, description = "The switch is lifted"),
    (status = 202, description = "People must approve it first; the same request succeeds then", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not-found`: no such switch is set", body = Problem, content_type = "application/problem+json"),
))]
async fn lift(
    State(app): State<App>,
    AsChanger(person): AsChanger,
    Named(target): Named<Target>,
    Json(why): Json<Why>,
) -> Result<StatusCode, Fault> {
    let is_set = app.control.switches().iter().any(|switch| switch.target == target);
    if !is_set {
        return Err(control::error::not_found(format!("switch `{}` that is set", target.key())).into());
    }
    app.control.lift(&person, target, crate::extract::reason(&why.reason)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
