//! `runs/log-…` and `metrics/…`: what runs log, and its history.

use control::tracking::kept::{Dataset, Input, Metric, OnDataset, Output};
use control::tracking::{Answer, ErrorCode, Logged, LoggedMetric, OfModel, Refused, Tracking};
use models::names::Kind;
use serde_json::Value;

use super::asked::{Asked, Field, RUN_ID};
use super::experiments::nothing;
use super::{Call, shown};

const KEY: Field = Field::new("key", Kind::Text).required();
const VALUE: Field = Field::new("value", Kind::Text);

const METRIC: [Field; 7] = [
    KEY,
    Field::new("value", Kind::Float).required(),
    Field::new("timestamp", Kind::Integer).required(),
    Field::new("step", Kind::Integer),
    MODEL_ID,
    DATASET_NAME,
    DATASET_DIGEST,
];

const MODEL_ID: Field = Field::new("model_id", Kind::Text);
const DATASET_NAME: Field = Field::new("dataset_name", Kind::Text);
const DATASET_DIGEST: Field = Field::new("dataset_digest", Kind::Text);

pub(super) const CALLS: &[Call] = &[
    Call::post(
        "runs/log-metric",
        &[
            RUN_ID,
            KEY,
            Field::new("value", Kind::Float).required(),
            Field::new("timestamp", Kind::Integer).required(),
            Field::new("step", Kind::Integer),
            MODEL_ID,
            DATASET_NAME,
            DATASET_DIGEST,
        ],
        |tracking, asked| tracking.log_metric(asked.run_id(), metric(asked)?).map(nothing),
    ),
    Call::post("runs/log-parameter", &[RUN_ID, KEY, VALUE], |tracking, asked| {
        tracking.log_param(asked.run_id(), asked.pair()).map(nothing)
    }),
    Call::post("runs/set-tag", &[RUN_ID, KEY, VALUE], |tracking, asked| {
        tracking.tag_run(asked.run_id(), asked.pair()).map(nothing)
    }),
    Call::post("runs/delete-tag", &[Field::new("run_id", Kind::Text).required(), KEY], |tracking, asked| {
        tracking.untag_run(asked.text("run_id"), asked.text("key")).map(nothing)
    }),
    Call::post(
        "runs/log-batch",
        &[RUN_ID, Field::new("metrics", Kind::List), Field::new("params", Kind::List), Field::new("tags", Kind::List)],
        batch,
    ),
    Call::post(
        "runs/log-inputs",
        &[
            Field::new("run_id", Kind::Text).required(),
            Field::new("datasets", Kind::List),
            Field::new("models", Kind::List),
        ],
        inputs,
    ),
    Call::post(
        "runs/outputs",
        &[Field::new("run_id", Kind::Text).required(), Field::new("models", Kind::List).required()],
        outputs,
    ),
    Call::post(
        "runs/log-model",
        &[Field::new("run_id", Kind::Text).required(), Field::new("model_json", Kind::Text).required()],
        |tracking, asked| tracking.log_model_history(asked.text("run_id"), &asked.text("model_json")).map(nothing),
    ),
    Call::get(
        "metrics/get-history",
        &[
            RUN_ID,
            Field::new("metric_key", Kind::Text).required(),
            Field::new("page_token", Kind::Text),
            Field::new("max_results", Kind::Text),
        ],
        history,
    ),
];

fn metric(asked: &Asked) -> Answer<LoggedMetric> {
    let metric = Metric {
        key: asked.text("key"),
        value: asked.number("value")?,
        at: asked.integer("timestamp")?,
        step: asked.integer("step")?,
    };
    let given = |name| asked.some_text(name).filter(|text| !text.is_empty());
    let on = match (given("dataset_name"), given("dataset_digest")) {
        (None, None) => None,
        (Some(name), Some(digest)) => Some(OnDataset { name, digest: Some(digest) }),
        _ => {
            let message = "Both dataset_name and dataset_digest must be provided if one is provided";
            return Err(Refused::new(ErrorCode::InvalidParameterValue, message));
        }
    };
    Ok(LoggedMetric { metric, of: given("model_id").map(|model| OfModel { model, on }) })
}

fn batch(tracking: &Tracking, asked: &Asked) -> Answer<Value> {
    let metrics = asked.each("metrics", &METRIC)?;
    let batch = Logged {
        metrics: metrics.iter().map(metric).collect::<Answer<_>>()?,
        params: asked.keyed_pairs("params")?,
        tags: asked.keyed_pairs("tags")?,
    };
    // MLflow looks at the newer name alone here.
    tracking.log_batch(asked.text("run_id"), batch).map(nothing)
}

fn inputs(tracking: &Tracking, asked: &Asked) -> Answer<Value> {
    let dataset = |asked: &Asked| {
        let of = asked.object("dataset");
        let dataset = Dataset {
            name: of.text("name"),
            digest: of.text("digest"),
            kind: of.text("source_type"),
            source: of.text("source"),
            schema: of.text("schema"),
            profile: of.text("profile"),
        };
        Ok(Input { dataset, tags: asked.pairs("tags")? })
    };
    let datasets = asked.each("datasets", &[])?.iter().map(dataset).collect::<Answer<_>>()?;
    let models = asked.each("models", &[])?.iter().map(|model| model.text("model_id")).collect();
    tracking.log_inputs(asked.text("run_id"), datasets, models).map(nothing)
}

fn outputs(tracking: &Tracking, asked: &Asked) -> Answer<Value> {
    let output = |asked: &Asked| Ok(Output { model: asked.text("model_id"), step: asked.integer("step")? });
    let models = asked.each("models", &[])?.iter().map(output).collect::<Answer<_>>()?;
    tracking.log_outputs(asked.text("run_id"), models).map(nothing)
}

fn history(tracking: &Tracking, asked: &Asked) -> Answer<Value> {
    // MLflow passes over a limit that is no number.
    let limit: Option<i64> = asked.some_text("max_results").and_then(|limit| limit.parse().ok());
    let (run, key, token) = (asked.run_id(), asked.text("metric_key"), asked.text("page_token"));
    Ok(shown::page("metrics", &tracking.metric_history(&run, &key, limit, &token)?, shown::metric))
}
