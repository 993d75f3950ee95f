//! `/v1/keys`: bearer keys of agents and people.

use axum::extract::State;
use axum::http::StatusCode;
use control::state::Key;
use serde::{Deserialize, Serialize};
use types::{AgentId, KeyId, Millis, PersonId, Principal};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::{AsChanger, AsPerson};
use crate::extract::{Json, Named, reason};
use crate::problem::{Fault, Problem, invalid};
use crate::switches::Why;
use crate::{App, callers};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(revoke))
}

/// Is a key to be made, for an agent or for a person.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "a key object")]
pub struct NewKey {
    /// The agent that will hold it.
    #[schema(value_type = Option<String>)]
    agent: Option<AgentId>,
    /// The person who will hold it.
    #[schema(value_type = Option<String>)]
    person: Option<PersonId>,
    /// Binds an agent's key to the person it acts for.
    #[schema(value_type = Option<String>)]
    on_behalf_of: Option<PersonId>,
    /// When it ends, in milliseconds since the epoch; without one it does not.
    #[schema(value_type = Option<i64>)]
    expires_at: Option<Millis>,
    /// Why; it is recorded.
    #[schema(min_length = 1)]
    reason: String,
}

/// Is a key at the only moment its token is shown.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreatedKey {
    /// Its identity.
    #[schema(value_type = String)]
    id: KeyId,
    /// What its holder sends as a bearer token.
    token: String,
}

fn holder(new: &NewKey) -> Result<Principal, Fault> {
    match (&new.agent, &new.person) {
        (Some(agent), None) => Ok(Principal::Agent(agent.clone())),
        (None, Some(_)) if new.on_behalf_of.is_some() => Err(invalid("only an agent's key acts for a person")),
        (None, Some(person)) => Ok(Principal::Person(person.clone())),
        (Some(_), Some(_)) | (None, None) => Err(invalid("name either `agent` or `person`")),
    }
}

/// Makes a key.
///
/// The token is shown this once; the journal knows its digest alone. Needs a person's key.
#[utoipa::path(post, path = "/v1/keys", operation_id = "create_key", tag = "keys",
    extensions(("x-countersign-callers" = json!(callers::STAFF))),
    request_body = NewKey, responses(
    (status = 201, description = "The key is made", body = CreatedKey),
    (status = 202, description = "People must approve it first; the same request succeeds then", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "`agent-unknown` or `person-unknown`: the bundle has no such holder", body = Problem, content_type = "application/problem+json"),
))]
async fn create(
    State(app): State<App>,
    AsChanger(by): AsChanger,
    Json(new): Json<NewKey>,
) -> Result<(StatusCode, Json<CreatedKey>), Fault> {
    let holder = holder(&new)?;
    if new.expires_at.is_some_and(|end| end <= app.control.now()) {
        return Err(invalid("`expires_at` does not lie ahead"));
    }
    let key = app.control.create_key(&by, holder, new.on_behalf_of, new.expires_at, reason(&new.reason)?).await?;
    Ok((StatusCode::CREATED, Json(CreatedKey { id: key.id, token: key.token })))
}

/// Is a key without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeyLine {
    /// Its identity.
    #[schema(value_type = String)]
    id: KeyId,
    /// Who it stands for: `agent:NAME` or `person:NAME`.
    holder: String,
    /// The person an agent's key acts for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    on_behalf_of: Option<PersonId>,
    /// Who made it.
    by: String,
    /// When it was made, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    at: Millis,
    /// When it ends, in milliseconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    expires_at: Option<Millis>,
    /// When it was revoked, in milliseconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    revoked: Option<Millis>,
}

impl From<Key> for KeyLine {
    fn from(key: Key) -> Self {
        Self {
            id: key.id,
            holder: key.holder.subject(),
            on_behalf_of: key.on_behalf_of,
            by: key.by.subject(),
            at: key.at,
            expires_at: key.expires,
            revoked: key.revoked,
        }
    }
}

/// Is the list of keys.
#[derive(Debug, Serialize, ToSchema)]
pub struct Keys {
    /// The keys, in order of making.
    keys: Vec<KeyLine>,
}

/// Lists the keys, without secrets.
///
/// Needs a person's key.
#[utoipa::path(get, path = "/v1/keys", operation_id = "list_keys", tag = "keys",
    extensions(("x-countersign-callers" = json!(callers::PEOPLE))),
    responses((status = 200, description = "The keys", body = Keys)))]
async fn list(State(app): State<App>, _: AsPerson) -> Json<Keys> {
    Json(Keys { keys: app.control.keys().into_iter().map(KeyLine::from).collect() })
}

/// Revokes a key.
///
/// It is worth nothing when the answer comes, and nobody is asked first. Needs a person's key.
#[utoipa::path(delete, path = "/v1/keys/{id}", operation_id = "revoke_key", tag = "keys",
    extensions(("x-countersign-callers" = json!(callers::STAFF))),
    params(("id" = String, Path, description = "The key")), request_body = Why, responses(
    (status = 204, description = "The key is revoked"),
    (status = 404, description = "`not-found`: there is no such key", body = Problem, content_type = "application/problem+json"),
))]
async fn revoke(
    State(app): State<App>,
    AsChanger(by): AsChanger,
    Named(id): Named<KeyId>,
    Json(why): Json<Why>,
) -> Result<StatusCode, Fault> {
    if !app.control.keys().iter().any(|key| key.id == id) {
        return Err(control::error::not_found(format!("key {id}")).into());
    }
    app.control.revoke_key(&by, id, reason(&why.reason)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
