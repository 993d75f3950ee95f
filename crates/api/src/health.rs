//! `/v1/health` and `/v1/doctor`: whether it runs, and what is enforced.

use axum::extract::State;
use axum::http::StatusCode;
use control::doctor::{Finding, Sign};
use serde::Serialize;
use types::Code;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::AsPerson;
use crate::extract::Json;
use crate::{App, callers};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(health)).routes(routes!(doctor))
}

/// Is how the server is doing.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// Whether anything can be recorded; what cannot be recorded is denied.
    status: HealthStatus,
    /// How many records the journal holds.
    records: u64,
    /// The version of the server.
    version: String,
}

/// Says whether the journal writes.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HealthStatus {
    /// It writes.
    Ok,
    /// It has stopped, and everything is denied until a restart.
    Stopped,
}

/// Says how the server is doing.
///
/// Needs no key.
#[utoipa::path(get, path = "/v1/health", operation_id = "read_health", tag = "health",
    extensions(("x-countersign-callers" = json!(callers::EVERYBODY))),
    security(()), responses(
    (status = 200, description = "The journal writes", body = Health),
    (status = 503, description = "The journal has stopped", body = Health),
))]
async fn health(State(app): State<App>) -> (StatusCode, Json<Health>) {
    let health = app.control.health();
    let (code, status) = match health.stopped {
        None => (StatusCode::OK, HealthStatus::Ok),
        Some(_) => (StatusCode::SERVICE_UNAVAILABLE, HealthStatus::Stopped),
    };
    (code, Json(Health { status, records: health.size, version: env!("CARGO_PKG_VERSION").to_owned() }))
}

/// Is one thing the doctor looked at.
#[derive(Debug, Serialize, ToSchema)]
pub struct DoctorFinding {
    /// How it stands.
    sign: SignName,
    /// What it is about.
    about: String,
    /// One sentence.
    says: String,
    /// The code that explains it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    code: Option<Code>,
}

/// Says how one thing stands.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignName {
    /// It is as it should be.
    Good,
    /// It is a deliberate gap.
    Note,
    /// It needs somebody.
    Bad,
}

impl From<Finding> for DoctorFinding {
    fn from(finding: Finding) -> Self {
        let sign = match finding.sign {
            Sign::Good => SignName::Good,
            Sign::Note => SignName::Note,
            Sign::Bad => SignName::Bad,
        };
        Self { sign, about: finding.about, says: finding.says, code: finding.code }
    }
}

/// Is what the doctor found.
#[derive(Debug, Serialize, ToSchema)]
pub struct Diagnosis {
    /// The findings, by what they are about.
    findings: Vec<DoctorFinding>,
}

/// Says what is enforced, for whom, and what is not.
///
/// Needs a person's key.
#[utoipa::path(get, path = "/v1/doctor", operation_id = "read_doctor", tag = "health",
    extensions(("x-countersign-callers" = json!(callers::PEOPLE))),
    responses((status = 200, description = "The findings", body = Diagnosis)))]
async fn doctor(State(app): State<App>, _: AsPerson) -> Json<Diagnosis> {
    Json(Diagnosis { findings: app.control.doctor().into_iter().map(DoctorFinding::from).collect() })
}
