//! `/v1/erasures`: the end of everything that is recorded about a person or an agent.

use axum::extract::State;
use control::erasures::{Erasure, subject};
use serde::{Deserialize, Serialize};
use types::{Digest, Millis};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::AsChanger;
use crate::extract::{Json, reason};
use crate::problem::{Fault, Problem};
use crate::{App, callers};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(erase))
}

/// Is a subject to be erased.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an erasure object")]
pub struct NewErasure {
    /// The subject: `agent:NAME` or `person:NAME`.
    #[schema(example = "person:cleo")]
    subject: String,
    /// Why; it is recorded and stays, so it names the request and not the person.
    #[schema(min_length = 1)]
    reason: String,
}

/// Is what an erasure did. It does not repeat the name.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErasureDone {
    /// The index of its first record.
    receipt: u64,
    /// When it was recorded, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    at: Millis,
    /// How many records lost their content.
    records: u64,
    /// How many cases ended with it.
    cases: u64,
    /// How many sessions ended with it.
    sessions: u64,
    /// How many keys it took along.
    keys: u64,
    /// How many levels given by hand it took along.
    levels: u64,
    /// Stored bundles whose texts have the name in them still.
    #[schema(value_type = Vec<String>)]
    bundles: Vec<Digest>,
    /// Nothing of it is in the journal's files any more; where it is false, that comes about as soon as nobody reads them.
    gone: bool,
    /// It was erased before, and this is what that did.
    repeated: bool,
}

impl From<Erasure> for ErasureDone {
    fn from(erasure: Erasure) -> Self {
        let Erasure { receipt, at, records, cases, sessions, keys, levels, bundles, gone, repeated } = erasure;
        Self { receipt, at, records, cases, sessions, keys, levels, bundles, gone, repeated }
    }
}

/// Erases a person or an agent.
///
/// Its key is destroyed and the content of every record about it overwritten; what proves things stays. The same request
/// again answers what the first did. Needs a person's key.
#[utoipa::path(post, path = "/v1/erasures", operation_id = "erase_subject", tag = "erasures",
    extensions(("x-countersign-callers" = json!(callers::STAFF))),
    request_body = NewErasure, responses(
    (status = 200, description = "It is erased", body = ErasureDone),
    (status = 202, description = "People must approve it first; the same request succeeds then", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not-found`: nothing is recorded about it", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "`subject-in-use`: something that is alive names it", body = Problem, content_type = "application/problem+json"),
))]
async fn erase(
    State(app): State<App>,
    AsChanger(by): AsChanger,
    Json(new): Json<NewErasure>,
) -> Result<Json<ErasureDone>, Fault> {
    let erasure = app.control.erase(&by, &subject(&new.subject)?, reason(&new.reason)?).await?;
    Ok(Json(erasure.into()))
}
