//! `/v1/host-keys`: the keys by which hosts sign what they say of their target.

use axum::extract::State;
use axum::http::StatusCode;
use control::tracking::kept::HostKeyKept;
use serde::{Deserialize, Serialize};
use types::Millis;
use types::text::escape;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::{AsChanger, AsPerson};
use crate::extract::{Json, Named, reason};
use crate::problem::{Fault, Problem, invalid};
use crate::switches::Why;
use crate::{App, callers};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, enroll)).routes(routes!(revoke))
}

/// Is a key that a host is to sign with.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with a `target`, a `public_key` and a `reason`")]
pub struct NewHostKey {
    /// The target that it counts for, and no other.
    target: String,
    /// The public key on Ed25519: 64 hexadecimal digits, as `countersign host keygen` writes them.
    public_key: String,
    /// Why; it is recorded.
    #[schema(min_length = 1)]
    reason: String,
}

/// Is the key of a host.
#[derive(Debug, Serialize, ToSchema)]
pub struct HostKeyLine {
    /// Its id, which follows from the key.
    id: String,
    /// The target that it counts for.
    target: String,
    /// Who enrolled it.
    by: String,
    /// When, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    at: Millis,
    /// When it was revoked, in milliseconds since the epoch; absent while it counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    revoked: Option<Millis>,
    /// The counter of the last report that was taken.
    counter: u64,
}

impl From<HostKeyKept> for HostKeyLine {
    fn from(key: HostKeyKept) -> Self {
        let HostKeyKept { id, target, by, at, ended, counter, .. } = key;
        let target = escape(&target, false);
        Self { id, target, by, at: Millis(at), revoked: ended.map(Millis), counter }
    }
}

/// Is the list of keys of hosts.
#[derive(Debug, Serialize, ToSchema)]
pub struct HostKeys {
    /// The keys, by target.
    keys: Vec<HostKeyLine>,
}

/// Lists the keys of hosts.
///
/// Needs a person's key.
#[utoipa::path(get, path = "/v1/host-keys", operation_id = "list_host_keys", tag = "models",
    extensions(("x-countersign-callers" = json!(callers::PEOPLE))),
    responses((status = 200, description = "The keys", body = HostKeys)))]
async fn list(State(app): State<App>, _: AsPerson) -> Result<Json<HostKeys>, Fault> {
    let keys = app.control.host_keys().await?;
    Ok(Json(HostKeys { keys: keys.into_iter().map(HostKeyLine::from).collect() }))
}

/// Lets a key sign what the host of one target says.
///
/// It is decided as making a bearer key is. From then on nothing that is not signed counts for the target. Needs a person's key.
#[utoipa::path(post, path = "/v1/host-keys", operation_id = "enroll_host_key", tag = "models",
    extensions(("x-countersign-callers" = json!(callers::STAFF))),
    request_body = NewHostKey, responses(
    (status = 201, description = "The key counts for the target", body = HostKeyLine),
    (status = 202, description = "People must approve it first; the same request succeeds then", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "`state-conflict`: the key was enrolled already", body = Problem, content_type = "application/problem+json"),
))]
async fn enroll(
    State(app): State<App>,
    AsChanger(by): AsChanger,
    Json(new): Json<NewHostKey>,
) -> Result<(StatusCode, Json<HostKeyLine>), Fault> {
    let public =
        hex::<32>(&new.public_key).ok_or_else(|| invalid("`public_key` is no key: it has 64 hexadecimal digits"))?;
    let key = app.control.enroll_host_key(&by, new.target, public, reason(&new.reason)?).await?;
    Ok((StatusCode::CREATED, Json(key.into())))
}

/// Takes a key of a host back.
///
/// It is worth nothing when the answer comes, and nobody is asked first. Needs a person's key.
#[utoipa::path(delete, path = "/v1/host-keys/{id}", operation_id = "revoke_host_key", tag = "models",
    extensions(("x-countersign-callers" = json!(callers::STAFF))),
    params(("id" = String, Path, description = "The key")), request_body = Why, responses(
    (status = 204, description = "The key counts no more"),
    (status = 404, description = "`not-found`: there is no such key", body = Problem, content_type = "application/problem+json"),
))]
async fn revoke(
    State(app): State<App>,
    AsChanger(by): AsChanger,
    Named(id): Named<String>,
    Json(why): Json<Why>,
) -> Result<StatusCode, Fault> {
    reason(&why.reason)?;
    app.control.revoke_host_key(&by, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Reads bytes in hexadecimal; nothing of what is no such text of just that length.
fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.chars().map(|c| c.to_digit(16)).collect::<Option<Vec<u32>>>()?;
    let bytes = digits.chunks(2).map(|pair| match pair {
        [high, low] => u8::try_from(high.checked_mul(16)?.checked_add(*low)?).ok(),
        _ => None,
    });
    bytes.collect::<Option<Vec<u8>>>()?.try_into().ok()
}
