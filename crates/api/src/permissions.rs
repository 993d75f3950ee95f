//! `/v1/permission-requests` and `/v1/permissions`: what agents ask for in advance, and what people gave them.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::State;
use axum::http::StatusCode;
use control::permissions::PermissionWish;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use types::bound::Bound;
use types::permission::{REQUEST_TOOL, Terms};
use types::{ActionId, AgentId, Arguments, Code, Millis, PermissionId, PersonId, Principal, ProfileId, ToolName};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::{AnyChanger, Anyone, AsChanger};
use crate::extract::{Json, Named, reason};
use crate::problem::{Fault, Problem, forbidden, invalid};
use crate::switches::Why;
use crate::{App, callers};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(request)).routes(routes!(list)).routes(routes!(show, revoke))
}

/// Is a permission that is asked for: within visible bounds, for a while, and a number of times.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object that asks for a permission")]
pub struct PermissionRequest {
    /// The agent; the caller itself, if it is not said. A person asks for agents that they own.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    agent: Option<AgentId>,
    /// On whose behalf the agent will act.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    on_behalf_of: Option<PersonId>,
    /// The tool, as `server.tool`.
    #[schema(value_type = String)]
    tool: ToolName,
    /// The arguments of one action that must be covered. What has no bound may only be as it is here, and nothing else may be
    /// there.
    #[schema(value_type = Object)]
    arguments: Arguments,
    /// What single arguments may be besides: `"any"`, `{"one_of": […]}`, `{"between": {"from": …, "to": …}}` for whole numbers,
    /// or `{"within": "/path"}`.
    #[serde(default)]
    #[schema(value_type = Object)]
    bounds: BTreeMap<String, Bound>,
    /// The environments; that of the action that must be covered, if it is not said.
    #[serde(default)]
    environments: Option<BTreeSet<String>>,
    /// How long, in minutes from when it is given.
    minutes: u32,
    /// How many actions.
    uses: u32,
    /// What for; people read it.
    #[schema(min_length = 1)]
    purpose: String,
}

/// Is a permission that holds.
#[derive(Debug, Serialize, ToSchema)]
pub struct Permission {
    /// The permission.
    #[schema(value_type = String)]
    id: PermissionId,
    /// The agent that has it.
    #[schema(value_type = String)]
    agent: AgentId,
    /// On whose behalf it must act to use it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    on_behalf_of: Option<PersonId>,
    /// The tool, as `server.tool`.
    tool: String,
    /// What each argument may be.
    bounds: Vec<ArgumentBound>,
    /// The environments it holds in; with none, only what has no environment is covered.
    environments: BTreeSet<String>,
    /// The profiles that approved it and for which it stands.
    #[schema(value_type = Vec<String>)]
    profiles: BTreeSet<ProfileId>,
    /// What is covered, in words that are safe to look at.
    covers: String,
    /// What it is for.
    purpose: String,
    /// The person who asked in the agent's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    requested_by: Option<PersonId>,
    /// The request that people approved.
    #[schema(value_type = String)]
    request: ActionId,
    /// When it was given, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    at: Millis,
    /// When it ends, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    expires_at: Millis,
    /// How many actions it covered when it was given.
    uses: u32,
    /// How many it covers still.
    uses_left: u32,
}

/// Is what one argument may be.
#[derive(Debug, Serialize, ToSchema)]
pub struct ArgumentBound {
    /// The argument's name.
    argument: String,
    /// The bound, as it was asked for.
    #[schema(value_type = Object)]
    is: Option<Box<RawValue>>,
    /// The same in words that are safe to look at.
    text: String,
}

impl From<types::Permission> for Permission {
    fn from(given: types::Permission) -> Self {
        let covers = given.terms.told();
        let bound = |(name, bound): (String, Bound)| ArgumentBound {
            text: bound.told_of(&name),
            argument: types::text::escape(&name, false),
            is: serde_json::value::to_raw_value(&bound).ok(),
        };
        let escaped = |name: String| types::text::escape(&name, false);
        Self {
            id: given.id,
            agent: given.agent,
            on_behalf_of: given.on_behalf_of,
            tool: escaped(given.terms.tool.to_string()),
            bounds: given.terms.bounds.into_iter().map(bound).collect(),
            environments: given.terms.environments.into_iter().map(escaped).collect(),
            profiles: given.terms.profiles,
            covers,
            purpose: types::text::escape(&given.terms.purpose, true),
            requested_by: given.terms.requested_by,
            request: given.request,
            at: given.at,
            expires_at: given.expires,
            uses: given.terms.uses,
            uses_left: given.left,
        }
    }
}

/// Is a permission that is asked for, in words that are safe to look at; the arguments say the same exactly.
#[derive(Debug, Serialize, ToSchema)]
pub struct PermissionAsked {
    /// What it would cover.
    covers: String,
    /// How often, and how long from when it is given.
    limits: String,
    /// What for.
    purpose: String,
    /// The person who asks in the agent's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    requested_by: Option<PersonId>,
}

impl PermissionAsked {
    /// Reads what a case asks for, where that is a permission.
    pub(crate) fn in_case(proposal: &types::ActionProposal) -> Option<Self> {
        let terms = Terms::read(&proposal.arguments).ok().filter(|_| proposal.tool.to_string() == REQUEST_TOOL)?;
        Some(Self {
            covers: terms.told(),
            limits: terms.told_limits(),
            purpose: types::text::escape(&terms.purpose, true),
            requested_by: terms.requested_by,
        })
    }
}

/// Is the list of permissions that hold, in order of giving.
#[derive(Debug, Serialize, ToSchema)]
pub struct Permissions {
    /// The permissions.
    permissions: Vec<Permission>,
}

/// Asks for a permission.
///
/// The people whom the action would need are asked whether the agent may do it within these bounds. Once they have approved, the
/// permission is given by itself, and the same request answers with it. Needs the agent's own key, or that of the person who owns
/// it.
#[utoipa::path(post, path = "/v1/permission-requests", operation_id = "request_permission", tag = "permissions",
    extensions(("x-countersign-callers" = json!(callers::CHANGERS))),
    request_body = PermissionRequest, responses(
    (status = 201, description = "The permission is given", body = Permission),
    (status = 202, description = "People must approve it first; the same request succeeds then", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "`permission-unsupported`: it cannot be given, and why", body = Problem, content_type = "application/problem+json"),
))]
async fn request(
    State(app): State<App>,
    AnyChanger(holder): AnyChanger,
    Json(asked): Json<PermissionRequest>,
) -> Result<(StatusCode, Json<Permission>), Fault> {
    let (agent, on_behalf_of, requested_by) = match (holder.principal, asked.agent) {
        (Principal::Agent(own), Some(named)) if own != named => {
            return Err(forbidden(format!("the key is not one of agent `{named}`")));
        }
        (Principal::Agent(own), _) => match (holder.on_behalf_of, asked.on_behalf_of) {
            (Some(bound), Some(named)) if bound != named => {
                return Err(forbidden(format!("the key acts for another person than `{named}`")));
            }
            (bound, named) => (own, bound.or(named), None),
        },
        (Principal::Person(person), Some(named)) => (named, asked.on_behalf_of, Some(person)),
        (Principal::Person(_), None) => return Err(invalid("`agent` is missing: a person asks for an agent")),
    };
    let wish = PermissionWish {
        agent,
        on_behalf_of,
        tool: asked.tool,
        arguments: asked.arguments,
        bounds: asked.bounds,
        environments: asked.environments,
        minutes: asked.minutes,
        uses: asked.uses,
        purpose: asked.purpose,
        requested_by,
    };
    let given = app.control.request_permission(wish).await?;
    Ok((StatusCode::CREATED, Json(Permission::from(given))))
}

/// Lists the permissions of everybody for a person, of itself for an agent.
fn visible(app: &App, who: &Principal) -> Result<Vec<types::Permission>, Fault> {
    let is_theirs = |given: &types::Permission| who.agent().is_none_or(|agent| given.agent == *agent);
    Ok(app.control.permissions()?.into_iter().filter(is_theirs).collect())
}

/// Lists the permissions that hold.
///
/// An agent's key lists its own.
#[utoipa::path(get, path = "/v1/permissions", operation_id = "list_permissions", tag = "permissions",
    extensions(("x-countersign-callers" = json!(callers::HOLDERS))),
    responses(
    (status = 200, description = "The permissions", body = Permissions),
))]
async fn list(State(app): State<App>, Anyone(holder): Anyone) -> Result<Json<Permissions>, Fault> {
    let given = visible(&app, &holder.principal)?;
    Ok(Json(Permissions { permissions: given.into_iter().map(Permission::from).collect() }))
}

/// Shows a permission that holds.
///
/// An agent's key sees its own.
#[utoipa::path(get, path = "/v1/permissions/{id}", operation_id = "show_permission", tag = "permissions",
    extensions(("x-countersign-callers" = json!(callers::HOLDERS))),
    params(("id" = String, Path, description = "The permission")), responses(
    (status = 200, description = "The permission", body = Permission),
    (status = 404, description = "`not-found`: there is none, or none any more", body = Problem, content_type = "application/problem+json"),
))]
async fn show(
    State(app): State<App>,
    Anyone(holder): Anyone,
    Named(id): Named<PermissionId>,
) -> Result<Json<Permission>, Fault> {
    let found = visible(&app, &holder.principal)?.into_iter().find(|given| given.id == id);
    let none = || Fault::new(Code::NotFound, format!("there is no permission {id}"));
    found.map(|given| Json(Permission::from(given))).ok_or_else(none)
}

/// Revokes a permission.
///
/// It covers nothing more when the answer comes, and waits for no decision. Any person but an auditor may revoke one.
#[utoipa::path(delete, path = "/v1/permissions/{id}", operation_id = "revoke_permission", tag = "permissions",
    extensions(("x-countersign-callers" = json!(callers::STAFF))),
    params(("id" = String, Path, description = "The permission")), request_body = Why, responses(
    (status = 204, description = "The permission is revoked"),
    (status = 404, description = "`not-found`: there is none, or none any more", body = Problem, content_type = "application/problem+json"),
))]
async fn revoke(
    State(app): State<App>,
    AsChanger(by): AsChanger,
    Named(id): Named<PermissionId>,
    Json(why): Json<Why>,
) -> Result<StatusCode, Fault> {
    app.control.revoke_permission(&by, id, reason(&why.reason)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
