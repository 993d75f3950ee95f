//! `/v1/break-glass`: two people stand in for those who cannot be reached, and a third looks at it afterwards.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use types::break_glass::{BreakGlass, End, Extent, Phase, What};
use types::text::escape;
use types::{ActionId, AgentId, ClassId, GlassId, Millis, PersonId, ToolName};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::{AsChanger, AsPerson};
use crate::extract::{Json, Named, reason};
use crate::problem::{Fault, Problem, invalid};
use crate::switches::Why;
use crate::{App, callers};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, ask))
        .routes(routes!(confirm))
        .routes(routes!(end))
        .routes(routes!(review))
}

/// Is what the glass is to be broken for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object that says what the glass is to be broken for")]
pub struct NewBreakGlass {
    /// The agent.
    #[schema(value_type = String)]
    agent: AgentId,
    /// The action class; this or `tool`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    class: Option<ClassId>,
    /// The one tool, as `server.tool`; this or `class`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    tool: Option<ToolName>,
    /// The environment; without one, only what is in no known environment.
    #[serde(default)]
    environment: Option<String>,
    /// For how many minutes, at most 60; as long as the bundle allows, if it is not said.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 60)]
    minutes: Option<u32>,
    /// Why; it is recorded, and everybody is told.
    #[schema(min_length = 1)]
    reason: String,
}

/// Is one key that a person has turned, or a review they have closed.
#[derive(Debug, Serialize, ToSchema)]
pub struct TurnedKey {
    /// Who.
    #[schema(value_type = String)]
    by: PersonId,
    /// When, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    at: Millis,
}

/// Is how a break-glass ended.
#[derive(Debug, Serialize, ToSchema)]
pub struct GlassEnd {
    /// By what: `time`, `person`, `kill`, `freeze` or `bundle`.
    #[schema(value_type = String, example = "time")]
    how: End,
    /// The person whose doing it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    by: Option<PersonId>,
    /// When, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    at: Millis,
}

/// Is an action that ran under a break-glass.
#[derive(Debug, Serialize, ToSchema)]
pub struct GlassAction {
    /// The action.
    #[schema(value_type = String)]
    action: ActionId,
    /// What was called, as `server.tool`.
    tool: String,
    /// When it was permitted, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    at: Millis,
    /// The index of the record of its decision.
    index: u64,
}

/// Is what a review found.
#[derive(Debug, Serialize, ToSchema)]
pub struct GlassReview {
    /// Who looked.
    #[schema(value_type = String)]
    by: PersonId,
    /// When, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    at: Millis,
    /// What they found.
    findings: String,
}

/// Is a break-glass and how it stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct BreakGlassView {
    /// Its id.
    #[schema(value_type = String)]
    id: GlassId,
    /// Where it stands: `asked`, `in_force`, `ended` (and awaits its review), `reviewed`, or `lapsed` before the second key.
    #[schema(value_type = String, example = "in_force")]
    state: Phase,
    /// The agent it is for.
    #[schema(value_type = String)]
    agent: AgentId,
    /// The action class it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    class: Option<ClassId>,
    /// The tool it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    tool: Option<String>,
    /// The environment it is for; without one, what is in no known environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<String>,
    /// Why.
    reason: String,
    /// The first key.
    first: TurnedKey,
    /// The second key.
    #[serde(skip_serializing_if = "Option::is_none")]
    second: Option<TurnedKey>,
    /// Until when the second key may be turned, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    confirm_until: Millis,
    /// When its time is over, in milliseconds since the epoch; absent before the second key.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    expires_at: Option<Millis>,
    /// How it ended, once that is recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<GlassEnd>,
    /// The actions that ran under it.
    actions: Vec<GlassAction>,
    /// How many may.
    actions_max: u32,
    /// Until when it must be reviewed, in milliseconds since the epoch; absent if it never was in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    review_until: Option<Millis>,
    /// It should have been reviewed by now.
    overdue: bool,
    /// Its review.
    #[serde(skip_serializing_if = "Option::is_none")]
    review: Option<GlassReview>,
}

impl BreakGlassView {
    fn of(glass: BreakGlass, now: Millis) -> Self {
        let key = |key: &types::break_glass::Turned| TurnedKey { by: key.by.clone(), at: key.at };
        let (class, tool) = match &glass.extent.what {
            What::Class(class) => (Some(class.clone()), None),
            What::Tool(tool) => (None, Some(escape(&tool.to_string(), false))),
        };
        let action = |used: &types::break_glass::Used| GlassAction {
            action: used.action,
            tool: escape(&used.tool.to_string(), false),
            at: used.at,
            index: used.index,
        };
        Self {
            id: glass.id,
            state: glass.phase(now),
            agent: glass.extent.agent.clone(),
            class,
            tool,
            environment: glass.extent.environment.as_ref().map(|name| escape(name, false)),
            reason: escape(&glass.reason, true),
            first: key(&glass.first),
            second: glass.second.as_ref().map(key),
            confirm_until: glass.confirm_until(),
            expires_at: glass.expires(),
            ended: glass.ended.clone().map(|ended| GlassEnd { how: ended.how, by: ended.by, at: ended.at }),
            actions: glass.actions.iter().map(action).collect(),
            actions_max: glass.actions_max,
            review_until: glass.second.as_ref().map(|_| glass.review_until()),
            overdue: glass.is_overdue(now),
            review: glass.review.map(|review| GlassReview {
                by: review.by,
                at: review.at,
                findings: escape(&review.findings, true),
            }),
        }
    }
}

/// Is the list of break-glasses, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct BreakGlasses {
    /// Those that are not closed, and the last few that are.
    glasses: Vec<BreakGlassView>,
}

/// Lists the break-glasses that are not closed, and the last few that are.
///
/// Needs a person's key.
#[utoipa::path(get, path = "/v1/break-glass", operation_id = "list_break_glass", tag = "break-glass",
    extensions(("x-countersign-callers" = json!(callers::PEOPLE))),
    responses(
    (status = 200, description = "The break-glasses", body = BreakGlasses),
))]
async fn list(State(app): State<App>, _: AsPerson) -> Result<Json<BreakGlasses>, Fault> {
    let now = app.control.now();
    let glasses = app.control.break_glasses()?.into_iter().map(|glass| BreakGlassView::of(glass, now)).collect();
    Ok(Json(BreakGlasses { glasses }))
}

fn view(app: &App, glass: BreakGlass) -> Json<BreakGlassView> {
    Json(BreakGlassView::of(glass, app.control.now()))
}

/// Turns the first key of a break-glass.
///
/// It grants nothing: another person must turn the second key within five minutes. Everybody is told. Needs a person's key.
#[utoipa::path(post, path = "/v1/break-glass", operation_id = "ask_break_glass", tag = "break-glass",
    extensions(("x-countersign-callers" = json!(callers::STAFF))),
    request_body = NewBreakGlass, responses(
    (status = 201, description = "The first key is turned", body = BreakGlassView),
    (status = 403, description = "`key-excluded`: the caller may not turn a key", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "`review-open` or `break-glass-over`: another one is not closed", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "`break-glass-unsupported`: the bundle does not let the glass be broken so, and why", body = Problem, content_type = "application/problem+json"),
))]
async fn ask(
    State(app): State<App>,
    AsChanger(by): AsChanger,
    Json(new): Json<NewBreakGlass>,
) -> Result<(StatusCode, Json<BreakGlassView>), Fault> {
    let what = match (new.class, new.tool) {
        (Some(class), None) => What::Class(class),
        (None, Some(tool)) => What::Tool(tool),
        _ => return Err(invalid("name either a `class` or a `tool`")),
    };
    let extent = Extent { agent: new.agent, what, environment: new.environment };
    let life_ms = new.minutes.map(|minutes| i64::from(minutes) * 60_000);
    let glass = app.control.ask_glass(&by, extent, life_ms, reason(&new.reason)?).await?;
    Ok((StatusCode::CREATED, view(&app, glass)))
}

/// Turns the second key of a break-glass: from then on it is in force.
///
/// Needs the key of another person than the one who turned the first.
#[utoipa::path(post, path = "/v1/break-glass/{glass}/confirm", operation_id = "confirm_break_glass", tag = "break-glass",
    extensions(("x-countersign-callers" = json!(callers::STAFF))),
    request_body = Why,
    params(("glass" = String, Path, description = "The break-glass")), responses(
    (status = 200, description = "It is in force", body = BreakGlassView),
    (status = 403, description = "`key-excluded`: the caller may not turn this key", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not-found`: there is no such break-glass", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "`break-glass-over`: it was not confirmed in time, or is in force already", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "`break-glass-unsupported`: a kill or a freeze covers it, or nobody could review it", body = Problem, content_type = "application/problem+json"),
))]
async fn confirm(
    State(app): State<App>,
    AsChanger(by): AsChanger,
    Named(id): Named<GlassId>,
    Json(why): Json<Why>,
) -> Result<Json<BreakGlassView>, Fault> {
    let glass = app.control.confirm_glass(&by, id, reason(&why.reason)?).await?;
    Ok(view(&app, glass))
}

/// Ends a break-glass.
///
/// It grants nothing more when the answer comes, and waits for no decision. Any person but an auditor may end one.
#[utoipa::path(post, path = "/v1/break-glass/{glass}/end", operation_id = "end_break_glass", tag = "break-glass",
    extensions(("x-countersign-callers" = json!(callers::STAFF))),
    request_body = Why,
    params(("glass" = String, Path, description = "The break-glass")), responses(
    (status = 200, description = "It is over", body = BreakGlassView),
    (status = 404, description = "`not-found`: there is no such break-glass", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "`break-glass-over`: it is over already", body = Problem, content_type = "application/problem+json"),
))]
async fn end(
    State(app): State<App>,
    AsChanger(by): AsChanger,
    Named(id): Named<GlassId>,
    Json(why): Json<Why>,
) -> Result<Json<BreakGlassView>, Fault> {
    let glass = app.control.end_glass(&by, id, reason(&why.reason)?).await?;
    Ok(view(&app, glass))
}

/// Is what a review found.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with `findings`")]
pub struct NewGlassReview {
    /// What was found; it is recorded.
    #[schema(min_length = 1)]
    findings: String,
}

/// Closes the review of a break-glass that is over.
///
/// Until then no other glass can be broken. Needs the key of a reviewer who turned neither key and does not own the agent.
#[utoipa::path(post, path = "/v1/break-glass/{glass}/review", operation_id = "review_break_glass", tag = "break-glass",
    extensions(("x-countersign-callers" = json!(callers::STAFF))),
    request_body = NewGlassReview,
    params(("glass" = String, Path, description = "The break-glass")), responses(
    (status = 200, description = "It is reviewed", body = BreakGlassView),
    (status = 403, description = "`key-excluded`: the caller may not review it", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not-found`: there is no such break-glass", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "`break-glass-over`: it awaits no review", body = Problem, content_type = "application/problem+json"),
))]
async fn review(
    State(app): State<App>,
    AsChanger(by): AsChanger,
    Named(id): Named<GlassId>,
    Json(new): Json<NewGlassReview>,
) -> Result<Json<BreakGlassView>, Fault> {
    if new.findings.trim().is_empty() {
        return Err(invalid("`findings` is empty"));
    }
    let glass = app.control.review_glass(&by, id, &new.findings).await?;
    Ok(view(&app, glass))
}
