//! `/v1/log`: the keys that sign the log, changed by decision; and its end, at once.

use std::collections::BTreeMap;

use axum::extract::State;
use control::log::LogStanding;
use control::log_keys::{Frozen, KeysChanged};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::actions::Receipt;
use crate::auth::{AsChanger, AsPerson};
use crate::extract::{Json, reason};
use crate::problem::{Fault, Problem};
use crate::switches::Why;
use crate::{App, callers};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(standing))
        .routes(routes!(rotate))
        .routes(routes!(retire))
        .routes(routes!(freeze))
}

/// Is how the live log stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct LiveLog {
    /// Its name, as its checkpoints have it.
    origin: String,
    /// The verifier keys of those that sign it, the oldest first. Whoever does not trust this server has them from elsewhere.
    keys: Vec<String>,
    /// How many records the journal holds.
    size: u64,
    /// Its keys may be in other hands, so nothing more is recorded.
    frozen: bool,
    /// The witnesses' verifier keys; empty if nobody cosigns it.
    witnesses: Vec<String>,
    /// How many records a quorum of the witnesses has cosigned; absent without witnesses.
    #[serde(skip_serializing_if = "Option::is_none")]
    witnessed: Option<u64>,
    /// Why a witness did not cosign in the last round, by its name.
    witness_failures: BTreeMap<String, String>,
    /// How many records the last time-stamp covers; absent if no authority is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    dated: Option<u64>,
    /// When that was and who says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    dated_by: Option<String>,
}

impl From<LogStanding> for LiveLog {
    fn from(standing: LogStanding) -> Self {
        let LogStanding { origin, keys, size, frozen, witnesses, witnessed, dated } = standing;
        Self {
            origin,
            keys,
            size,
            frozen,
            witnesses,
            witnessed: witnessed.as_ref().map(|stand| stand.size),
            witness_failures: witnessed.map(|stand| stand.failures).unwrap_or_default(),
            dated: dated.as_ref().map(|dated| dated.size),
            dated_by: dated.and_then(|dated| dated.by),
        }
    }
}

/// Says how the live log stands: who signs it, and how far it is cosigned and dated.
///
/// Needs a person's key.
#[utoipa::path(get, path = "/v1/log", operation_id = "read_live_log", tag = "log",
    extensions(("x-countersign-callers" = json!(callers::PEOPLE))),
    responses(
    (status = 200, description = "How it stands", body = LiveLog),
))]
async fn standing(State(app): State<App>, _: AsPerson) -> Result<Json<LiveLog>, Fault> {
    Ok(Json(app.control.log_standing()?.into()))
}

/// Is how the keys of the log stand after a change.
#[derive(Debug, Serialize, ToSchema)]
pub struct Signers {
    /// The verifier keys of those that sign, the oldest first.
    signers: Vec<String>,
    /// Where the decision is recorded.
    #[schema(required)]
    receipt: Option<Receipt>,
}

impl From<KeysChanged> for Signers {
    fn from(changed: KeysChanged) -> Self {
        Self { signers: changed.signers, receipt: changed.receipt.map(|index| Receipt { index }) }
    }
}

/// Is how a log ended.
#[derive(Debug, Serialize, ToSchema)]
pub struct FrozenLog {
    /// How many records the last checkpoint covers.
    size: u64,
    /// How many of them a quorum of witnesses has cosigned; absent without witnesses.
    #[serde(skip_serializing_if = "Option::is_none")]
    witnessed: Option<u64>,
    /// Where it is recorded: the last record.
    #[schema(required)]
    receipt: Option<Receipt>,
}

impl From<Frozen> for FrozenLog {
    fn from(frozen: Frozen) -> Self {
        let receipt = frozen.receipt.map(|index| Receipt { index });
        Self { size: frozen.size, witnessed: frozen.witnessed, receipt }
    }
}

/// Lets a second key of the same name sign the log.
///
/// From then on each checkpoint is signed by both, until the older one is retired. Needs a person's key.
#[utoipa::path(post, path = "/v1/log/rotate-key", operation_id = "rotate_log_key", tag = "log",
    extensions(("x-countersign-callers" = json!(callers::STAFF))),
    request_body = Why, responses(
    (status = 200, description = "Both keys sign", body = Signers),
    (status = 202, description = "People must approve it first; the same request succeeds then", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "`state-conflict`: two keys sign already", body = Problem, content_type = "application/problem+json"),
))]
async fn rotate(
    State(app): State<App>,
    AsChanger(person): AsChanger,
    Json(why): Json<Why>,
) -> Result<Json<Signers>, Fault> {
    Ok(Json(app.control.rotate_log_key(&person, reason(&why.reason)?).await?.into()))
}

/// Lets the older of two keys sign the log no longer, and destroys it.
///
/// Needs a person's key.
#[utoipa::path(post, path = "/v1/log/retire-key", operation_id = "retire_log_key", tag = "log",
    extensions(("x-countersign-callers" = json!(callers::STAFF))),
    request_body = Why, responses(
    (status = 200, description = "The newer key signs alone", body = Signers),
    (status = 202, description = "People must approve it first; the same request succeeds then", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "`state-conflict`: only one key signs", body = Problem, content_type = "application/problem+json"),
))]
async fn retire(
    State(app): State<App>,
    AsChanger(person): AsChanger,
    Json(why): Json<Why>,
) -> Result<Json<Signers>, Fault> {
    Ok(Json(app.control.retire_log_key(&person, reason(&why.reason)?).await?.into()))
}

/// Freezes the log, because its keys may be in other hands.
///
/// It waits for no decision. Its last record says so and is published; nothing is decided after it, and no start goes
/// through until the log is taken up under a new key and a new name. Any person may freeze it.
#[utoipa::path(post, path = "/v1/log/freeze", operation_id = "freeze_log", tag = "log",
    extensions(("x-countersign-callers" = json!(callers::STAFF))),
    request_body = Why, responses(
    (status = 200, description = "The log has ended", body = FrozenLog),
    (status = 503, description = "`log-frozen`: it is frozen already", body = Problem, content_type = "application/problem+json"),
))]
async fn freeze(
    State(app): State<App>,
    AsChanger(person): AsChanger,
    Json(why): Json<Why>,
) -> Result<Json<FrozenLog>, Fault> {
    Ok(Json(app.control.freeze_log(&person, reason(&why.reason)?).await?.into()))
}
