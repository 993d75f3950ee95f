//! `/v1/data-checks`: whether a file of data is as expected, as somebody checked it before training.

use axum::extract::State;
use control::tracking::NewDataCheck;
use serde::{Deserialize, Serialize};
use types::data_check::DataFinding;
use types::{Digest, Millis};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::AnyChanger;
use crate::extract::Json;
use crate::problem::{Fault, Problem};
use crate::{App, callers};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(check))
}

/// Is how a file of data did. It tells counts, and no value of the data.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with a dataset, its digest and what was found")]
pub struct CheckData {
    /// The dataset's name.
    #[schema(example = "transactions")]
    dataset: String,
    /// The tracked run that is to be trained on it.
    #[serde(default)]
    run: Option<String>,
    /// The SHA-256 of the file's bytes. A run that logs at least its first 16 digits as the digest of a dataset means these bytes.
    #[schema(value_type = String)]
    digest: Digest,
    /// How many bytes the file has.
    bytes: u64,
    /// How many rows could be read.
    rows: u64,
    /// The SHA-256 of the file that says what is expected.
    #[schema(value_type = String)]
    expectations: Digest,
    /// The instant that freshness was judged at, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    as_of: Millis,
    /// What was looked at, `lines` and `rows` among it; it passed if each of them did.
    #[schema(min_items = 1, max_items = 4000)]
    findings: Vec<DataFindingAsked>,
}

/// Is one thing that was looked at.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DataFindingAsked {
    /// `lines`, `rows`, `present`, `unknown-columns`, `type`, `nulls`, `range`, `allowed` or `freshness`.
    #[schema(example = "nulls")]
    check: String,
    /// The column, where one is meant.
    #[serde(default)]
    column: Option<String>,
    /// Whether it is as expected.
    passed: bool,
    /// How many lines, values or columns are not.
    #[serde(default)]
    count: u64,
    /// The first line where one is not, counted from 1.
    #[serde(default)]
    line: Option<u64>,
    /// What was found, where it is a number, a share or an instant.
    #[serde(default)]
    found: Option<String>,
    /// What is expected.
    #[schema(example = "<= 0.01")]
    demanded: String,
}

/// Is a check of data that was kept.
#[derive(Debug, Serialize, ToSchema)]
pub struct DataCheckKept {
    /// Whether it passed.
    passed: bool,
    /// The index of the record that says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<u64>,
}

/// Keeps how a file of data did against what is expected of it.
///
/// It is recorded with who says so. What is trained on that data is told with it, and policies see as gaps whether a run's data was checked,
/// and failed. Needs an agent's or a person's key.
#[utoipa::path(post, path = "/v1/data-checks", operation_id = "check_data", tag = "models",
    extensions(("x-countersign-callers" = json!(callers::CHANGERS))),
    request_body = CheckData, responses(
    (status = 200, description = "It is kept and recorded", body = DataCheckKept),
    (status = 404, description = "`not-found`: there is no such run", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "`data-check-invalid`: it says nothing, too much, or what its own numbers contradict", body = Problem, content_type = "application/problem+json"),
))]
async fn check(
    State(app): State<App>,
    AnyChanger(holder): AnyChanger,
    Json(asked): Json<CheckData>,
) -> Result<Json<DataCheckKept>, Fault> {
    let (checked, record) = app.control.check_data(holder, asked.into()).await?;
    Ok(Json(DataCheckKept { passed: checked.passed, record }))
}

impl From<CheckData> for NewDataCheck {
    fn from(asked: CheckData) -> Self {
        let CheckData { dataset, run, digest, bytes, rows, expectations, as_of, findings } = asked;
        let findings = findings.into_iter().map(DataFinding::from).collect();
        Self { dataset, run, digest, bytes, rows, expectations, findings, as_of: as_of.0 }
    }
}

impl From<DataFindingAsked> for DataFinding {
    fn from(asked: DataFindingAsked) -> Self {
        let DataFindingAsked { check, column, passed, count, line, found, demanded } = asked;
        Self { check, column, passed, count, line, found, demanded }
    }
}
