//! `/v1/seals`: models that are ready, and what is sealed of each.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use control::model_signers::{CameSigned, SignedState};
use control::tracking::kept;
use serde::{Deserialize, Serialize};
use types::{Digest, Millis};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Anyone;
use crate::extract::{Json, Named, Query};
use crate::problem::{Fault, Problem};
use crate::{App, callers};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(signature))
}

/// Says which seals are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// That of this logged model alone.
    model: Option<String>,
    /// Those behind this model, in order of id.
    after: Option<String>,
}

/// Is the seal of a model: none of its files can be changed or removed.
#[derive(Debug, Serialize, ToSchema)]
pub struct ModelSeal {
    /// The logged model.
    model: String,
    /// The SHA-256 of a text with a line for each file: its SHA-256, its size in bytes and its path below the model, by path.
    #[schema(value_type = String)]
    digest: Digest,
    /// How many files there are.
    files: u64,
    /// How many bytes they have together.
    bytes: u64,
    /// When it was sealed, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    sealed_at: Millis,
    /// Who said that it was ready, such as `person:ana`.
    sealed_by: String,
    /// The journal says so; false for an instant, or until the journal takes records again.
    recorded: bool,
    /// How the signature stands that came with it as `model.sig`; told where one model is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    came_signed: Option<CameSignedView>,
}

/// Says how a signature stands that came with a model.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SignedStateName {
    /// None came with it.
    None,
    /// A key that the operator knows has signed the files that were sealed.
    Valid,
    /// It does not hold, or is about other files.
    Invalid,
    /// It is by a key that the operator has not put among those that are believed.
    KeyUnknown,
    /// It is of a kind that is not read here.
    Unsupported,
}

/// Is what is known of the signature that came with a model.
#[derive(Debug, Serialize, ToSchema)]
pub struct CameSignedView {
    /// How it stands.
    state: SignedStateName,
    /// The name that the operator gave the key which has signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    /// Why it is not valid.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

impl From<CameSigned> for CameSignedView {
    fn from(CameSigned { state, by, why }: CameSigned) -> Self {
        let state = match state {
            SignedState::None => SignedStateName::None,
            SignedState::Valid => SignedStateName::Valid,
            SignedState::Invalid => SignedStateName::Invalid,
            SignedState::KeyUnknown => SignedStateName::KeyUnknown,
            SignedState::Unsupported => SignedStateName::Unsupported,
        };
        Self { state, by, why }
    }
}

impl From<kept::Seal> for ModelSeal {
    fn from(seal: kept::Seal) -> Self {
        let kept::Seal { model, digest, files, bytes, at, by, record, .. } = seal;
        Self {
            model,
            digest,
            files,
            bytes,
            sealed_at: Millis(at),
            sealed_by: by,
            recorded: record.is_some(),
            came_signed: None,
        }
    }
}

/// Is a page of seals.
#[derive(Debug, Serialize, ToSchema)]
pub struct ModelSeals {
    /// At most 1,000 seals, in order of the model's id.
    seals: Vec<ModelSeal>,
}

/// Lists the seals of models.
#[utoipa::path(get, path = "/v1/seals", operation_id = "list_seals", tag = "models",
    extensions(("x-countersign-callers" = json!(callers::HOLDERS))),
    params(Wanted), responses(
    (status = 200, description = "The seals", body = ModelSeals),
    (status = 500, description = "`file-unusable`: what is tracked cannot be read", body = Problem, content_type = "application/problem+json"),
))]
async fn list(State(app): State<App>, _: Anyone, Query(wanted): Query<Wanted>) -> Result<Json<ModelSeals>, Fault> {
    let seals = app.control.seals(wanted.model.clone(), wanted.after.unwrap_or_default()).await?;
    let mut seals: Vec<ModelSeal> = seals.into_iter().map(ModelSeal::from).collect();
    if let (Some(model), [seal]) = (wanted.model, seals.as_mut_slice()) {
        seal.came_signed = Some(app.control.came_signed(model).await?.into());
    }
    Ok(Json(ModelSeals { seals }))
}

/// Is a signature of a model: a Sigstore bundle (v0.3) in key mode, around an in-toto statement of the type `https://model_signing/signature/v1.0`.
#[derive(Debug, ToSchema)]
#[schema(value_type = Object)]
pub struct ModelSignature(String);

impl IntoResponse for ModelSignature {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, control::MODEL_SIGNATURE_TYPE)], self.0).into_response()
    }
}

/// Signs a sealed model, in the format of OpenSSF model signing.
///
/// It names every file that the seal covers with its SHA-256, and is signed by the server's own key for models. Nothing is signed that the journal
/// does not say was sealed.
#[utoipa::path(get, path = "/v1/seals/{model}/signature", operation_id = "sign_model", tag = "models",
    extensions(("x-countersign-callers" = json!(callers::HOLDERS))),
    params(("model" = String, Path, description = "The logged model", example = "m-3f1c")), responses(
    (status = 200, description = "The signature, a Sigstore bundle in key mode", body = ModelSignature, content_type = "application/vnd.dev.sigstore.bundle.v0.3+json"),
    (status = 404, description = "`not-found`: no such model is sealed", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "`state-conflict`: the seal is not recorded yet", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "`evidence-missing`: no journal that is here says that it was sealed so", body = Problem, content_type = "application/problem+json"),
    (status = 500, description = "`model-differs`: the files that are kept are not those that were sealed; `keys-unusable`: no key signs models here; \
        `file-unusable`: what is tracked cannot be read", body = Problem, content_type = "application/problem+json"),
))]
async fn signature(State(app): State<App>, _: Anyone, Named(model): Named<String>) -> Result<ModelSignature, Fault> {
    Ok(ModelSignature(app.control.model_signature(model).await?))
}
