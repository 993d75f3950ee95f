//! Traces and what was judged of them, as MLflow's clients read them.

use control::tracking::kept::{Assessment, Pair};
use control::tracking::{JudgingError, TraceShown, WholeTrace, times};
use models::Given;
use serde_json::{Map, Value, json};

use super::{Object, given, spans};

/// Is how many characters a key has that is shown, and the value of metadata.
const KEY_MAX: usize = 250;

/// Is how many characters the value of a tag has that is shown.
const TAG_MAX: usize = 4_096;

/// Shows texts by their keys, each cut.
fn cut(pairs: &[Pair], most: usize) -> Map<String, Value> {
    let cut = |text: &str, most| text.chars().take(most).collect::<String>();
    pairs.iter().map(|pair| (cut(&pair.key, KEY_MAX), cut(&pair.value, most).into())).collect()
}

fn with_map(object: Object, name: &str, map: Map<String, Value>) -> Object {
    if map.is_empty() { object } else { object.with(name, map) }
}

/// Shows a trace without its spans.
pub(in super::super) fn trace(trace: &TraceShown) -> Value {
    let info = &trace.info;
    let experiment = json!({ "experiment_id": info.experiment.to_string() });
    let object = Object::default()
        .with("trace_id", info.id.clone())
        .with_some("client_request_id", info.client_request.clone())
        .with("trace_location", json!({ "type": "MLFLOW_EXPERIMENT", "mlflow_experiment": experiment }))
        .with_some("request_preview", info.request.clone())
        .with_some("response_preview", info.response.clone())
        .with("request_time", times::written_instant(info.at))
        .with_some("execution_duration", info.took.map(times::written_duration))
        .with("state", info.state.clone())
        .with_list("assessments", trace.assessments.iter().map(|one| assessment(&info.id, one)).collect());
    let object = with_map(object, "trace_metadata", cut(&trace.metadata, KEY_MAX));
    with_map(object, "tags", cut(&trace.tags, TAG_MAX)).value()
}

/// Shows a trace with its spans.
pub(in super::super) fn whole_trace(whole: &WholeTrace) -> Value {
    let spans = whole.spans.iter().filter_map(|content| spans::span(content)).collect();
    Object::default().with("trace_info", trace(&whole.trace)).with_list("spans", spans).value()
}

/// Shows an assessment of a trace.
pub(in super::super) fn assessment(trace: &str, shown: &Assessment) -> Value {
    let source =
        Object::default().with("source_type", shown.source_kind.clone()).with_some("source_id", shown.source.clone());
    let (kind, value) = judgement(shown);
    let metadata = shown.metadata.as_deref().and_then(Given::read);
    Object::default()
        .with("assessment_id", shown.id.clone())
        .with("assessment_name", shown.name.clone())
        .with("trace_id", trace)
        .with_some("span_id", shown.span.clone())
        .with("source", source.value())
        .with("create_time", times::written_instant(shown.created))
        .with("last_update_time", times::written_instant(shown.updated))
        .with(kind, value)
        .with_some("rationale", shown.rationale.clone())
        .with_some("metadata", metadata.as_ref().map(given))
        .with_some("overrides", shown.overrides.clone())
        .with("valid", shown.valid)
        .value()
}

fn judgement(shown: &Assessment) -> (&'static str, Value) {
    let value = Given::read(&shown.value).unwrap_or(Given::Null);
    match shown.kind.as_str() {
        "expectation" if matches!(value, Given::List(_) | Given::Map(_)) => {
            let written = json!({ "serialization_format": "JSON_FORMAT", "value": shown.value });
            ("expectation", json!({ "serialized_value": written }))
        }
        "expectation" => ("expectation", json!({ "value": given(&value.with_floats()) })),
        "issue" => ("issue", given(&value)),
        _ => {
            let error = shown.error.as_deref().and_then(JudgingError::read).map(|error| {
                let some = |text: Option<String>| text.filter(|text| !text.is_empty());
                Object::default()
                    .with("error_code", error.code)
                    .with_some("error_message", some(error.message))
                    .with_some("stack_trace", some(error.stack))
                    .value()
            });
            let value = given(&value.with_floats());
            ("feedback", Object::default().with("value", value).with_some("error", error).value())
        }
    }
}
