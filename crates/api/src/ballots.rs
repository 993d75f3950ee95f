//! `/v1/approvals/{id}/ballot`: what a person signs, and what their browser answers.

use axum::extract::State;
use control::ballots::{AssertionAnswer, BallotDrawn, BallotPaper};
use serde::{Deserialize, Serialize};
use types::{CaseId, Digest, Millis};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::approvals::VoteName;
use crate::auth::AsChanger;
use crate::base64url::Base64Url;
use crate::extract::{Json, Named};
use crate::passkeys::{CredentialName, name};
use crate::problem::{Fault, Problem};
use crate::{App, callers};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(draw))
}

/// Is a vote that a person is about to sign.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "a ballot object")]
pub struct NewBallot {
    /// For or against.
    vote: VoteName,
    /// Why; it is signed and recorded, and must not be empty.
    #[schema(min_length = 1, max_length = 4096)]
    reason: String,
    /// Confirms that an owner decides alone, where the bundle sets `solo`.
    #[serde(default)]
    confirm_solo: bool,
}

/// Draws a ballot: everything a vote commits to, and what a browser must know to have it signed with a passkey.
///
/// It can be cast once, by this person, within five minutes: `POST /v1/approvals/{id}/votes` with the assertion. Needs a
/// person's own key.
#[utoipa::path(post, path = "/v1/approvals/{id}/ballot", operation_id = "draw_ballot", tag = "approvals",
    extensions(("x-countersign-callers" = json!(callers::STAFF))),
    params(("id" = String, Path, description = "The case")),
    request_body = NewBallot, responses(
    (status = 200, description = "The ballot", body = DrawnBallot),
    (status = 403, description = "`voter-excluded`, `passkey-unknown` or `killed`", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not-found`: there is no such case", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "`case-closed`, `ballot-void`, `vote-repeated` or `solo-unconfirmed`", body = Problem, content_type = "application/problem+json"),
))]
async fn draw(
    State(app): State<App>,
    AsChanger(person): AsChanger,
    Named(id): Named<CaseId>,
    Json(new): Json<NewBallot>,
) -> Result<Json<DrawnBallot>, Fault> {
    let drawn = app.control.draw_ballot(&person, &id, new.vote.into(), &new.reason, new.confirm_solo)?;
    Ok(Json(DrawnBallot::from(drawn)))
}

/// Is `PublicKeyCredentialRequestOptionsJSON`, as `PublicKeyCredential.parseRequestOptionsFromJSON` takes it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RequestOptions {
    /// The challenge, base64url: that of a vote commits to the ballot.
    challenge: Base64Url,
    /// How long there is, in milliseconds.
    timeout: i64,
    /// The relying-party id.
    rp_id: String,
    /// The credentials that may answer; none are named for a login.
    allow_credentials: Vec<CredentialName>,
    /// Always `required`.
    user_verification: &'static str,
}

impl RequestOptions {
    /// Asks for an assertion over a challenge.
    pub(crate) fn over(challenge: &Digest, rp_id: String, timeout_ms: i64, credentials: Vec<Vec<u8>>) -> Self {
        Self {
            challenge: Base64Url(challenge.0.to_vec()),
            timeout: timeout_ms,
            rp_id,
            allow_credentials: credentials.into_iter().map(name).collect(),
            user_verification: "required",
        }
    }
}

/// Is what a vote commits to, to be shown to the person before they sign.
#[derive(Debug, Serialize, ToSchema)]
pub struct Ballot {
    /// The log that will hold the vote.
    origin: String,
    /// The tenant.
    tenant: String,
    /// The case.
    case: String,
    /// The proposal that opened it.
    action: String,
    /// The digest of the exact action.
    #[schema(value_type = String)]
    action_digest: Digest,
    /// What is to be called, as `server.tool`.
    tool: String,
    /// The digest of the tool's definition.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    definition: Option<Digest>,
    /// The digest of the bundle that asks for people.
    #[schema(value_type = String)]
    bundle: Digest,
    /// The profiles that must all approve.
    profiles: Vec<String>,
    /// When silence becomes a refusal, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    expires_at: Millis,
    /// Who votes.
    person: String,
    /// For or against: `approve` or `deny`.
    #[schema(value_type = String, example = "approve")]
    vote: types::case::Ballot,
    /// Why, escaped.
    reason: String,
    /// The person confirms to decide alone.
    solo: bool,
    /// When the ballot may no longer be cast, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    until: Millis,
    /// 32 random bytes, base64url.
    nonce: Base64Url,
}

impl From<BallotPaper> for Ballot {
    fn from(paper: BallotPaper) -> Self {
        Self {
            origin: paper.origin,
            tenant: paper.tenant.to_string(),
            case: paper.case.to_string(),
            action: paper.action.to_string(),
            action_digest: paper.action_digest,
            tool: types::text::escape(&paper.tool.to_string(), false),
            definition: paper.definition,
            bundle: paper.bundle,
            profiles: paper.profiles.iter().map(ToString::to_string).collect(),
            expires_at: paper.expires,
            person: paper.person.to_string(),
            vote: paper.vote,
            reason: types::text::escape(&paper.reason, true),
            solo: paper.solo,
            until: paper.until,
            nonce: Base64Url(paper.nonce),
        }
    }
}

/// Is a ballot that was drawn, and what a browser must know to have it signed.
#[derive(Debug, Serialize, ToSchema)]
pub struct DrawnBallot {
    /// What the person is shown.
    ballot: Ballot,
    /// The same in canonical bytes, base64url: the challenge is `SHA-256(0x14 ‖ "countersign/ballot/1" ‖ bytes)`.
    bytes: Base64Url,
    /// What the browser is asked.
    public_key: RequestOptions,
}

impl From<BallotDrawn> for DrawnBallot {
    fn from(drawn: BallotDrawn) -> Self {
        Self {
            bytes: Base64Url(drawn.paper.to_bytes()),
            public_key: RequestOptions::over(&drawn.challenge, drawn.rp_id, drawn.timeout_ms, drawn.credentials),
            ballot: drawn.paper.into(),
        }
    }
}

/// Is `AuthenticationResponseJSON`, as `toJSON` of an assertion makes it; of its other members nothing is read.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", expecting = "an assertion as `toJSON` makes it")]
pub struct AssertionResponse {
    /// The credential's id, base64url.
    raw_id: Base64Url,
    /// What the authenticator answered.
    response: AssertionParts,
}

/// Is what an authenticator answered.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", expecting = "an assertion response")]
pub struct AssertionParts {
    /// base64url.
    #[serde(rename = "clientDataJSON")]
    client_data: Base64Url,
    /// base64url.
    authenticator_data: Base64Url,
    /// base64url.
    signature: Base64Url,
    /// base64url; only a login reads it, and must have it.
    #[serde(default)]
    user_handle: Option<Base64Url>,
}

impl AssertionResponse {
    /// Takes out what the authenticator says the credential is of.
    pub(crate) fn take_user_handle(&mut self) -> Option<Vec<u8>> {
        self.response.user_handle.take().map(|handle| handle.0)
    }
}

impl From<AssertionResponse> for AssertionAnswer {
    fn from(answer: AssertionResponse) -> Self {
        Self {
            id: answer.raw_id.0,
            client_data: answer.response.client_data.0,
            authenticator_data: answer.response.authenticator_data.0,
            signature: answer.response.signature.0,
        }
    }
}
