//! `/v1/systems`: what changed the systems behind servers, held against what the journal says that was done.

use axum::extract::State;
use serde::Serialize;
use types::reconciliation::{Bypass, Reconciliation};
use types::text::escape;
use types::{Millis, ServerName};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::{AsChanger, AsPerson};
use crate::extract::{Json, Named};
use crate::problem::{Fault, Problem};
use crate::{App, callers};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(reconcile))
}

/// Are the systems that list what changed them.
#[derive(Debug, Serialize, ToSchema)]
pub struct Systems {
    /// The systems, by the names of their servers.
    systems: Vec<System>,
}

/// Is a system behind a server.
#[derive(Debug, Serialize, ToSchema)]
pub struct System {
    /// The server.
    #[schema(value_type = String)]
    server: ServerName,
    /// What was found so far, the latest 100; absent until it was held against the journal once.
    #[serde(skip_serializing_if = "Option::is_none")]
    held: Option<Held>,
}

/// Is what was found when a system was held against the journal.
#[derive(Debug, Serialize, ToSchema)]
pub struct Held {
    /// The server.
    #[schema(value_type = String)]
    server: ServerName,
    /// The last change of the system that was compared, by its number.
    to: i64,
    /// How many changes and records were compared, the last time.
    compared: u64,
    /// What was found.
    found: Vec<FoundBypass>,
    /// When, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    at: Millis,
}

/// Is one effect without a record, or one record without an effect. Every text in it is safe to look at.
#[derive(Debug, Serialize, ToSchema)]
pub struct FoundBypass {
    /// How they differ: `around`, `unknown-key`, `missing` or `rewound`.
    #[schema(example = "around")]
    gap: &'static str,
    /// Its number in the system's list.
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<i64>,
    /// When, as the system says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
    /// Who, as far as the system knows: the credential, the program.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    /// What was changed, such as tables or files; of a missing effect, the tool that was called.
    what: Vec<String>,
    /// The key, or the action that has no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

impl From<Bypass> for FoundBypass {
    fn from(found: Bypass) -> Self {
        let shown = |text: String| escape(&text, false);
        Self {
            gap: found.gap.as_str(),
            number: found.number,
            at: found.at.map(shown),
            by: found.by.map(shown),
            what: found.what.into_iter().map(shown).collect(),
            key: found.key.map(shown),
        }
    }
}

impl From<Reconciliation> for Held {
    fn from(held: Reconciliation) -> Self {
        let Reconciliation { server, to, compared, found, at, .. } = held;
        Self { server, to, compared, found: found.into_iter().map(FoundBypass::from).collect(), at }
    }
}

/// Lists the systems that list what changed them, with what was found so far.
///
/// Needs a person's key.
#[utoipa::path(get, path = "/v1/systems", operation_id = "list_systems", tag = "systems",
    extensions(("x-countersign-callers" = json!(callers::PEOPLE))), responses(
    (status = 200, description = "The systems", body = Systems),
))]
async fn list(State(app): State<App>, _: AsPerson) -> Result<Json<Systems>, Fault> {
    let mut kept = app.control.reconciliations()?;
    let system = |server: ServerName| {
        let held = kept.iter().position(|held| held.server == server).map(|at| kept.swap_remove(at));
        System { server, held: held.map(Held::from) }
    };
    Ok(Json(Systems { systems: app.control.audited().into_iter().map(system).collect() }))
}

/// Holds a system against the journal, from where the last look ended.
///
/// The server does so by itself every ten minutes. What is found now is returned and recorded. Needs a person's key.
#[utoipa::path(post, path = "/v1/systems/{server}/reconciliation", operation_id = "reconcile_system", tag = "systems",
    extensions(("x-countersign-callers" = json!(callers::STAFF))),
    params(("server" = String, Path, description = "The server")), responses(
    (status = 200, description = "What was found now", body = Held),
    (status = 404, description = "`not-found`: the catalogue names no tool of it that lists what changed", body = Problem, content_type = "application/problem+json"),
    (status = 502, description = "`state-unseen`: it does not tell", body = Problem, content_type = "application/problem+json"),
))]
async fn reconcile(
    State(app): State<App>,
    _: AsChanger,
    Named(server): Named<ServerName>,
) -> Result<Json<Held>, Fault> {
    Ok(Json(app.control.reconcile(&server).await?.into()))
}
