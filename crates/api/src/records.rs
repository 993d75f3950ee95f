//! `/v1/records` and `/v1/export`: the journal line by line, and evidence of one action.

use axum::extract::State;
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};
use control::records::{Line, RECORDS_MAX};
use serde::{Deserialize, Serialize};
use types::{ActionId, Digest, Millis, Principal, Verdict};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::AsPerson;
use crate::extract::{Json, Query};
use crate::problem::{Fault, Problem};
use crate::view::RestrictionName;
use crate::{App, callers};

/// Is the longest a request waits for a new record, in milliseconds.
const WAIT_MS_MAX: u64 = 60_000;

/// Is how many records are returned unless the request says otherwise.
pub(crate) const LIMIT: u64 = 100;

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(export))
}

/// Says which records are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Span {
    /// The first index; without one, the last records are returned.
    from: Option<u64>,
    /// How many at most, 1,000 at most and 100 by default.
    limit: Option<u64>,
    /// Waits up to this many milliseconds, 60,000 at most, until there is a record at `from`.
    wait_ms: Option<u64>,
}

/// Is one record in a line.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecordLine {
    /// Its index in the journal.
    index: u64,
    /// What it is about.
    #[schema(example = "decided")]
    kind: String,
    /// When it was written, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    at: Millis,
    /// The hash under which the log knows it.
    #[schema(value_type = String)]
    hash: Digest,
    /// The action it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    action: Option<ActionId>,
    /// What was decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<RestrictionName>,
    /// The state it reports, by its kind's own numbering.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u8>,
    /// Its content was erased.
    erased: bool,
    /// Who, what and why, as far as it was not erased.
    summary: String,
}

impl From<Line> for RecordLine {
    fn from(line: Line) -> Self {
        let verdict = line.verdict.map(|rank| RestrictionName::from(&Verdict::from_rank(rank)));
        Self {
            index: line.index,
            kind: line.kind.to_owned(),
            at: line.at,
            hash: line.hash,
            action: line.action,
            verdict,
            status: line.status,
            erased: line.erased,
            summary: line.summary,
        }
    }
}

/// Is a stretch of the journal.
#[derive(Debug, Serialize, ToSchema)]
pub struct Records {
    /// The records, in order.
    records: Vec<RecordLine>,
    /// The index to go on from.
    next: u64,
    /// How many records the journal holds.
    size: u64,
}

impl Records {
    /// Puts records together that begin at an index, of a log of so many.
    pub(crate) fn of(records: Vec<RecordLine>, from: u64, size: u64) -> Self {
        let next = records.last().map_or(from, |last| last.index + 1);
        Self { records, next, size }
    }
}

/// Lists records.
///
/// To follow the journal, go on from `next` with a wait. Needs a person's key.
#[utoipa::path(get, path = "/v1/records", operation_id = "list_records", tag = "records",
    extensions(("x-countersign-callers" = json!(callers::PEOPLE))),
    params(Span), responses(
    (status = 200, description = "The records", body = Records),
))]
async fn list(
    State(app): State<App>,
    AsPerson(by): AsPerson,
    Query(span): Query<Span>,
) -> Result<Json<Records>, Fault> {
    let limit = span.limit.unwrap_or(LIMIT).min(RECORDS_MAX);
    let from = span.from.unwrap_or_else(|| app.control.size().saturating_sub(limit));
    if let Some(wait_ms) = span.wait_ms {
        app.control.await_record(from, wait_ms.min(WAIT_MS_MAX)).await;
    }
    let is_tested = app.control.is_tested(&Principal::Person(by));
    let told = |line: Line| RecordLine::from(if is_tested { line.as_voters_see() } else { line });
    let records: Vec<RecordLine> = app.control.records(from, limit)?.into_iter().map(told).collect();
    Ok(Json(Records::of(records, from, app.control.size())))
}

/// Says of what evidence is wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct About {
    /// The action.
    #[param(value_type = String)]
    action: ActionId,
}

/// Is an evidence bundle: a ZIP file of leaves, proofs, disclosed contents and a signed checkpoint.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
pub struct EvidenceBundle(pub(crate) Vec<u8>);

impl IntoResponse for EvidenceBundle {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, "application/zip")], self.0).into_response()
    }
}

/// Exports the evidence of an action.
///
/// The bundle holds every record of the action with its proof, for `countersign-verify`. Needs a person's key.
#[utoipa::path(get, path = "/v1/export", operation_id = "export_evidence", tag = "records",
    extensions(("x-countersign-callers" = json!(callers::PEOPLE))),
    params(About), responses(
    (status = 200, description = "The evidence bundle", body = EvidenceBundle, content_type = "application/zip"),
    (status = 404, description = "`not-found`: the journal has no such action", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "`state-conflict`: its records are not published yet; try again", body = Problem, content_type = "application/problem+json"),
))]
async fn export(
    State(app): State<App>,
    AsPerson(by): AsPerson,
    Query(about): Query<About>,
) -> Result<([(HeaderName, String); 1], EvidenceBundle), Fault> {
    let bytes = app.control.export(&by, &about.action).await?;
    let name = format!("attachment; filename=\"{}.evidence\"", about.action);
    Ok(([(header::CONTENT_DISPOSITION, name)], EvidenceBundle(bytes)))
}
