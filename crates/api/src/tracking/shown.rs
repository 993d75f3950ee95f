//! Experiments and runs as MLflow's clients read them. What is unset or empty is left out, but where MLflow always writes it.

use control::tracking::kept::{Experiment, Input, Metric, ModelMetric, Pair, Run, Webhook};
use control::tracking::{Found, Listed, LoggedModelShown, RunShown, Status};
use models::Given;
use serde_json::{Map, Number, Value, json};

mod registry;
mod spans;
mod traces;

pub(super) use registry::{model_version, plain_version, registered_model};
pub(super) use traces::{assessment, trace, whole_trace};

/// Is an object that is put together.
#[derive(Default)]
struct Object(Map<String, Value>);

impl Object {
    fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    fn with_some(self, name: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    fn with_list(self, name: &str, values: Vec<Value>) -> Self {
        if values.is_empty() { self } else { self.with(name, values) }
    }

    fn value(self) -> Value {
        Value::Object(self.0)
    }
}

/// Writes a value as it was given; what is no number has no form in JSON but a text.
fn given(value: &Given) -> Value {
    match value {
        Given::Null => Value::Null,
        Given::Bool(value) => (*value).into(),
        Given::Integer(text) => text.parse::<i64>().map_or_else(|_| float(text), Value::from),
        Given::Float(text) => float(text),
        Given::Text(text) => text.clone().into(),
        Given::List(values) => values.iter().map(given).collect(),
        Given::Map(members) => members.iter().map(|(name, value)| (name.clone(), given(value))).collect(),
    }
}

fn float(text: &str) -> Value {
    let number = text.parse().ok().and_then(Number::from_f64);
    number.map_or_else(|| text.into(), Value::Number)
}

pub(super) fn pairs(pairs: &[Pair]) -> Vec<Value> {
    pairs.iter().map(|pair| json!({ "key": pair.key, "value": pair.value })).collect()
}

pub(super) fn experiment(experiment: &Experiment) -> Value {
    Object::default()
        .with("experiment_id", experiment.id.to_string())
        .with("name", experiment.name.clone())
        .with("artifact_location", experiment.location.clone())
        .with("lifecycle_stage", experiment.stage.name())
        .with("last_update_time", experiment.updated)
        .with("creation_time", experiment.created)
        .with_list("tags", pairs(&experiment.tags))
        .with("workspace", "default")
        .value()
}

pub(super) fn run_info(run: &Run) -> Value {
    Object::default()
        .with("run_uuid", run.id.clone())
        .with("run_id", run.id.clone())
        .with("experiment_id", run.experiment.to_string())
        .with("run_name", run.name.clone())
        .with("user_id", run.user.clone())
        .with("status", run.status.clone())
        .with("start_time", run.started)
        .with_some("end_time", run.ended.filter(|ended| *ended != 0))
        .with("artifact_uri", run.location.clone())
        .with("lifecycle_stage", run.stage.name())
        .value()
}

pub(super) fn metric(metric: &Metric) -> Value {
    // What is no number has no form in JSON but a text.
    let value = serde_json::Number::from_f64(metric.value).map_or_else(|| Value::from("NaN"), Value::Number);
    json!({ "key": metric.key, "value": value, "timestamp": metric.at, "step": metric.step })
}

fn input(input: &Input) -> Value {
    let dataset = &input.dataset;
    let some = |text: &String| (!text.is_empty()).then(|| text.clone());
    let dataset = Object::default()
        .with("name", dataset.name.clone())
        .with("digest", dataset.digest.clone())
        .with("source_type", dataset.kind.clone())
        .with("source", dataset.source.clone())
        .with_some("schema", some(&dataset.schema))
        .with_some("profile", some(&dataset.profile));
    Object::default().with_list("tags", pairs(&input.tags)).with("dataset", dataset.value()).value()
}

/// Shows a run that was just made, which has no outputs yet.
pub(super) fn new_run(shown: &RunShown) -> Value {
    json!({ "info": run_info(&shown.run), "data": data(shown), "inputs": {} })
}

/// Shows a run. A search leaves out the models that it has read.
pub(super) fn run(shown: &RunShown, with_models: bool) -> Value {
    let models = shown.model_inputs.iter().filter(|_| with_models).map(|model| json!({ "model_id": model })).collect();
    let outputs = shown.outputs.iter().map(|output| json!({ "model_id": output.model, "step": output.step })).collect();
    let inputs = Object::default()
        .with_list("dataset_inputs", shown.inputs.iter().map(input).collect())
        .with_list("model_inputs", models);
    json!({
        "info": run_info(&shown.run),
        "data": data(shown),
        "inputs": inputs.value(),
        "outputs": Object::default().with_list("model_outputs", outputs).value(),
    })
}

fn data(shown: &RunShown) -> Value {
    Object::default()
        .with_list("metrics", shown.data.metrics.iter().map(metric).collect())
        .with_list("params", pairs(&shown.data.params))
        .with_list("tags", pairs(&shown.data.tags))
        .value()
}

/// Shows a logged model.
pub(super) fn logged_model(shown: &LoggedModelShown) -> Value {
    let model = &shown.model;
    let info = Object::default()
        .with("model_id", model.id.clone())
        .with("experiment_id", model.experiment.to_string())
        .with("name", model.name.clone())
        .with("creation_timestamp_ms", model.created)
        .with("last_updated_timestamp_ms", model.updated)
        .with("artifact_uri", model.location.clone())
        .with("status", Status::name_of(model.status))
        .with("model_type", model.kind.clone())
        .with("source_run_id", model.source_run.clone().unwrap_or_default())
        .with_list("tags", pairs(&shown.tags));
    let metrics = shown.metrics.iter().map(|metric| model_metric(&model.id, metric)).collect();
    let data = Object::default().with_list("params", pairs(&shown.params)).with_list("metrics", metrics);
    json!({ "info": info.value(), "data": data.value() })
}

fn model_metric(model: &str, point: &ModelMetric) -> Value {
    let mut value = metric(&point.metric);
    if let Some(object) = value.as_object_mut() {
        if let Some(on) = &point.on {
            object.insert("dataset_name".to_owned(), on.name.clone().into());
            object.insert("dataset_digest".to_owned(), on.digest.clone().unwrap_or_default().into());
        }
        object.insert("model_id".to_owned(), model.into());
        object.insert("run_id".to_owned(), point.run.clone().into());
    }
    value
}

/// Shows a webhook. Of its secret nothing is known here.
pub(super) fn webhook(webhook: &Webhook) -> Value {
    let events = webhook.events.iter().filter_map(|event| event.split_once('.'));
    let upper =
        |(entity, action): (&str, &str)| json!({ "entity": entity.to_uppercase(), "action": action.to_uppercase() });
    let description = Some(&webhook.description).filter(|description| !description.is_empty());
    Object::default()
        .with("webhook_id", webhook.id.clone())
        .with("name", webhook.name.clone())
        .with_some("description", description.cloned())
        .with("url", webhook.url.clone())
        .with_list("events", events.map(upper).collect())
        .with("status", if webhook.active { "ACTIVE" } else { "DISABLED" })
        .with("creation_timestamp", webhook.created)
        .with("last_updated_timestamp", webhook.updated)
        .value()
}

/// Shows what a folder holds. MLflow leaves out a size of nothing.
pub(super) fn files(files: &[Listed], root: Option<String>) -> Value {
    let file = |file: &Listed| {
        Object::default()
            .with("path", file.path.clone())
            .with("is_dir", file.size.is_none())
            .with_some("file_size", file.size.filter(|size| *size > 0))
            .value()
    };
    Object::default().with_some("root_uri", root).with_list("files", files.iter().map(file).collect()).value()
}

/// Shows a page of what was found.
pub(super) fn page<T>(name: &str, found: &Found<T>, show: impl Fn(&T) -> Value) -> Value {
    Object::default()
        .with_list(name, found.items.iter().map(show).collect())
        .with_some("next_page_token", found.next_page_token.clone())
        .value()
}
