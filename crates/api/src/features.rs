//! `/v1/features`: definitions of features in versions, which runs used them, and what they were in training and in serving.

mod skew;

use axum::extract::State;
use control::door::Refusal;
use control::tracking::kept::{Feature, FeatureSide};
use control::tracking::{NamedFeature, NewFeature, Registered, Tracking, ValueBatch};
use models::feature::{Conflict, Definition, Kind, SourceDataset};
use models::skew::{Row, Value};
use serde::{Deserialize, Serialize};
use types::text::escape;
use types::{Code, Millis};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::{AnyChanger, Anyone};
use crate::extract::{Json, Named};
use crate::problem::{Fault, Problem, invalid};
use crate::{App, callers};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, register))
        .routes(routes!(show))
        .routes(routes!(log_values))
        .routes(routes!(of_run, name_of_run))
        .merge(skew::routes())
}

/// Says what the values of a feature are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FeatureType {
    /// Numbers.
    Number,
    /// Texts.
    Text,
    /// True or false.
    Boolean,
}

impl From<FeatureType> for Kind {
    fn from(of: FeatureType) -> Self {
        match of {
            FeatureType::Number => Self::Number,
            FeatureType::Text => Self::Text,
            FeatureType::Boolean => Self::Boolean,
        }
    }
}

impl From<Kind> for FeatureType {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Number => Self::Number,
            Kind::Text => Self::Text,
            Kind::Boolean => Self::Boolean,
        }
    }
}

/// Is a definition that is to be registered.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object that defines a feature")]
pub struct FeatureWish {
    /// Its name: letters, digits, `_`, `-`, `.` and `:`.
    #[schema(example = "purchases_7d")]
    name: String,
    /// The business concept it stands for.
    #[schema(example = "7-day rolling average purchase count")]
    concept: String,
    /// What it is a feature of.
    #[schema(example = "customer")]
    entity: String,
    /// What its values are.
    r#type: FeatureType,
    /// Over what time it is computed; over none by default.
    #[serde(default)]
    #[schema(example = "7d")]
    window: String,
    /// How it is computed: its text, 64 KiB at most, or a digest of it.
    #[schema(example = "avg(count(purchases)) over 7 days, by day")]
    transformation: String,
    /// Who answers for it.
    #[schema(example = "growth-team")]
    owner: String,
    /// Where it comes from, if it was imported.
    #[serde(default)]
    origin: String,
    /// The datasets that it is computed from, as lineage names them, 100 at most.
    #[serde(default)]
    datasets: Vec<FeatureDataset>,
}

/// Is a dataset that a feature is computed from.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with `namespace` and `name`")]
pub struct FeatureDataset {
    /// Its namespace, such as `s3://lake`.
    namespace: String,
    /// Its name in it.
    name: String,
}

/// Is a version of a feature's definition.
#[derive(Debug, Serialize, ToSchema)]
pub struct FeatureVersion {
    /// Its name.
    name: String,
    /// Its version, from 1 on.
    version: i64,
    /// The business concept it stands for.
    concept: String,
    /// What it is a feature of.
    entity: String,
    /// What its values are.
    r#type: FeatureType,
    /// Over what time it is computed; empty if over none.
    window: String,
    /// How it is computed.
    transformation: String,
    /// Who answers for it.
    owner: String,
    /// Where it comes from; empty if it was registered by hand.
    origin: String,
    /// The datasets that it is computed from.
    datasets: Vec<FeatureDataset>,
    /// The digest of the definition, without its owner and its origin.
    digest: String,
    /// When it was registered, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    at: Millis,
    /// Who registered it, with their kind in front.
    by: String,
}

impl From<Feature> for FeatureVersion {
    fn from(feature: Feature) -> Self {
        let Feature { version, definition, owner, origin, digest, at, by, .. } = feature;
        let Definition { name, concept, entity, kind, window, transformation, datasets } = definition;
        let dataset = |one: SourceDataset| FeatureDataset { namespace: shown(&one.namespace), name: shown(&one.name) };
        Self {
            name,
            version,
            concept: shown(&concept),
            entity: shown(&entity),
            r#type: kind.into(),
            window: shown(&window),
            // Line ends are a part of it.
            transformation: escape(&transformation, true),
            owner: shown(&owner),
            origin: shown(&origin),
            datasets: datasets.into_iter().map(dataset).collect(),
            digest,
            at: Millis(at),
            by,
        }
    }
}

/// Says that one business concept has several definitions.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConceptConflict {
    /// The concept, in one spelling.
    concept: String,
    /// The features that stand for it.
    features: Vec<String>,
    /// In what they differ: `entity`, `type`, `window`, `transformation`; empty if they are one definition under several names.
    differing: Vec<String>,
}

impl From<Conflict> for ConceptConflict {
    fn from(conflict: Conflict) -> Self {
        let Conflict { concept, features, differing } = conflict;
        let differing = differing.into_iter().map(str::to_owned).collect();
        Self { concept: shown(&concept), features, differing }
    }
}

/// Is a definition that holds now.
#[derive(Debug, Serialize, ToSchema)]
pub struct FeatureRegistered {
    /// The version that holds.
    feature: FeatureVersion,
    /// Whether it was made now; otherwise it was the latest one already.
    new: bool,
    /// Other features that define its concept; absent if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    conflict: Option<ConceptConflict>,
}

/// Are all features.
#[derive(Debug, Serialize, ToSchema)]
pub struct FeatureList {
    /// The latest version of each, by name.
    features: Vec<FeatureVersion>,
    /// The business concepts that have several definitions.
    conflicts: Vec<ConceptConflict>,
}

/// Are versions of definitions.
#[derive(Debug, Serialize, ToSchema)]
pub struct FeatureVersions {
    /// The versions.
    features: Vec<FeatureVersion>,
}

/// Says where a feature was computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SideName {
    /// For training.
    Training,
    /// For a prediction.
    Serving,
}

/// Is what a feature was for an entity at a time.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FeatureValue {
    /// The entity.
    #[schema(example = "customer-17")]
    entity: String,
    /// The time of the event, in milliseconds since the epoch.
    at: i64,
    /// A number, a text, true, false, or null where there was none.
    value: serde_json::Value,
}

/// Are values of a feature.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object with values of a feature")]
pub struct FeatureValues {
    /// The version of the definition by which they were computed.
    version: i64,
    /// Where they were computed.
    side: SideName,
    /// The values, at most 10,000.
    values: Vec<FeatureValue>,
}

/// Says how much was kept.
#[derive(Debug, Serialize, ToSchema)]
pub struct FeatureValuesKept {
    /// How many values are new; the others were known already.
    new: usize,
}

/// Names a version of a feature.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FeatureName {
    /// Its name.
    name: String,
    /// Its version.
    version: i64,
}

/// Says which features a run used.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object that names features")]
pub struct RunFeatures {
    /// The features, at most 1,000.
    features: Vec<FeatureName>,
}

/// Is how many features a request names at most.
const NAMED_MAX: usize = 1_000;

fn shown(text: &str) -> String {
    escape(text, false)
}

/// Reads or changes what is tracked, where waiting is allowed.
pub(crate) async fn tracked<T: Send + 'static>(
    app: &App,
    work: impl FnOnce(&Tracking) -> control::tracking::Answer<T> + Send + 'static,
) -> Result<T, Fault> {
    let tracking = app.control.tracking()?.clone();
    let done = tokio::task::spawn_blocking(move || work(&tracking)).await;
    let done = done.map_err(|_| Fault::new(Code::Internal, "the request was interrupted"))?;
    Ok(done.map_err(Refusal::from)?)
}

/// Lists the features, and the business concepts that have several definitions.
///
/// Needs any key.
#[utoipa::path(get, path = "/v1/features", operation_id = "list_features", tag = "models",
    extensions(("x-countersign-callers" = json!(callers::HOLDERS))), responses(
    (status = 200, description = "The latest version of each feature", body = FeatureList),
))]
async fn list(State(app): State<App>, _: Anyone) -> Result<Json<FeatureList>, Fault> {
    let (features, conflicts) = tracked(&app, Tracking::features).await?;
    let features = features.into_iter().map(FeatureVersion::from).collect();
    Ok(Json(FeatureList { features, conflicts: conflicts.into_iter().map(ConceptConflict::from).collect() }))
}

/// Registers a feature's definition.
///
/// It becomes the next version of its name, unless it is the latest one already. What was registered stays. Needs an agent's or a person's key.
#[utoipa::path(post, path = "/v1/features", operation_id = "register_feature", tag = "models",
    extensions(("x-countersign-callers" = json!(callers::CHANGERS))), request_body = FeatureWish, responses(
    (status = 200, description = "The version that holds", body = FeatureRegistered),
))]
async fn register(
    State(app): State<App>,
    AnyChanger(holder): AnyChanger,
    Json(wish): Json<FeatureWish>,
) -> Result<Json<FeatureRegistered>, Fault> {
    let FeatureWish { name, concept, entity, r#type, window, transformation, owner, origin, datasets } = wish;
    let dataset = |one: FeatureDataset| SourceDataset { namespace: one.namespace, name: one.name };
    let datasets = datasets.into_iter().map(dataset).collect();
    let definition = Definition { name, concept, entity, kind: r#type.into(), window, transformation, datasets };
    let new = NewFeature { definition, owner, origin };
    let Registered { feature, is_new, conflict } =
        tracked(&app, move |tracking| tracking.register_feature(&holder, new)).await?;
    Ok(Json(FeatureRegistered { feature: feature.into(), new: is_new, conflict: conflict.map(ConceptConflict::from) }))
}

/// Shows all versions of a feature.
///
/// Needs any key.
#[utoipa::path(get, path = "/v1/features/{name}", operation_id = "show_feature", tag = "models",
    extensions(("x-countersign-callers" = json!(callers::HOLDERS))),
    params(("name" = String, Path, description = "The feature", example = "purchases_7d")), responses(
    (status = 200, description = "The versions, the first one first", body = FeatureVersions),
    (status = 404, description = "`not-found`: there is no such feature", body = Problem, content_type = "application/problem+json"),
))]
async fn show(State(app): State<App>, _: Anyone, Named(name): Named<String>) -> Result<Json<FeatureVersions>, Fault> {
    let versions = tracked(&app, move |tracking| tracking.feature(&name)).await?;
    Ok(Json(FeatureVersions { features: versions.into_iter().map(FeatureVersion::from).collect() }))
}

/// Keeps what a feature was for some entities, in training or in serving.
///
/// All of it is kept, or nothing. The same may be sent again. Needs an agent's or a person's key.
#[utoipa::path(post, path = "/v1/features/{name}/values", operation_id = "log_feature_values", tag = "models",
    extensions(("x-countersign-callers" = json!(callers::CHANGERS))),
    params(("name" = String, Path, description = "The feature", example = "purchases_7d")),
    request_body = FeatureValues, responses(
    (status = 200, description = "They are kept", body = FeatureValuesKept),
    (status = 404, description = "`not-found`: there is no such feature or version", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "`state-conflict`: another value is known for an entity and a time", body = Problem, content_type = "application/problem+json"),
))]
async fn log_values(
    State(app): State<App>,
    _: AnyChanger,
    Named(name): Named<String>,
    Json(sent): Json<FeatureValues>,
) -> Result<Json<FeatureValuesKept>, Fault> {
    let FeatureValues { version, side, values } = sent;
    let side = match side {
        SideName::Training => FeatureSide::Training,
        SideName::Serving => FeatureSide::Serving,
    };
    let rows = values.into_iter().map(row).collect::<Result<Vec<_>, _>>()?;
    let batch = ValueBatch { version, side, rows };
    let new = tracked(&app, move |tracking| tracking.log_feature_values(name, batch)).await?;
    Ok(Json(FeatureValuesKept { new }))
}

fn row(sent: FeatureValue) -> Result<Row, Fault> {
    let FeatureValue { entity, at, value } = sent;
    let value = match value {
        serde_json::Value::Null => Value::Missing,
        serde_json::Value::Bool(value) => Value::Text(value.to_string()),
        serde_json::Value::String(text) => Value::Text(text),
        serde_json::Value::Number(number) => {
            let number = number.as_f64().ok_or_else(|| invalid("a value is no double"))?;
            Value::number(number.to_bits())
        }
        _ => return Err(invalid("a value is a number, a text, true, false or null")),
    };
    Ok(Row { entity, at, value })
}

/// Lists the definitions of features that a run says it used.
///
/// Needs any key.
#[utoipa::path(get, path = "/v1/runs/{run}/features", operation_id = "list_run_features", tag = "models",
    extensions(("x-countersign-callers" = json!(callers::HOLDERS))),
    params(("run" = String, Path, description = "The id of a run", example = "3f1c9d0a6f0b4a8e9d6f1c2b3a495867")),
    responses(
    (status = 200, description = "The versions", body = FeatureVersions),
    (status = 404, description = "`not-found`: there is no such run", body = Problem, content_type = "application/problem+json"),
))]
async fn of_run(State(app): State<App>, _: Anyone, Named(run): Named<String>) -> Result<Json<FeatureVersions>, Fault> {
    let versions = tracked(&app, move |tracking| tracking.features_of(&run)).await?;
    Ok(Json(FeatureVersions { features: versions.into_iter().map(FeatureVersion::from).collect() }))
}

/// Notes which definitions of features a run used.
///
/// Each becomes a dataset that the run has read, with the digest of the definition: so it is part of the run's lineage and of its
/// diagnosis. Needs an agent's or a person's key.
#[utoipa::path(post, path = "/v1/runs/{run}/features", operation_id = "name_run_features", tag = "models",
    extensions(("x-countersign-callers" = json!(callers::CHANGERS))),
    params(("run" = String, Path, description = "The id of a run", example = "3f1c9d0a6f0b4a8e9d6f1c2b3a495867")),
    request_body = RunFeatures, responses(
    (status = 200, description = "They are noted", body = FeatureVersions),
    (status = 404, description = "`not-found`: there is no such run, feature or version", body = Problem, content_type = "application/problem+json"),
))]
async fn name_of_run(
    State(app): State<App>,
    _: AnyChanger,
    Named(run): Named<String>,
    Json(RunFeatures { features }): Json<RunFeatures>,
) -> Result<Json<FeatureVersions>, Fault> {
    if features.len() > NAMED_MAX {
        return Err(invalid(format!("at most {NAMED_MAX} features are named at once")));
    }
    let named = features.into_iter().map(|FeatureName { name, version }| NamedFeature { name, version }).collect();
    let versions = tracked(&app, move |tracking| tracking.name_features(run, named)).await?;
    Ok(Json(FeatureVersions { features: versions.into_iter().map(FeatureVersion::from).collect() }))
}
