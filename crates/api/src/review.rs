//! `/v1/authority/review`: authority that was not used for a while, or has grown.

use std::sync::Arc;

use axum::extract::State;
use control::oversight::{Concern, Reviewed};
use serde::{Deserialize, Serialize};
use types::{Code, Digest, Millis};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::AsPerson;
use crate::extract::{Json, Query};
use crate::problem::{Fault, invalid};
use crate::{App, callers};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(review))
}

/// Is the longest period of a review, in days.
const DAYS_MAX: u32 = 3_650;

/// Is how long a period is reviewed unless it is said.
const DAYS: u32 = 30;

/// Says which period is reviewed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Period {
    /// How many days back from now, 1 to 3,650; 30 by default.
    days: Option<u32>,
}

/// Is one piece of authority that somebody should look at.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuthorityConcern {
    /// What is noticed: `level_unused`, `level_unexercised`, `policy_unused`, `profile_unasked`, `person_silent`, `delegation_unused`,
    /// `permission_unused` or `group_grown`.
    #[schema(example = "level_unused")]
    kind: String,
    /// Of whom or what.
    about: String,
    /// When it was used last, before the period, in milliseconds since the epoch; absent if never in this journal.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    used_at: Option<Millis>,
    /// The same in words.
    says: String,
}

impl From<Concern> for AuthorityConcern {
    fn from(concern: Concern) -> Self {
        let Concern { kind, about, used, says } = concern;
        Self { kind: kind.as_str().to_owned(), about, used_at: used, says }
    }
}

/// Is a review of authority.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuthorityReview {
    /// When the period begins, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    from: Millis,
    /// When it ends.
    #[schema(value_type = i64)]
    to: Millis,
    /// The digest of the active bundle.
    #[schema(value_type = String)]
    bundle: Digest,
    /// The digest of the bundle that was active when the period began; absent where the journal is younger than the period. Without it no
    /// policy, profile, person or group is judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    bundle_before: Option<Digest>,
    /// What should be looked at, in order of kind and name.
    concerns: Vec<AuthorityConcern>,
}

impl From<Reviewed> for AuthorityReview {
    fn from(reviewed: Reviewed) -> Self {
        let Reviewed { since, now, bundle, before, concerns } = reviewed;
        let concerns = concerns.into_iter().map(AuthorityConcern::from).collect();
        Self { from: since, to: now, bundle, bundle_before: before, concerns }
    }
}

/// Lists the authority that should be looked at.
///
/// What was there when the period began and was not used in it, and groups that have grown since: levels given by hand, policies,
/// profiles, people who may vote, votes in others' hands. It is counted from the live journal's records alone; nothing is taken away by
/// it. Needs a person's key.
#[utoipa::path(get, path = "/v1/authority/review", operation_id = "review_authority", tag = "levels",
    extensions(("x-countersign-callers" = json!(callers::PEOPLE))),
    params(Period), responses(
    (status = 200, description = "What should be looked at", body = AuthorityReview),
))]
async fn review(
    State(app): State<App>,
    _: AsPerson,
    Query(period): Query<Period>,
) -> Result<Json<AuthorityReview>, Fault> {
    let days = period.days.unwrap_or(DAYS);
    if !(1..=DAYS_MAX).contains(&days) {
        return Err(invalid(format!("`days` is 1 to {DAYS_MAX}")));
    }
    let control = Arc::clone(&app.control);
    let counting = tokio::task::spawn_blocking(move || control.review(days)).await;
    let reviewed = counting.map_err(|_| Fault::new(Code::Internal, "the counting was interrupted"))??;
    Ok(Json(reviewed.into()))
}
