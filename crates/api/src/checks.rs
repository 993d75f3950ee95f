//! `/v1/checks`: what must hold after actions, what is watched now, and what is being taken back.

use axum::extract::State;
use serde::Serialize;
use types::check::{Check, Checked, Contained, Watch};
use types::text::escape;
use types::{ActionId, AgentId, CheckId, ClassId, Millis, ToolName};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::AsPerson;
use crate::extract::Json;
use crate::problem::Fault;
use crate::{App, callers};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Are the checks of the active bundle, and what they watch.
#[derive(Debug, Serialize, ToSchema)]
pub struct Checks {
    /// The checks, by name.
    checks: Vec<CheckShown>,
    /// The actions that are watched, and those that are being taken back, in order of action and check.
    watches: Vec<WatchShown>,
}

/// Is a check of the active bundle.
#[derive(Debug, Serialize, ToSchema)]
pub struct CheckShown {
    /// Its name.
    #[schema(value_type = String)]
    check: CheckId,
    /// How it looks: `http`, `prometheus`, `tool`, `sql`, `log` or `command`.
    #[schema(example = "http")]
    way: &'static str,
    /// How many looks there are, if each comes in time.
    looks: i64,
    /// How long is between two, in milliseconds.
    every_ms: i64,
    /// How many bad looks violate it.
    failures: u32,
    /// Of how many of the last looks that saw something.
    of_last: u32,
    /// The action is taken back once it is violated.
    undo: bool,
    /// The agent stands at L0 in the action's class once it is violated.
    stop: bool,
}

/// Is an action that a check watches, or that is being taken back.
#[derive(Debug, Serialize, ToSchema)]
pub struct WatchShown {
    /// The action.
    #[schema(value_type = String)]
    action: ActionId,
    /// The check.
    #[schema(value_type = String)]
    check: CheckId,
    /// Whose action it is.
    #[schema(value_type = String)]
    agent: AgentId,
    /// What it called.
    #[schema(value_type = String)]
    tool: ToolName,
    /// Its class.
    #[schema(value_type = String)]
    class: ClassId,
    /// When it ended, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    since: Millis,
    /// The check was violated, and the action is being taken back.
    violated: bool,
}

/// Is how a check of an action ended. Every text in it is safe to look at.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ActionCheck {
    /// The check.
    #[schema(value_type = String)]
    check: CheckId,
    /// How it ended: `held`, `violated` or `inconclusive`.
    #[schema(example = "held")]
    judgement: &'static str,
    /// How many looks were good.
    good: u32,
    /// How many were bad.
    bad: u32,
    /// How many saw nothing.
    nothing: u32,
    /// What the last look that counts saw.
    why: String,
    /// When, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    at: Millis,
    /// The action was to be taken back.
    undo: bool,
    /// The agent stood at L0 in the action's class from here on.
    stop: bool,
}

/// Is what came of taking an action back whose check was violated. Every text in it is safe to look at.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ActionContainment {
    /// The check.
    #[schema(value_type = String)]
    check: CheckId,
    /// The action that took it back, or tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    undo: Option<ActionId>,
    /// Whether the state was then what it was before.
    #[serde(skip_serializing_if = "Option::is_none")]
    restored: Option<bool>,
    /// Why it was not taken back: a code and a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// When, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    at: Millis,
}

impl From<(&CheckId, &Check)> for CheckShown {
    fn from((check, rule): (&CheckId, &Check)) -> Self {
        Self {
            check: check.clone(),
            way: rule.ways().first().copied().unwrap_or_default(),
            looks: rule.looks(),
            every_ms: rule.every_ms,
            failures: rule.failures(),
            of_last: rule.of_last(),
            undo: rule.undo,
            stop: rule.stops(),
        }
    }
}

impl From<Watch> for WatchShown {
    fn from(watch: Watch) -> Self {
        let Watch { action, check, agent, tool, class, since, violated, .. } = watch;
        Self { action, check, agent, tool, class, since, violated }
    }
}

impl From<&Checked> for ActionCheck {
    fn from(checked: &Checked) -> Self {
        Self {
            check: checked.check.clone(),
            judgement: checked.judgement.as_str(),
            good: checked.good,
            bad: checked.bad,
            nothing: checked.nothing,
            why: escape(&checked.why, false),
            at: checked.at,
            undo: checked.undo,
            stop: checked.stop,
        }
    }
}

impl From<&Contained> for ActionContainment {
    fn from(contained: &Contained) -> Self {
        Self {
            check: contained.check.clone(),
            undo: contained.undo,
            restored: contained.restored,
            error: contained.error.as_deref().map(|error| escape(error, false)),
            at: contained.at,
        }
    }
}

/// Lists the checks of the active bundle, and what they watch now.
///
/// How the checks of one action ended stands on its path. Needs a person's key.
#[utoipa::path(get, path = "/v1/checks", operation_id = "list_checks", tag = "checks",
    extensions(("x-countersign-callers" = json!(callers::PEOPLE))), responses(
    (status = 200, description = "The checks, and what they watch", body = Checks),
))]
async fn list(State(app): State<App>, _: AsPerson) -> Result<Json<Checks>, Fault> {
    let snapshot = app.control.snapshot();
    let checks = snapshot.bundle.data().checks.iter().map(CheckShown::from).collect();
    let watches = app.control.watches()?.into_iter().map(WatchShown::from).collect();
    Ok(Json(Checks { checks, watches }))
}
