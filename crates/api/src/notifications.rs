//! `/v1/notifications`: who is told of what, and what became of it.

use axum::extract::State;
use control::notifications::{NOTICES_MAX, Notice, NoticeState, TargetView, View, Wanted};
use serde::{Deserialize, Serialize};
use types::{Code, Millis};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::AsPerson;
use crate::extract::{Json, Query};
use crate::problem::{Fault, Problem, invalid};
use crate::{App, callers};

/// Is how many notices are returned unless the request says otherwise.
const LIMIT: u64 = 100;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(read))
}

/// Says which notices are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// Those of this target alone.
    target: Option<String>,
    /// Those in this state alone: `waiting`, `sent`, `dead` or `dropped`.
    state: Option<String>,
    /// How many at most, 1,000 at most and 100 by default.
    limit: Option<u64>,
}

impl Filter {
    fn wanted(self) -> Result<Wanted, Fault> {
        let named = |name: String| {
            let state = NoticeState::ALL.into_iter().find(|state| state.as_str() == name);
            state.ok_or_else(|| invalid("`state` is `waiting`, `sent`, `dead` or `dropped`"))
        };
        let state = self.state.map(named).transpose()?;
        Ok(Wanted { target: self.target, state, limit: self.limit.unwrap_or(LIMIT).min(NOTICES_MAX) })
    }
}

/// Is how a target last failed.
#[derive(Debug, Serialize, ToSchema)]
pub struct TargetFailure {
    /// When, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    at: Millis,
    /// The code that explains it.
    #[schema(value_type = String)]
    code: Code,
    /// One sentence.
    says: String,
}

/// Is how one target stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct NotificationTarget {
    /// Its name.
    name: String,
    /// Over what it is reached: `webhook`, `slack`, `teams` or `email`.
    kind: String,
    /// Of what it is told.
    events: Vec<String>,
    /// The groups it stands for; all if there is none.
    groups: Vec<String>,
    /// The profiles it is told of; all if there is none.
    profiles: Vec<String>,
    /// Whether it takes what is sent: `unused`, `working`, `failing` or `stopped`.
    health: String,
    /// How many events wait for it.
    waiting: u64,
    /// How many were delivered, of those that are kept.
    sent: u64,
    /// How many were not delivered in time, of those that are kept.
    dead: u64,
    /// How many were over before they were sent, of those that are kept.
    dropped: u64,
    /// When it last took something, in milliseconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    last_sent: Option<Millis>,
    /// How it last failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_failure: Option<TargetFailure>,
    /// When it is tried again, if it is left alone now, in milliseconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    next: Option<Millis>,
}

impl From<TargetView> for NotificationTarget {
    fn from(view: TargetView) -> Self {
        Self {
            name: view.name,
            kind: view.kind.to_owned(),
            events: view.events.iter().map(|event| event.as_str().to_owned()).collect(),
            groups: view.groups,
            profiles: view.profiles,
            health: view.health.as_str().to_owned(),
            waiting: view.waiting,
            sent: view.sent,
            dead: view.dead,
            dropped: view.dropped,
            last_sent: view.last_sent,
            last_failure: view.last_failure.map(|(at, code, says)| TargetFailure { at, code, says }),
            next: view.next,
        }
    }
}

/// Is one notice for one target.
#[derive(Debug, Serialize, ToSchema)]
pub struct NotificationNotice {
    /// Its id; a webhook has it as `webhook-id`.
    id: String,
    /// For which target.
    target: String,
    /// What kind of event it tells.
    event: String,
    /// How many further events it stands for.
    more: u64,
    /// When the event was, in milliseconds since the epoch.
    at: i64,
    /// When it is to be delivered.
    due: i64,
    /// When it is of no use any more.
    until: i64,
    /// How it stands: `waiting`, `sent`, `dead` or `dropped`.
    state: String,
    /// How often it was tried.
    attempts: u32,
    /// When it was tried last.
    #[serde(skip_serializing_if = "Option::is_none")]
    tried: Option<i64>,
    /// The code of the last failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// The status of the last answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
}

impl From<Notice> for NotificationNotice {
    fn from(notice: Notice) -> Self {
        Self {
            id: notice.new.id,
            target: notice.new.target,
            event: notice.new.kind,
            more: notice.more,
            at: notice.new.at,
            due: notice.new.due,
            until: notice.new.until,
            state: notice.state.as_str().to_owned(),
            attempts: notice.attempts,
            tried: notice.tried,
            code: notice.code,
            status: notice.status,
        }
    }
}

/// Is who is told of what, and what became of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Notifications {
    /// The targets, by name; none if nobody is told of anything.
    targets: Vec<NotificationTarget>,
    /// The notices, the newest first.
    notices: Vec<NotificationNotice>,
}

impl From<View> for Notifications {
    fn from(view: View) -> Self {
        Self {
            targets: view.targets.into_iter().map(NotificationTarget::from).collect(),
            notices: view.notices.into_iter().map(NotificationNotice::from).collect(),
        }
    }
}

/// Says who is told of what, and what became of it.
///
/// It holds ids and instants, and nothing that a message says. Needs a person's key.
#[utoipa::path(get, path = "/v1/notifications", operation_id = "read_notifications", tag = "notifications",
    extensions(("x-countersign-callers" = json!(callers::PEOPLE))),
    params(Filter), responses(
    (status = 200, description = "The targets and the notices", body = Notifications),
    (status = 404, description = "`not-found`: there is no such target", body = Problem, content_type = "application/problem+json"),
))]
async fn read(State(app): State<App>, _: AsPerson, Query(filter): Query<Filter>) -> Result<Json<Notifications>, Fault> {
    Ok(Json(app.control.notifications(&filter.wanted()?)?.into()))
}
