//! `/v1/events`: what happens, as server-sent events, in the journal's order.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName};
use axum::response::sse::{KeepAlive, Sse};
use axum::response::{IntoResponse, Response, sse};
use control::events::{Event, Follower};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use types::{ActionId, CaseId, Code, Millis, Verdict};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::{AsWatcher, Credential};
use crate::extract::Query;
use crate::problem::Fault;
use crate::view::RestrictionName;
use crate::{App, callers};

/// Is how often a sign of life is sent and the reader's credential judged again.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Is how many events wait for a slow reader.
const WAITING_MAX: usize = 64;

/// Is how long a reader may take no event before it is sent away. It comes back to where it was by the last event's id.
const SLOW: Duration = Duration::from_secs(20);

/// Is how far back a reader may begin.
const LAST_MAX: u64 = 1_000;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(follow))
}

/// Says where the events begin.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Since {
    /// Begins with the last so many records, 1,000 at most; by default with the next one. A `Last-Event-ID` wins.
    #[serde(default)]
    #[param(required = false)]
    last: u64,
}

/// Is one event: a record as somebody looking on sees it. Every text in it is safe to look at.
#[derive(Debug, Serialize, ToSchema)]
pub struct JournalEvent {
    /// Its index in the journal, which is the event's id too.
    index: u64,
    /// What it is about: `decided`, `vote`, `case_ended`, `outcome`, `switch`, and the other kinds of record.
    #[schema(example = "decided")]
    kind: String,
    /// When it was written, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    at: Millis,
    /// The action it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    action: Option<ActionId>,
    /// What was decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<RestrictionName>,
    /// Who proposed, voted or changed something: `agent:NAME` or `person:NAME`.
    #[serde(skip_serializing_if = "Option::is_none")]
    who: Option<String>,
    /// What was to be called, as `server.tool`.
    #[serde(skip_serializing_if = "Option::is_none")]
    tool: Option<String>,
    /// The case that it opened, decided, ended or used.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    case: Option<CaseId>,
    /// The record in a word or two: `approve`, `done`, `expired`, `agent:sre-bot set`.
    #[serde(skip_serializing_if = "Option::is_none")]
    what: Option<String>,
    /// Why: a person's words, or what restricted the action most.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// The code of the finding that restricted the action most, or `glass-broken` where it runs without the approvals it lacks.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    code: Option<Code>,
    /// The risk score.
    #[serde(skip_serializing_if = "Option::is_none")]
    risk: Option<i64>,
    /// The autonomy level in force, `L0` to `L3`.
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<String>,
    /// What a record of the kind `model` tells: `sealed`, `write-refused`, `anchored`, `evaluated` or `observed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'static str>,
}

impl From<Event> for JournalEvent {
    fn from(event: Event) -> Self {
        let Event { index, kind, at, action, verdict, who, tool, case, what, why, code, risk, level, model } = event;
        let verdict = verdict.map(|rank| RestrictionName::from(&Verdict::from_rank(rank)));
        Self { index, kind: kind.to_owned(), at, action, verdict, who, tool, case, what, why, code, risk, level, model }
    }
}

impl JournalEvent {
    fn message(&self) -> sse::Event {
        let data = serde_json::to_string(self).unwrap_or_default();
        sse::Event::default().id(self.index.to_string()).data(data)
    }
}

fn start(app: &App, headers: &HeaderMap, since: &Since) -> u64 {
    let size = app.control.size();
    let seen: Option<u64> = headers.get(LAST_EVENT_ID).and_then(|id| id.to_str().ok()).and_then(|id| id.parse().ok());
    // A log that was closed since begins to count anew.
    let beyond = seen.map(|seen| seen.saturating_add(1)).filter(|next| *next <= size);
    beyond.unwrap_or_else(|| size.saturating_sub(since.last.min(LAST_MAX)))
}

/// Sends what the journal gives until the reader is gone or too slow, its credential has ended, or the server stops.
async fn pump(app: App, credential: Credential, mut follower: Follower, out: mpsc::Sender<sse::Event>) {
    while let Ok(Some(events)) = follower.next(HEARTBEAT).await {
        let Ok(holder) = credential.holder(&app) else { return };
        if out.is_closed() {
            return;
        }
        let is_tested = app.control.is_tested(&holder.principal);
        for event in events {
            let event = if is_tested { event.as_voters_see() } else { event };
            if out.send_timeout(JournalEvent::from(event).message(), SLOW).await.is_err() {
                return;
            }
        }
    }
}

/// Follows what happens.
///
/// Server-sent events in the journal's order: one for each record, its index as the id, a comment as a sign of life every 15
/// seconds. A reader that is too slow, or whose key or login has ended, is cut off; with `Last-Event-ID` it goes on where it
/// was. Needs a person's key.
#[utoipa::path(get, path = "/v1/events", operation_id = "follow_events", tag = "records",
    extensions(("x-countersign-callers" = json!(callers::PEOPLE))),
    params(Since), responses(
    (status = 200, description = "The events, as long as the connection lasts", body = JournalEvent, content_type = "text/event-stream"),
    (status = 503, description = "`overloaded`: 256 readers follow already", body = crate::Problem, content_type = "application/problem+json"),
))]
async fn follow(
    State(app): State<App>,
    AsWatcher(credential): AsWatcher,
    headers: HeaderMap,
    Query(since): Query<Since>,
) -> Result<Response, Fault> {
    let follower = app.control.follow(start(&app, &headers, &since))?;
    let (out, waiting) = mpsc::channel(WAITING_MAX);
    tokio::spawn(pump(app, credential, follower, out));
    let events = futures_util::stream::unfold(waiting, |mut waiting| async move {
        let event = waiting.recv().await?;
        Some((Ok::<_, Infallible>(event), waiting))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response())
}
