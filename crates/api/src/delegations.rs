//! `/v1/delegations`: votes in others' hands, for a while.

use axum::extract::State;
use axum::http::StatusCode;
use control::delegations::DelegationWish;
use serde::{Deserialize, Serialize};
use types::{Millis, PersonId};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::{AsChanger, AsPerson};
use crate::extract::{Json, reason};
use crate::problem::{Fault, Problem};
use crate::{App, callers};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, give)).routes(routes!(take_back))
}

/// Is a delegation to be given: the caller's vote, in somebody's hand.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "a delegation object")]
pub struct NewDelegation {
    /// Who may vote for the caller.
    #[schema(value_type = String)]
    to: PersonId,
    /// The group it is limited to: it counts only for profiles that ask this group.
    #[serde(default)]
    group: Option<String>,
    /// Why; it is recorded.
    #[schema(min_length = 1)]
    reason: String,
    /// When it ends, in milliseconds since the epoch; at most 30 days from now.
    #[schema(value_type = i64)]
    expires_at: Millis,
}

/// Is a delegation that holds.
#[derive(Debug, Serialize, ToSchema)]
pub struct Delegation {
    /// Whose vote it is.
    #[schema(value_type = String)]
    from: PersonId,
    /// Who may cast it.
    #[schema(value_type = String)]
    to: PersonId,
    /// The group it is limited to.
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    /// Why.
    reason: String,
    /// When it was given, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    at: Millis,
    /// When it ends, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    expires_at: Millis,
}

impl From<types::delegation::Delegation> for Delegation {
    fn from(given: types::delegation::Delegation) -> Self {
        Self {
            from: given.from,
            to: given.to,
            group: given.group.map(|group| types::text::escape(&group, false)),
            reason: types::text::escape(&given.reason, true),
            at: given.at,
            expires_at: given.expires,
        }
    }
}

/// Is the list of delegations that hold, in order of who gave them and to whom.
#[derive(Debug, Serialize, ToSchema)]
pub struct Delegations {
    /// The delegations.
    delegations: Vec<Delegation>,
}

/// Lists the delegations that hold.
///
/// Needs a person's key.
#[utoipa::path(get, path = "/v1/delegations", operation_id = "list_delegations", tag = "approvals",
    extensions(("x-countersign-callers" = json!(callers::PEOPLE))),
    responses(
    (status = 200, description = "The delegations", body = Delegations),
))]
async fn list(State(app): State<App>, _: AsPerson) -> Json<Delegations> {
    Json(Delegations { delegations: app.control.delegations().into_iter().map(Delegation::from).collect() })
}

/// Lets somebody vote in the caller's place.
///
/// It replaces the one that the caller has given the same person. It cannot be handed on, and whoever has a part in an action
/// votes on it neither for themself nor for others, nor does anybody for them. Needs a person's key.
#[utoipa::path(post, path = "/v1/delegations", operation_id = "give_delegation", tag = "approvals",
    extensions(("x-countersign-callers" = json!(callers::STAFF))),
    request_body = NewDelegation, responses(
    (status = 201, description = "The delegation is given", body = Delegation),
    (status = 202, description = "People must approve it first; the same request succeeds then", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "`delegation-unsupported`: it cannot be given, and why", body = Problem, content_type = "application/problem+json"),
))]
async fn give(
    State(app): State<App>,
    AsChanger(by): AsChanger,
    Json(new): Json<NewDelegation>,
) -> Result<(StatusCode, Json<Delegation>), Fault> {
    let wish = DelegationWish {
        to: new.to,
        group: new.group,
        reason: reason(&new.reason)?.to_owned(),
        expires: new.expires_at,
    };
    let given = app.control.delegate(&by, wish).await?;
    Ok((StatusCode::CREATED, Json(Delegation::from(given))))
}

/// Is a delegation to be taken back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object that names a delegation")]
pub struct EndedDelegation {
    /// Whose vote it is; the caller's own, if it is not said.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    from: Option<PersonId>,
    /// Who may cast it.
    #[schema(value_type = String)]
    to: PersonId,
    /// Why; it is recorded.
    #[schema(min_length = 1)]
    reason: String,
}

/// Takes a delegation back.
///
/// It holds no more when the answer comes, and waits for no decision. Any person but an auditor may take one back.
#[utoipa::path(post, path = "/v1/delegations/end", operation_id = "end_delegation", tag = "approvals",
    extensions(("x-countersign-callers" = json!(callers::STAFF))),
    request_body = EndedDelegation, responses(
    (status = 204, description = "It holds no more"),
    (status = 404, description = "`not-found`: there is none between the two", body = Problem, content_type = "application/problem+json"),
))]
async fn take_back(
    State(app): State<App>,
    AsChanger(by): AsChanger,
    Json(ended): Json<EndedDelegation>,
) -> Result<StatusCode, Fault> {
    let from = ended.from.unwrap_or_else(|| by.clone());
    app.control.take_back(&by, &from, &ended.to, reason(&ended.reason)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
