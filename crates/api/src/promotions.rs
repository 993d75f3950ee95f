//! `/v1/models/{name}/aliases/{alias}`: which version an alias names, by decision; and the way back.

use axum::extract::State;
use control::promotions::Promoted;
use control::tracking::Move;
use serde::{Deserialize, Serialize};
use types::ActionId;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::AnyChanger;
use crate::extract::{Json, NamedTwo, reason};
use crate::problem::{Fault, Problem};
use crate::{App, callers};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(promote)).routes(routes!(roll_back))
}

/// Says which version an alias is to name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object that names a version and a reason")]
pub struct Promote {
    /// The version's number.
    #[schema(example = 7)]
    pub(crate) version: u64,
    /// Why; it is recorded.
    #[schema(min_length = 1)]
    pub(crate) reason: String,
}

/// Says to which version an alias is to go back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object that names a reason")]
pub struct RollBack {
    /// The version's number; the one that the alias named before this one by default.
    #[serde(default)]
    version: Option<u64>,
    /// Why; it is recorded.
    #[schema(min_length = 1)]
    reason: String,
}

/// Is what an alias names from now on.
#[derive(Debug, Serialize, ToSchema)]
pub struct AliasMoved {
    /// The version's number.
    version: u64,
    /// The action that it was decided as; absent where the alias named that version already.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    action: Option<ActionId>,
}

/// Lets an alias of a registered model name a version.
///
/// This is an action like any other: policy decides on what this server knows of the version, people are asked where it says so, and
/// what people have approved is done here by itself, without another request. Needs an agent's or a person's key.
#[utoipa::path(put, path = "/v1/models/{name}/aliases/{alias}", operation_id = "set_model_alias", tag = "models",
    extensions(("x-countersign-callers" = json!(callers::CHANGERS))),
    params(("name" = String, Path, description = "The registered model", example = "fraud"),
        ("alias" = String, Path, description = "The alias", example = "champion")),
    request_body = Promote, responses(
    (status = 200, description = "The alias names the version", body = AliasMoved),
    (status = 202, description = "People must approve it first; it is done here once they have", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not-found`: there is no such model or version", body = Problem, content_type = "application/problem+json"),
))]
async fn promote(
    State(app): State<App>,
    AnyChanger(holder): AnyChanger,
    NamedTwo(model, alias): NamedTwo,
    Json(asked): Json<Promote>,
) -> Result<Json<AliasMoved>, Fault> {
    let Promote { version, reason: why } = asked;
    let wanted = Move::SetAlias { model, alias, version: version.to_string() };
    let action = app.control.move_model(holder, wanted, Some(reason(&why)?.to_owned())).await.map_err(refusal)?;
    Ok(Json(Promoted { version, action }.into()))
}

/// Lets an alias of a registered model name the version again that it named before.
///
/// It is decided as setting the alias is, and tells the policy that it goes back. Needs an agent's or a person's key.
#[utoipa::path(post, path = "/v1/models/{name}/aliases/{alias}/rollback", operation_id = "roll_back_model", tag = "models",
    extensions(("x-countersign-callers" = json!(callers::CHANGERS))),
    params(("name" = String, Path, description = "The registered model", example = "fraud"),
        ("alias" = String, Path, description = "The alias", example = "champion")),
    request_body = RollBack, responses(
    (status = 200, description = "The alias names the version", body = AliasMoved),
    (status = 202, description = "People must approve it first; it is done here once they have", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "`not-found`: there is no such model or version, or the alias never named another one that is still there", body = Problem, content_type = "application/problem+json"),
))]
async fn roll_back(
    State(app): State<App>,
    AnyChanger(holder): AnyChanger,
    NamedTwo(model, alias): NamedTwo,
    Json(asked): Json<RollBack>,
) -> Result<Json<AliasMoved>, Fault> {
    let RollBack { version, reason: why } = asked;
    let why = reason(&why)?.to_owned();
    Ok(Json(app.control.roll_back_model(holder, (model, alias), version, why).await.map_err(refusal)?.into()))
}

impl From<Promoted> for AliasMoved {
    fn from(promoted: Promoted) -> Self {
        let Promoted { version, action } = promoted;
        Self { version, action }
    }
}

pub(crate) fn refusal(not: control::promotions::NotMoved) -> Fault {
    control::door::Refusal::from(not).into()
}
