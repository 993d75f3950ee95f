//! `/v1/deployments`: which version is to run where, and which does.

use axum::extract::State;
use control::promotions::Promoted;
use control::tracking::kept::Observation;
use control::tracking::{DeploymentShown, DeploymentState, Move, NewObservation, SignedReport, Witness};
use serde::{Deserialize, Serialize};
use types::text::escape;
use types::{Digest, Millis};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::{AnyChanger, Anyone};
use crate::extract::{Json, NamedTwo, Query, reason};
use crate::problem::{Fault, Problem, invalid};
use crate::promotions::{AliasMoved, Promote, refusal};
use crate::{App, callers};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(deploy))
        .routes(routes!(undeploy))
        .routes(routes!(observe))
}

/// Says what is wanted of deployments.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// Those of this registered model alone.
    model: Option<String>,
}

/// Are targets with what is to run there and what does.
#[derive(Debug, Serialize, ToSchema)]
pub struct Deployments {
    /// The targets, by model and name.
    deployments: Vec<DeploymentView>,
}

/// Is a target with what is to run there and what does.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeploymentView {
    /// The registered model.
    model: String,
    /// Where.
    target: String,
    /// The version that is to run there; absent if nobody decided that any is.
    #[serde(skip_serializing_if = "Option::is_none")]
    declared: Option<i64>,
    /// How what runs compares to it: `as-declared`, `other-version`, `other-files`, `undeclared`, `mixed-versions`, `nothing-runs`, `silent` for
    /// 15 minutes or because a probe tells nothing, or `unseen`.
    state: &'static str,
    /// Whether the host has shown that it runs the very files that were sealed.
    proved: bool,
    /// What is known of what runs there, by the means that says the worst.
    #[serde(skip_serializing_if = "Option::is_none")]
    seen: Option<ObservationView>,
    /// Everything by which something is known of it.
    witnesses: Vec<WitnessView>,
}

/// Is what one means says of a target.
#[derive(Debug, Serialize, ToSchema)]
pub struct WitnessView {
    /// The means: `reported` by whoever holds a key, `signed` by the host with its own, `probed` by this server, or told by a `cluster`.
    means: &'static str,
    /// How what it says compares to what is to run; absent while it does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'static str>,
    /// What was seen by it last.
    #[serde(skip_serializing_if = "Option::is_none")]
    seen: Option<ObservationView>,
    /// What the settings call the probe.
    #[serde(skip_serializing_if = "Option::is_none")]
    probe: Option<String>,
    /// What the probe heard last, or why it tells nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    says: Option<String>,
    /// Since when the probe tells nothing, in milliseconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    failing: Option<Millis>,
}

impl From<Witness> for WitnessView {
    fn from(witness: Witness) -> Self {
        let Witness { means, seen, probe, state } = witness;
        Self {
            means: means.name(),
            state: state.map(DeploymentState::name),
            seen: seen.map(ObservationView::from),
            says: probe.as_ref().map(|probe| escape(&probe.says, false)),
            failing: probe.as_ref().and_then(|probe| probe.failed).map(Millis),
            probe: probe.map(|probe| probe.name),
        }
    }
}

/// Is what is known of what runs at a target.
#[derive(Debug, Serialize, ToSchema)]
pub struct ObservationView {
    /// The version that runs there; nothing does if it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
    /// The digest over the files that it has loaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    digest: Option<Digest>,
    /// Further versions that run there at once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    others: Vec<u64>,
    /// The digests of the images that run there, as the infrastructure says.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    images: Vec<String>,
    /// By what means it is known.
    means: String,
    /// Who said so.
    by: String,
    /// Since when it says so, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    since: Millis,
    /// When it last said so.
    #[schema(value_type = i64)]
    at: Millis,
}

impl From<Observation> for ObservationView {
    fn from(seen: Observation) -> Self {
        let Observation { version, digest, others, images, means, by, first, last, .. } = seen;
        let images = images.iter().map(|image| escape(image, false)).collect();
        Self { version, digest, others, images, means, by, since: Millis(first), at: Millis(last) }
    }
}

impl From<DeploymentShown> for DeploymentView {
    fn from(one: DeploymentShown) -> Self {
        let proved = one.is_proved();
        let DeploymentShown { model, target, declared, seen, witnesses, state, .. } = one;
        let witnesses = witnesses.into_iter().map(WitnessView::from).collect();
        let seen = seen.map(ObservationView::from);
        let [model, target] = [model, target].map(|text| escape(&text, false));
        Self { model, target, declared, state: state.name(), proved, seen, witnesses }
    }
}

/// Says why nothing is to run at a target any more.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object that names a reason")]
pub struct Undeploy {
    /// Why; it is recorded.
    #[schema(min_length = 1)]
    reason: String,
}

/// Says what runs at a target.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object that names a version, a digest, or neither")]
pub struct Observe {
    /// The version's number; nothing runs there without one.
    #[serde(default)]
    version: Option<u64>,
    /// The digest over the files that are loaded: the SHA-256 of a text with a line for each, with its SHA-256, its size in bytes and its path below
    /// the model, by path. `countersign model digest` computes it.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    digest: Option<Digest>,
    /// What the host has signed; needed once it has a key.
    #[serde(default)]
    signed: Option<SignedBy>,
}

/// Is what stands under a report that a host has signed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with a `key`, a `counter`, an `at` and a `signature`")]
pub struct SignedBy {
    /// The id of the host's key.
    key: String,
    /// Is higher than in every report that was signed with the key before.
    counter: u64,
    /// When, in milliseconds since the epoch, by the host's clock.
    #[schema(value_type = i64)]
    at: Millis,
    /// The signature on Ed25519, in hexadecimal.
    signature: String,
}

/// Tells which version is to run where, and which does.
///
/// What is to run was decided; what does is what the hosts say. Needs a key.
#[utoipa::path(get, path = "/v1/deployments", operation_id = "list_deployments", tag = "models",
    extensions(("x-countersign-callers" = json!(callers::HOLDERS))), params(Wanted), responses(
    (status = 200, description = "The targets", body = Deployments),
))]
async fn list(State(app): State<App>, _: Anyone, Query(wanted): Query<Wanted>) -> Result<Json<Deployments>, Fault> {
    let found = app.control.deployments(wanted.model).await?;
    Ok(Json(Deployments { deployments: found.into_iter().map(DeploymentView::from).collect() }))
}

/// Says which version of a registered model is to run at a target.
///
/// This is an action like any other, decided as setting an alias is; people are asked where policy says so. Needs an agent's or a person's
/// key.
#[utoipa::path(put, path = "/v1/models/{name}/deployments/{target}", operation_id = "deploy_model", tag = "models",
    extensions(("x-countersign-callers" = json!(callers::CHANGERS))),
    params(("name" = String, Path, description = "The registered model", example = "fraud"),
        ("target" = String, Path, description = "Where it is to run", example = "eu-west")),
    request_body = Promote, responses(
    (status = 200, description = "The version is to run there", body = AliasMoved),
    (status = 202, description = "People must approve it first; it is done here once they have", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not-found`: there is no such model or version", body = Problem, content_type = "application/problem+json"),
))]
async fn deploy(
    State(app): State<App>,
    AnyChanger(holder): AnyChanger,
    NamedTwo(model, target): NamedTwo,
    Json(asked): Json<Promote>,
) -> Result<Json<AliasMoved>, Fault> {
    let Promote { version, reason: why } = asked;
    let wanted = Move::Deploy { model, target, version: version.to_string() };
    let action = app.control.move_model(holder, wanted, Some(reason(&why)?.to_owned())).await.map_err(refusal)?;
    Ok(Json(Promoted { version, action }.into()))
}

/// Is the action by which nothing is to run at a target any more.
#[derive(Debug, Serialize, ToSchema)]
pub struct Undeployed {
    /// The action that it was decided as; absent where nothing was to run there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    action: Option<types::ActionId>,
}

/// Says that no version of a registered model is to run at a target any more.
///
/// It is decided as deploying is. Needs an agent's or a person's key.
#[utoipa::path(post, path = "/v1/models/{name}/deployments/{target}/undeploy", operation_id = "undeploy_model", tag = "models",
    extensions(("x-countersign-callers" = json!(callers::CHANGERS))),
    params(("name" = String, Path, description = "The registered model", example = "fraud"),
        ("target" = String, Path, description = "Where it is to run no more", example = "eu-west")),
    request_body = Undeploy, responses(
    (status = 200, description = "Nothing is to run there", body = Undeployed),
    (status = 202, description = "People must approve it first; it is done here once they have", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not-found`: there is no such model", body = Problem, content_type = "application/problem+json"),
))]
async fn undeploy(
    State(app): State<App>,
    AnyChanger(holder): AnyChanger,
    NamedTwo(model, target): NamedTwo,
    Json(asked): Json<Undeploy>,
) -> Result<Json<Undeployed>, Fault> {
    let why = reason(&asked.reason)?.to_owned();
    let action = app.control.move_model(holder, Move::Undeploy { model, target }, Some(why)).await.map_err(refusal)?;
    Ok(Json(Undeployed { action }))
}

/// Takes what the host of a target says that it runs.
///
/// It is recorded when it is news, and compared to what is to run there: what nobody decided is told. Hosts send it every few minutes; one
/// that says nothing for 15 is told as silent. Needs an agent's or a person's key.
#[utoipa::path(post, path = "/v1/models/{name}/deployments/{target}/observed", operation_id = "observe_deployment", tag = "models",
    extensions(("x-countersign-callers" = json!(callers::CHANGERS))),
    params(("name" = String, Path, description = "The model, by the name that the host has for it", example = "fraud"),
        ("target" = String, Path, description = "Where it runs", example = "eu-west")),
    request_body = Observe, responses(
    (status = 200, description = "How it compares", body = DeploymentView),
    (status = 403, description = "`heartbeat-unsigned`, `heartbeat-forged`, `host-key-unknown`, `host-key-foreign` or `host-key-revoked`", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "`heartbeat-replayed` or `heartbeat-untimely`", body = Problem, content_type = "application/problem+json"),
))]
async fn observe(
    State(app): State<App>,
    AnyChanger(holder): AnyChanger,
    NamedTwo(model, target): NamedTwo,
    Json(asked): Json<Observe>,
) -> Result<Json<DeploymentView>, Fault> {
    let Observe { version, digest, signed } = asked;
    if version.is_none() && digest.is_some() {
        return Err(invalid("`digest` is told of a version, and there is no `version`"));
    }
    let new = NewObservation { model, target, version, digest };
    let shown = match signed {
        Some(SignedBy { key, counter, at, signature }) => {
            let signed = SignedReport { key, counter, at: at.0, signature };
            app.control.observe_signed_deployment(holder, new, signed).await?
        }
        None => app.control.observe_deployment(holder, new).await?,
    };
    Ok(Json(shown.into()))
}
