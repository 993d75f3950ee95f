//! `/v1/on-call`: who is on call, by the schedules of the active bundle.

use axum::extract::State;
use control::on_call::{Duty, OnCall};
use serde::Serialize;
use types::{Millis, PersonId, ScheduleId};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::AsPerson;
use crate::extract::Json;
use crate::{App, callers};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Is a person with the time in which they are on call.
#[derive(Debug, Serialize, ToSchema)]
pub struct PersonOnCall {
    /// Who.
    #[schema(value_type = String)]
    person: PersonId,
    /// From when on, in milliseconds since the epoch; for who is on call now, the instant of this answer.
    #[schema(value_type = i64)]
    from: Millis,
    /// Until when, not included, in milliseconds since the epoch; absent where that is more than a year away.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    until: Option<Millis>,
}

/// Is one schedule.
#[derive(Debug, Serialize, ToSchema)]
pub struct Schedule {
    /// Its name.
    #[schema(value_type = String)]
    schedule: ScheduleId,
    /// The time zone whose clock its turns follow.
    zone: String,
    /// The profiles that ask whoever is on call.
    profiles: Vec<String>,
    /// Who is on call; absent while nobody is.
    #[serde(skip_serializing_if = "Option::is_none")]
    now: Option<PersonOnCall>,
    /// Who is next, perhaps after a time in which nobody is; absent if that does not change within a year.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<PersonOnCall>,
}

/// Is the schedules of the active bundle, in order of name.
#[derive(Debug, Serialize, ToSchema)]
pub struct Schedules {
    /// The schedules.
    schedules: Vec<Schedule>,
}

impl From<OnCall> for PersonOnCall {
    fn from(on_call: OnCall) -> Self {
        Self { person: on_call.person, from: on_call.from, until: on_call.until }
    }
}

impl From<Duty> for Schedule {
    fn from(duty: Duty) -> Self {
        Self {
            schedule: duty.schedule,
            zone: duty.zone,
            profiles: duty.profiles.iter().map(ToString::to_string).collect(),
            now: duty.now.map(PersonOnCall::from),
            next: duty.next.map(PersonOnCall::from),
        }
    }
}

/// Lists who is on call.
///
/// It is what decides who may vote, at the journal's time. Needs a person's key.
#[utoipa::path(get, path = "/v1/on-call", operation_id = "list_on_call", tag = "approvals",
    extensions(("x-countersign-callers" = json!(callers::PEOPLE))),
    responses(
    (status = 200, description = "The schedules, each with who is on call and who is next", body = Schedules),
))]
async fn list(State(app): State<App>, _: AsPerson) -> Json<Schedules> {
    Json(Schedules { schedules: app.control.on_call().into_iter().map(Schedule::from).collect() })
}
