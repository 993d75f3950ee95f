//! `/v1/logs`: the tenant's logs, the live one and those that were closed; and `/v1/log/close`, which ends the live one.

use axum::extract::State;
use control::closing::ClosedNow;
use control::logs::{Contents, LogState, LogView};
use control::records::{Line, RECORDS_MAX};
use serde::{Deserialize, Serialize};
use types::{Digest, Millis, Principal};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::actions::Receipt;
use crate::auth::{AsChanger, AsPerson};
use crate::extract::{Json, Named, Query, reason};
use crate::problem::{Fault, Problem};
use crate::records::{LIMIT, RecordLine, Records};
use crate::switches::Why;
use crate::{App, callers};

pub(crate) fn routes() -> OpenApiRouter<App> {
    let reading = OpenApiRouter::new().routes(routes!(list)).routes(routes!(read)).routes(routes!(records));
    reading.routes(routes!(close)).routes(routes!(archived)).routes(routes!(delete))
}

/// Is where a log's deletion is recorded.
#[derive(Debug, Serialize, ToSchema)]
pub struct LogDeletion {
    /// The index of the record.
    record: u64,
    /// The log it is in.
    origin: String,
}

/// Is one log of the tenant.
#[derive(Debug, Serialize, ToSchema)]
pub struct Log {
    /// Its number, from 1; it names the log.
    number: u64,
    /// Its name, as its checkpoints have it.
    origin: String,
    /// How it stands: `open`, `closed`, `archived` or `deleted`.
    #[schema(value_type = String, example = "closed")]
    state: LogState,
    /// How many records it has.
    size: u64,
    /// When its first record was written, in milliseconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    first: Option<Millis>,
    /// When its last record was written, in milliseconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    last: Option<Millis>,
    /// The SHA-256 of its final checkpoint, cosignatures included; absent until it was put away.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    checkpoint: Option<Digest>,
    /// Whether a quorum of witnesses has cosigned its final checkpoint; absent until it was put away.
    #[serde(skip_serializing_if = "Option::is_none")]
    witnessed: Option<bool>,
    /// The digest of the archive of it that was recorded last; that it was read back is the word of who recorded it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    archive: Option<Digest>,
    /// What that archive is said to have of the contents: `sealed`, `opened` or `left`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    contents: Option<Contents>,
    /// Where its deletion is recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted: Option<LogDeletion>,
}

impl From<LogView> for Log {
    fn from(view: LogView) -> Self {
        let LogView { number, origin, state, size, first, last, checkpoint, witnessed, archive, contents, deleted } =
            view;
        let deleted = deleted.map(|(record, origin)| LogDeletion { record, origin });
        Self { number, origin, state, size, first, last, checkpoint, witnessed, archive, contents, deleted }
    }
}

/// Is every log of the tenant.
#[derive(Debug, Serialize, ToSchema)]
pub struct Logs {
    /// The logs, the live one last.
    logs: Vec<Log>,
}

/// Is how a close has ended.
#[derive(Debug, Serialize, ToSchema)]
pub struct LogClose {
    /// The last record is written; otherwise it is as soon as nothing is in flight, or by the next start.
    closed: bool,
    /// How many records the last checkpoint covers.
    size: u64,
    /// How many of them a quorum of witnesses has cosigned; absent without witnesses.
    #[serde(skip_serializing_if = "Option::is_none")]
    witnessed: Option<u64>,
    /// Where the decision is recorded.
    #[schema(required)]
    receipt: Option<Receipt>,
}

impl From<ClosedNow> for LogClose {
    fn from(closed: ClosedNow) -> Self {
        let receipt = closed.receipt.map(|index| Receipt { index });
        Self { closed: closed.is_closed, size: closed.size, witnessed: closed.witnessed, receipt }
    }
}

/// Is an archive that whoever sends this has read back and verified.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an archive object")]
pub struct Archived {
    /// The archive's digest, in 64 hex digits.
    digest: String,
    /// What it has of the contents: `sealed`, `opened`, or `left` for nothing.
    #[schema(value_type = String, example = "sealed")]
    contents: Contents,
    /// Why; it is recorded.
    #[schema(min_length = 1)]
    reason: String,
}

/// Says which records are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Stretch {
    /// The first index, 0 by default.
    from: Option<u64>,
    /// How many at most, 1,000 at most and 100 by default.
    limit: Option<u64>,
}

/// Lists the tenant's logs.
///
/// Needs a person's key.
#[utoipa::path(get, path = "/v1/logs", operation_id = "list_logs", tag = "log",
    extensions(("x-countersign-callers" = json!(callers::PEOPLE))),
    responses(
    (status = 200, description = "The logs, the live one last", body = Logs),
))]
async fn list(State(app): State<App>, _: AsPerson) -> Result<Json<Logs>, Fault> {
    Ok(Json(Logs { logs: app.control.logs()?.into_iter().map(Log::from).collect() }))
}

/// Reads how a log stands.
///
/// Needs a person's key.
#[utoipa::path(get, path = "/v1/logs/{name}", operation_id = "read_log", tag = "log",
    extensions(("x-countersign-callers" = json!(callers::PEOPLE))),
    params(("name" = String, Path, description = "The log's number or origin", example = "1")),
    responses(
        (status = 200, description = "The log", body = Log),
        (status = 404, description = "`not-found`: the tenant has no such log", body = Problem, content_type = "application/problem+json"),
    ))]
async fn read(State(app): State<App>, _: AsPerson, Named(name): Named<String>) -> Result<Json<Log>, Fault> {
    Ok(Json(app.control.log_named(&name)?.into()))
}

/// Lists records of a log.
///
/// Needs a person's key.
#[utoipa::path(get, path = "/v1/logs/{name}/records", operation_id = "list_records_of_log", tag = "log",
    extensions(("x-countersign-callers" = json!(callers::PEOPLE))),
    params(("name" = String, Path, description = "The log's number or origin", example = "1"), Stretch),
    responses(
        (status = 200, description = "The records", body = Records),
        (status = 404, description = "`not-found`: the tenant has no such log", body = Problem, content_type = "application/problem+json"),
        (status = 410, description = "`log-deleted`: it was deleted, with the record that says so", body = Problem, content_type = "application/problem+json"),
    ))]
async fn records(
    State(app): State<App>,
    AsPerson(by): AsPerson,
    Named(name): Named<String>,
    Query(stretch): Query<Stretch>,
) -> Result<Json<Records>, Fault> {
    let (from, limit) = (stretch.from.unwrap_or(0), stretch.limit.unwrap_or(LIMIT).min(RECORDS_MAX));
    let (lines, size) = app.control.records_of(&name, from, limit)?;
    let is_tested = app.control.is_tested(&Principal::Person(by));
    let told = |line: Line| RecordLine::from(if is_tested { line.as_voters_see() } else { line });
    let records: Vec<RecordLine> = lines.into_iter().map(told).collect();
    Ok(Json(Records::of(records, from, size)))
}

/// Closes the log.
///
/// From the decision on nothing new is permitted. What is in flight lands, for up to half a minute; then the last record is
/// written, published, and brought before the witnesses. The next start of the server takes up a new log, with everything
/// that is open. Needs a person's key.
#[utoipa::path(post, path = "/v1/log/close", operation_id = "close_log", tag = "log",
    extensions(("x-countersign-callers" = json!(callers::STAFF))),
    request_body = Why, responses(
    (status = 200, description = "The log is closed, or is as soon as nothing is in flight", body = LogClose),
    (status = 202, description = "People must approve it first; the same request succeeds then", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "`log-closed`: it is closed already", body = Problem, content_type = "application/problem+json"),
))]
async fn close(
    State(app): State<App>,
    AsChanger(person): AsChanger,
    Json(why): Json<Why>,
) -> Result<Json<LogClose>, Fault> {
    Ok(Json(app.control.close_log(&person, reason(&why.reason)?).await?.into()))
}

/// Records that a closed log is in an archive that whoever asks has read back and verified.
///
/// It is their word: nothing is checked here, and who says so is recorded. Needs a person's key.
#[utoipa::path(post, path = "/v1/logs/{name}/archive", operation_id = "archive_log", tag = "log",
    extensions(("x-countersign-callers" = json!(callers::STAFF))),
    request_body = Archived,
    params(("name" = String, Path, description = "The log's number or origin", example = "1")),
    responses(
        (status = 200, description = "It is recorded", body = Log),
        (status = 202, description = "People must approve it first; the same request succeeds then", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "`not-found`: no closed log is called so", body = Problem, content_type = "application/problem+json"),
        (status = 410, description = "`log-deleted`: it was deleted before", body = Problem, content_type = "application/problem+json"),
    ))]
async fn archived(
    State(app): State<App>,
    AsChanger(person): AsChanger,
    Named(name): Named<String>,
    Json(archived): Json<Archived>,
) -> Result<Json<Log>, Fault> {
    let wrong = || Fault::new(types::Code::RequestInvalid, "`digest` has 64 hex digits");
    let digest = Digest::from_hex(&archived.digest).ok_or_else(wrong)?;
    Ok(Json(app.control.archived(&person, &name, (digest, archived.contents), reason(&archived.reason)?).await?.into()))
}

/// Deletes a closed log: its journal with contents and keys, and its published files.
///
/// Its final checkpoint stays, and a record of the live log says what was deleted and by whom. Needs a person's key.
#[utoipa::path(post, path = "/v1/logs/{name}/delete", operation_id = "delete_log", tag = "log",
    extensions(("x-countersign-callers" = json!(callers::STAFF))),
    request_body = Why,
    params(("name" = String, Path, description = "The log's number or origin", example = "1")),
    responses(
        (status = 200, description = "It is deleted", body = Log),
        (status = 202, description = "People must approve it first; the same request succeeds then", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "`not-found`: no closed log is called so", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`retention-forbids`: its time has not come, no archive of it is recorded, or something that began in it is open", body = Problem, content_type = "application/problem+json"),
        (status = 410, description = "`log-deleted`: it was deleted before", body = Problem, content_type = "application/problem+json"),
    ))]
async fn delete(
    State(app): State<App>,
    AsChanger(person): AsChanger,
    Named(name): Named<String>,
    Json(why): Json<Why>,
) -> Result<Json<Log>, Fault> {
    Ok(Json(app.control.delete_log(&person, &name, reason(&why.reason)?).await?.into()))
}
