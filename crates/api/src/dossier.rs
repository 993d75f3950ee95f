//! `/v1/models/{name}/versions/{version}`: everything that is kept of a version, and what two of them differ in.

mod data;
mod evaluation;
mod run;
mod version;

use axum::extract::State;
use control::tracking::{Difference, compare};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::AsPerson;
use crate::extract::{Json, Named, NamedTwo, Query};
use crate::problem::{Fault, Problem};
use crate::records::EvidenceBundle;
use crate::{App, callers};

use version::{VersionDossier, shown};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(read)).routes(routes!(export)).routes(routes!(side_by_side))
}

/// Says which versions are compared.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Pairing {
    /// The one: its number, or an alias with an `@` in front.
    #[param(example = "3")]
    from: String,
    /// The other.
    #[param(example = "@champion")]
    to: String,
}

/// Is how two versions of a model compare.
#[derive(Debug, Serialize, ToSchema)]
pub struct VersionComparison {
    /// The registered model.
    model: String,
    /// The one's number.
    from: i64,
    /// The other's number.
    to: i64,
    /// What differs, by part and name.
    differences: Vec<DifferenceView>,
    /// How many things are the same, by part.
    same: Vec<SameView>,
}

/// Is one thing in which two versions differ.
#[derive(Debug, Serialize, ToSchema)]
pub struct DifferenceView {
    /// The part: `files`, `code`, `data`, `lineage`, `parameters`, `metrics`, `evaluations`, `environment`, `infrastructure`, `tags`,
    /// `deployments` or `gaps`.
    part: &'static str,
    /// What it is within the part.
    name: String,
    /// What it is of the one; absent if it is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    /// What it is of the other; absent if it is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
}

/// Says how many things of a part are the same.
#[derive(Debug, Serialize, ToSchema)]
pub struct SameView {
    /// The part.
    part: &'static str,
    /// How many things are the same.
    count: usize,
}

impl From<Difference> for DifferenceView {
    fn from(difference: Difference) -> Self {
        let Difference { part, name, from, to } = difference;
        Self { part, name: shown(name), from: from.map(shown), to: to.map(shown) }
    }
}

/// Tells everything that is kept of a version of a registered model.
///
/// Which run made it, of what data and code; whether its files are sealed; how it was evaluated; who approved where it stands; where it
/// runs; which release came before it; and what of all this is missing or does not agree with the journal. Needs a person's key.
#[utoipa::path(get, path = "/v1/models/{name}/versions/{version}", operation_id = "read_model_version", tag = "models",
    extensions(("x-countersign-callers" = json!(callers::PEOPLE))),
    params(("name" = String, Path, description = "The registered model", example = "fraud"),
        ("version" = String, Path, description = "The version's number, or an alias with an `@` in front", example = "@champion")),
    responses(
    (status = 200, description = "The dossier", body = VersionDossier),
    (status = 404, description = "`not-found`: there is no such model or version", body = Problem, content_type = "application/problem+json"),
))]
async fn read(
    State(app): State<App>,
    _: AsPerson,
    NamedTwo(name, version): NamedTwo,
) -> Result<Json<VersionDossier>, Fault> {
    Ok(Json(app.control.model_dossier(name, version).await?.into()))
}

/// Exports the evidence of a version of a registered model.
///
/// The bundle holds what the journal has of it, with its proofs, for `countersign-verify`: the seal over its files, the digests of its run, its
/// evaluations, what hosts said of it, and the decisions that moved it, with the votes. Needs a person's key.
#[utoipa::path(get, path = "/v1/models/{name}/versions/{version}/evidence", operation_id = "export_model_version", tag = "models",
    extensions(("x-countersign-callers" = json!(callers::PEOPLE))),
    params(("name" = String, Path, description = "The registered model", example = "fraud"),
        ("version" = String, Path, description = "The version's number, or an alias with an `@` in front", example = "@champion")),
    responses(
    (status = 200, description = "The evidence bundle", body = EvidenceBundle, content_type = "application/zip"),
    (status = 404, description = "`not-found`: there is no such model or version, or nothing recorded of it", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "`state-conflict`: its records are not published yet; try again", body = Problem, content_type = "application/problem+json"),
))]
async fn export(
    State(app): State<App>,
    AsPerson(by): AsPerson,
    NamedTwo(name, version): NamedTwo,
) -> Result<EvidenceBundle, Fault> {
    Ok(EvidenceBundle(app.control.export_model(&by, name, version).await?))
}

/// Compares two versions of a registered model.
///
/// Part by part: files, code, data, what came before the data, parameters, metrics, evaluations with their intervals, environment,
/// infrastructure, tags, deployments and gaps. Needs a person's key.
#[utoipa::path(get, path = "/v1/models/{name}/compare", operation_id = "compare_model_versions", tag = "models",
    extensions(("x-countersign-callers" = json!(callers::PEOPLE))),
    params(("name" = String, Path, description = "The registered model", example = "fraud"), Pairing),
    responses(
    (status = 200, description = "How they compare", body = VersionComparison),
    (status = 404, description = "`not-found`: there is no such model or version", body = Problem, content_type = "application/problem+json"),
))]
async fn side_by_side(
    State(app): State<App>,
    _: AsPerson,
    Named(name): Named<String>,
    Query(pairing): Query<Pairing>,
) -> Result<Json<VersionComparison>, Fault> {
    let from = app.control.model_dossier(name.clone(), pairing.from).await?.dossier;
    let to = app.control.model_dossier(name, pairing.to).await?.dossier;
    let comparison = compare(&from, &to);
    Ok(Json(VersionComparison {
        model: shown(&from.version.version.name),
        from: from.version.version.number,
        to: to.version.version.number,
        differences: comparison.differences.into_iter().map(DifferenceView::from).collect(),
        same: comparison.same.into_iter().map(|(part, count)| SameView { part, count }).collect(),
    }))
}
