//! `/v1/levels`: autonomy levels given by hand.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::http::StatusCode;
use control::levels::LevelWish;
use control::state::Grant;
use serde::{Deserialize, Serialize};
use types::{ActionId, AgentId, AutonomyLevel, ClassId, GrantId, Millis};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::{AsChanger, AsPerson};
use crate::extract::{Json, reason};
use crate::problem::{Fault, Problem};
use crate::{App, callers};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, give))
}

/// Names an autonomy level.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(expecting = "`L0`, `L1`, `L2` or `L3`")]
pub enum LevelName {
    /// Advisory: it recommends and executes nothing.
    L0,
    /// Assisted: every write needs approval.
    L1,
    /// Conditional: routine classes run alone inside environments and rate limits.
    L2,
    /// Scoped: production autonomy; refused while no tested rollback exists.
    L3,
}

impl From<LevelName> for AutonomyLevel {
    fn from(name: LevelName) -> Self {
        match name {
            LevelName::L0 => Self::L0,
            LevelName::L1 => Self::L1,
            LevelName::L2 => Self::L2,
            LevelName::L3 => Self::L3,
        }
    }
}

impl From<AutonomyLevel> for LevelName {
    fn from(level: AutonomyLevel) -> Self {
        match level {
            AutonomyLevel::L0 => Self::L0,
            AutonomyLevel::L1 => Self::L1,
            AutonomyLevel::L2 => Self::L2,
            AutonomyLevel::L3 => Self::L3,
        }
    }
}

/// Is a level to be given.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "a level object")]
pub struct NewLevel {
    /// The agent.
    #[schema(value_type = String)]
    agent: AgentId,
    /// The action class.
    #[schema(value_type = String)]
    class: ClassId,
    /// The level.
    level: LevelName,
    /// The environments it holds in; L2 for a class that writes needs at least one.
    #[serde(default)]
    environments: BTreeSet<String>,
    /// The number of the agent's epoch that it is for, 0 for when it names nothing of what it runs; the newest, if none is named.
    epoch: Option<u64>,
    /// Why; it is recorded.
    #[schema(min_length = 1)]
    reason: String,
    /// When it ends and becomes L0, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    expires_at: Millis,
}

/// Is a level that was given.
#[derive(Debug, Serialize, ToSchema)]
pub struct Level {
    /// Its identity.
    #[schema(value_type = String)]
    id: GrantId,
    /// The agent.
    #[schema(value_type = String)]
    agent: AgentId,
    /// The action class.
    #[schema(value_type = String)]
    class: ClassId,
    /// The level.
    level: LevelName,
    /// The environments it holds in.
    environments: BTreeSet<String>,
    /// The number of the agent's epoch that it holds in; in others it is L1 at most.
    epoch: u64,
    /// Why.
    reason: String,
    /// Who gave it.
    by: String,
    /// When it was given, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    at: Millis,
    /// When it ends and becomes L0, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    expires_at: Millis,
    /// It has ended, so the agent is at L0.
    expired: bool,
    /// The action whose check took the level away; the agent is at L0 since.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    stopped: Option<ActionId>,
}

impl Level {
    fn of(grant: Grant, now: Millis) -> Self {
        let epoch = grant.holds_in();
        Self {
            epoch,
            id: grant.id,
            agent: grant.agent,
            class: grant.class,
            level: grant.level.into(),
            environments: grant.environments,
            reason: types::text::escape(&grant.reason, true),
            by: grant.by.subject(),
            at: grant.at,
            expires_at: grant.expires,
            expired: grant.expires <= now,
            stopped: grant.stopped,
        }
    }
}

/// Is the list of levels that were given.
#[derive(Debug, Serialize, ToSchema)]
pub struct Levels {
    /// The levels, in order of agent and class; without one an agent is at L0.
    levels: Vec<Level>,
}

/// Lists the levels that were given.
///
/// Needs a person's key.
#[utoipa::path(get, path = "/v1/levels", operation_id = "list_levels", tag = "levels",
    extensions(("x-countersign-callers" = json!(callers::PEOPLE))),
    responses((status = 200, description = "The levels", body = Levels)))]
async fn list(State(app): State<App>, _: AsPerson) -> Json<Levels> {
    let now = app.control.now();
    Json(Levels { levels: app.control.levels().into_iter().map(|grant| Level::of(grant, now)).collect() })
}

/// Gives an agent a level for an action class.
///
/// It replaces the one the agent has for that class. Needs a person's key.
#[utoipa::path(post, path = "/v1/levels", operation_id = "give_level", tag = "levels",
    extensions(("x-countersign-callers" = json!(callers::STAFF))),
    request_body = NewLevel, responses(
    (status = 201, description = "The level is given", body = Level),
    (status = 202, description = "People must approve it first; the same request succeeds then", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "`level-unsupported`: the level cannot be given, and why", body = Problem, content_type = "application/problem+json"),
))]
async fn give(
    State(app): State<App>,
    AsChanger(by): AsChanger,
    Json(new): Json<NewLevel>,
) -> Result<(StatusCode, Json<Level>), Fault> {
    let wish = LevelWish {
        agent: new.agent,
        class: new.class,
        level: new.level.into(),
        environments: new.environments,
        epoch: new.epoch,
        reason: reason(&new.reason)?.to_owned(),
        expires: new.expires_at,
    };
    let grant = app.control.give_level(&by, wish).await?;
    Ok((StatusCode::CREATED, Json(Level::of(grant, app.control.now()))))
}
