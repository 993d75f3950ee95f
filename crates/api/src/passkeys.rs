//! `/v1/passkeys`: invitations, enrolment, and the keys with which people sign their votes.
//!
//! What browsers make and take has the form that WebAuthn Level 3 gives it as JSON (§5.1.8 to §5.1.10), so that a page hands
//! it through: `parseCreationOptionsFromJSON`, `parseRequestOptionsFromJSON` and `toJSON`.

use axum::extract::State;
use axum::http::StatusCode;
use control::passkeys::{Algorithm, CoseKey, EnrolmentAsked, RegistrationAnswer};
use control::state::Passkey;
use serde::{Deserialize, Serialize};
use types::{Millis, PasskeyId, PersonId};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::{AsChanger, AsPerson};
use crate::base64url::Base64Url;
use crate::extract::{Json, Named, reason};
use crate::problem::{Fault, Problem};
use crate::switches::Why;
use crate::{App, callers};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, enrol))
        .routes(routes!(invite))
        .routes(routes!(options))
        .routes(routes!(revoke))
}

/// Is an invitation to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an invitation object")]
pub struct NewInvitation {
    /// Who is invited.
    #[schema(value_type = String)]
    person: PersonId,
    /// Why; it is recorded.
    #[schema(min_length = 1)]
    reason: String,
}

/// Is an invitation at the only moment its token is shown.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreatedInvitation {
    /// The passkey that can be enrolled with it.
    #[schema(value_type = String)]
    id: PasskeyId,
    /// What the person who is invited shows, once.
    token: String,
    /// When it ends, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    until: Millis,
}

/// Invites a person to enrol a passkey.
///
/// The token is shown this once; the journal knows its digest alone. Needs another person's key, unless the bundle sets `solo`.
#[utoipa::path(post, path = "/v1/passkeys/invitations", operation_id = "invite_to_passkey", tag = "passkeys",
    extensions(("x-countersign-callers" = json!(callers::STAFF))),
    request_body = NewInvitation, responses(
    (status = 201, description = "The invitation is made", body = CreatedInvitation),
    (status = 202, description = "People must approve it first; the same request succeeds then", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "`forbidden`: nobody invites themselves", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "`person-unknown`: the bundle has no such person", body = Problem, content_type = "application/problem+json"),
))]
async fn invite(
    State(app): State<App>,
    AsChanger(by): AsChanger,
    Json(new): Json<NewInvitation>,
) -> Result<(StatusCode, Json<CreatedInvitation>), Fault> {
    let made = app.control.invite(&by, &new.person, reason(&new.reason)?).await?;
    Ok((StatusCode::CREATED, Json(CreatedInvitation { id: made.id, token: made.token, until: made.until })))
}

/// Is the token of an invitation.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with a token")]
pub struct InvitationToken {
    /// The token.
    token: String,
}

/// Names the relying party.
#[derive(Debug, Serialize, ToSchema)]
pub struct RelyingParty {
    /// Its id, a host name.
    id: String,
    /// Its name.
    name: &'static str,
}

/// Names the person to their authenticator.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CredentialUser {
    /// An id that says nothing, base64url.
    id: Base64Url,
    /// The person.
    name: String,
    /// The person, as people read it.
    display_name: String,
}

/// Names an algorithm by its COSE number.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeyParameter {
    /// Always `public-key`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The number.
    alg: i64,
}

/// Names a credential.
#[derive(Debug, Serialize, ToSchema)]
pub struct CredentialName {
    /// Always `public-key`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// Its id, base64url.
    id: Base64Url,
}

/// Says which authenticators may answer.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Selection {
    /// Always `preferred`.
    resident_key: &'static str,
    /// Always `required`.
    user_verification: &'static str,
}

/// Is `PublicKeyCredentialCreationOptionsJSON`, as `PublicKeyCredential.parseCreationOptionsFromJSON` takes it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreationOptions {
    /// The relying party.
    rp: RelyingParty,
    /// The person.
    user: CredentialUser,
    /// The challenge, base64url.
    challenge: Base64Url,
    /// The algorithms that are accepted, the best liked first.
    pub_key_cred_params: Vec<KeyParameter>,
    /// How long there is, in milliseconds.
    timeout: i64,
    /// The credentials of which no second one is made.
    exclude_credentials: Vec<CredentialName>,
    /// The authenticators that may answer.
    authenticator_selection: Selection,
    /// Always `none`.
    attestation: &'static str,
}

/// Names a credential.
pub(crate) fn name(id: Vec<u8>) -> CredentialName {
    CredentialName { kind: "public-key", id: Base64Url(id) }
}

impl From<EnrolmentAsked> for CreationOptions {
    fn from(asked: EnrolmentAsked) -> Self {
        let person = asked.paper.person.to_string();
        let parameter = |algorithm: &Algorithm| KeyParameter { kind: "public-key", alg: algorithm.number() };
        Self {
            rp: RelyingParty { id: asked.paper.rp_id, name: "Countersign" },
            user: CredentialUser {
                id: Base64Url(asked.paper.passkey.0.as_bytes().to_vec()),
                name: person.clone(),
                display_name: person,
            },
            challenge: Base64Url(asked.challenge.0.to_vec()),
            pub_key_cred_params: Algorithm::ALL.iter().map(parameter).collect(),
            timeout: asked.timeout_ms,
            exclude_credentials: asked.exclude.into_iter().map(name).collect(),
            authenticator_selection: Selection { resident_key: "preferred", user_verification: "required" },
            attestation: "none",
        }
    }
}

/// Returns what a browser must know to make the passkey of an invitation.
///
/// Needs no key: the token stands for whoever was invited.
#[utoipa::path(post, path = "/v1/passkeys/options", operation_id = "ask_passkey", tag = "passkeys",
    extensions(("x-countersign-callers" = json!(callers::EVERYBODY))),
    security(()), request_body = InvitationToken, responses(
    (status = 200, description = "The options", body = CreationOptions),
    (status = 403, description = "`invitation-invalid`", body = Problem, content_type = "application/problem+json"),
))]
async fn options(State(app): State<App>, Json(shown): Json<InvitationToken>) -> Result<Json<CreationOptions>, Fault> {
    Ok(Json(app.control.ask_enrolment(&shown.token)?.into()))
}

/// Is `RegistrationResponseJSON`, as `toJSON` of a new credential makes it; of its other members nothing is read.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", expecting = "a credential as `toJSON` makes it")]
pub struct RegistrationResponse {
    /// The credential's id, base64url.
    raw_id: Base64Url,
    /// What the authenticator answered.
    response: Attestation,
}

/// Is what an authenticator answered to a registration.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(expecting = "an attestation response")]
pub struct Attestation {
    /// base64url.
    #[serde(rename = "clientDataJSON")]
    client_data: Base64Url,
    /// base64url.
    #[serde(rename = "attestationObject")]
    attestation: Base64Url,
}

/// Is a passkey to be enrolled.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with a token and a credential")]
pub struct NewPasskey {
    /// The token of the invitation.
    token: String,
    /// What the browser made.
    credential: RegistrationResponse,
}

/// Is a passkey, or the invitation to one.
#[derive(Debug, Serialize, ToSchema)]
pub struct PasskeyLine {
    /// Its identity.
    #[schema(value_type = String)]
    id: PasskeyId,
    /// Whose it is.
    person: String,
    /// Who invited.
    invited_by: String,
    /// When, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    invited_at: Millis,
    /// When the invitation ends, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    until: Millis,
    /// When it was enrolled, in milliseconds since the epoch; absent while it is an invitation.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    enrolled_at: Option<Millis>,
    /// The relying-party id.
    #[serde(skip_serializing_if = "Option::is_none")]
    rp_id: Option<String>,
    /// The credential's id, base64url.
    #[serde(skip_serializing_if = "Option::is_none")]
    credential: Option<Base64Url>,
    /// `ES256`, `EdDSA` or `RS256`.
    #[serde(skip_serializing_if = "Option::is_none")]
    algorithm: Option<&'static str>,
    /// When it was revoked, in milliseconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    revoked: Option<Millis>,
}

impl From<Passkey> for PasskeyLine {
    fn from(passkey: Passkey) -> Self {
        let enrolment = passkey.enrolment;
        let key = enrolment.as_ref().and_then(|enrolment| CoseKey::parse(&enrolment.key).ok());
        Self {
            id: passkey.id,
            person: passkey.person.to_string(),
            invited_by: passkey.by.to_string(),
            invited_at: passkey.at,
            until: passkey.until,
            enrolled_at: enrolment.as_ref().map(|enrolment| enrolment.at),
            rp_id: enrolment.as_ref().map(|enrolment| enrolment.rp_id.clone()),
            credential: enrolment.map(|enrolment| Base64Url(enrolment.credential)),
            algorithm: key.map(|key| key.algorithm().as_str()),
            revoked: passkey.revoked,
        }
    }
}

/// Enrols a passkey, and uses the invitation up.
///
/// Needs no key: the token stands for whoever was invited.
#[utoipa::path(post, path = "/v1/passkeys", operation_id = "enrol_passkey", tag = "passkeys",
    extensions(("x-countersign-callers" = json!(callers::EVERYBODY))),
    security(()), request_body = NewPasskey, responses(
    (status = 201, description = "The passkey is enrolled", body = PasskeyLine),
    (status = 403, description = "`invitation-invalid`", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "`registration-invalid`", body = Problem, content_type = "application/problem+json"),
))]
async fn enrol(State(app): State<App>, Json(new): Json<NewPasskey>) -> Result<(StatusCode, Json<PasskeyLine>), Fault> {
    let answer = RegistrationAnswer {
        id: new.credential.raw_id.0,
        client_data: new.credential.response.client_data.0,
        attestation: new.credential.response.attestation.0,
    };
    let passkey = app.control.enrol(&new.token, answer).await?;
    Ok((StatusCode::CREATED, Json(PasskeyLine::from(passkey))))
}

/// Is the list of passkeys.
#[derive(Debug, Serialize, ToSchema)]
pub struct Passkeys {
    /// The passkeys and the invitations, in order of inviting.
    passkeys: Vec<PasskeyLine>,
}

/// Lists the passkeys and the invitations, without secrets.
///
/// Needs a person's key.
#[utoipa::path(get, path = "/v1/passkeys", operation_id = "list_passkeys", tag = "passkeys",
    extensions(("x-countersign-callers" = json!(callers::PEOPLE))),
    responses((status = 200, description = "The passkeys", body = Passkeys)))]
async fn list(State(app): State<App>, _: AsPerson) -> Result<Json<Passkeys>, Fault> {
    let passkeys = app.control.passkeys()?.into_iter().map(PasskeyLine::from).collect();
    Ok(Json(Passkeys { passkeys }))
}

/// Revokes a passkey, or the invitation to one.
///
/// It signs nothing any more when the answer comes, and nobody is asked first. Needs a person's key.
#[utoipa::path(delete, path = "/v1/passkeys/{id}", operation_id = "revoke_passkey", tag = "passkeys",
    extensions(("x-countersign-callers" = json!(callers::STAFF))),
    params(("id" = String, Path, description = "The passkey")), request_body = Why, responses(
    (status = 204, description = "The passkey is revoked"),
    (status = 404, description = "`not-found`: there is no such passkey", body = Problem, content_type = "application/problem+json"),
))]
async fn revoke(
    State(app): State<App>,
    AsChanger(by): AsChanger,
    Named(id): Named<PasskeyId>,
    Json(why): Json<Why>,
) -> Result<StatusCode, Fault> {
    app.control.revoke_passkey(&by, id, reason(&why.reason)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
