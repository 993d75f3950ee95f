//! Registered models and their versions as MLflow's clients read them.

use control::tracking::kept::{Alias, ModelVersion};
use control::tracking::{ModelVersionShown, RegisteredModelShown};
use serde_json::{Value, json};

use super::{Object, pairs};

/// Shows a registered model.
pub(in super::super) fn registered_model(shown: &RegisteredModelShown) -> Value {
    let model = &shown.model;
    let alias = |one: &Alias| json!({ "alias": one.alias, "version": one.number.to_string() });
    Object::default()
        .with("name", model.name.clone())
        .with("creation_timestamp", model.created)
        .with("last_updated_timestamp", model.updated)
        .with_some("description", (!model.description.is_empty()).then(|| model.description.clone()))
        .with_list("latest_versions", shown.latest.iter().map(plain_version).collect())
        .with_list("tags", pairs(&model.tags))
        .with_list("aliases", model.aliases.iter().map(alias).collect())
        .value()
}

/// Shows a version without its aliases, as lists of versions have it.
pub(in super::super) fn plain_version(version: &ModelVersion) -> Value {
    object(version).value()
}

/// Shows a version.
pub(in super::super) fn model_version(shown: &ModelVersionShown) -> Value {
    object(&shown.version).with_list("aliases", shown.aliases.iter().cloned().map(Value::from).collect()).value()
}

fn object(version: &ModelVersion) -> Object {
    Object::default()
        .with("name", version.name.clone())
        .with("version", version.number.to_string())
        .with("creation_timestamp", version.created)
        .with("last_updated_timestamp", version.updated)
        .with("current_stage", version.stage.name())
        .with_some("description", version.description.clone())
        .with("source", version.source.clone())
        .with("run_id", version.run.clone())
        .with("status", "READY")
        .with_list("tags", pairs(&version.tags))
        .with("run_link", version.run_link.clone())
}
