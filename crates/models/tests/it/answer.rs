//! What the crate answers to a vector, in the form that the vectors have.

use countersign_models::order::{self, ModelField, ModelTerm, Term};
use countersign_models::page::{self, LoggedModelsSearch};
use countersign_models::search::{Clause, Noun, NumberKind, Value as Right};
use countersign_models::source::{self, Claim, Owner, Reference};
use countersign_models::{Given, Refusal, names};
use serde_json::{Value, json};

/// Answers a vector's question.
pub fn answer(of: &str, given: &Value) -> Value {
    match read(of, &expanded(given)) {
        Ok(read) => json!({ "read": read }),
        Err(refusal) => {
            let mut refused = json!({ "code": refusal.code(), "message": refusal.message() });
            if (refusal.class(), refusal.sqlstate()) != ("INVALID_PARAMETER_VALUE", "KAM00") {
                refused["class"] = json!(refusal.class());
                refused["sqlstate"] = json!(refusal.sqlstate());
            }
            json!({ "refused": refused })
        }
    }
}

/// Writes out texts that repeat.
pub fn expanded(given: &Value) -> Value {
    match given {
        Value::Object(members) if members.contains_key("repeat") => {
            let [text, times] = members["repeat"].as_array().unwrap().as_slice() else { panic!("{given}") };
            json!(text.as_str().unwrap().repeat(times.as_u64().unwrap() as usize))
        }
        Value::Array(values) => values.iter().map(expanded).collect(),
        other => other.clone(),
    }
}

fn read(of: &str, given: &Value) -> Result<Value, Refusal> {
    if let Some(noun) = noun(of) {
        return Ok(noun.filter(text(given))?.iter().map(|one| clause(noun, one)).collect());
    }
    match of.split_once(' ') {
        Some(("order", noun)) => ordered(noun, given),
        Some(("parameter", kind)) => parameter(kind, &Given::read(text(given)).unwrap()),
        Some(("size", of)) => size(of, given.as_i64().unwrap()).map(|()| Value::Null),
        Some(("model", _)) | Some(("page", _)) => paged(of, given),
        Some(("source", of)) => sourced(of, given),
        _ if of == "page" => paged(of, given),
        _ => named(of, given),
    }
}

pub fn noun(of: &str) -> Option<Noun> {
    Some(match of {
        "runs" => Noun::Runs,
        "experiments" => Noun::Experiments,
        "registered_models" => Noun::RegisteredModels,
        "model_versions" => Noun::ModelVersions,
        "logged_models" => Noun::LoggedModels,
        "traces" => Noun::Traces,
        _ => return None,
    })
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// Writes a clause; MLflow makes floats of metrics, and of every number where logged models are searched.
fn clause(noun: Noun, clause: &Clause) -> Value {
    let is_float = noun == Noun::LoggedModels || clause.entity.name() == "metric";
    let right = match &clause.value {
        Right::Text(text) => json!({ "text": text }),
        Right::List(texts) => json!({ "list": texts }),
        Right::Null => Value::Null,
        Right::Number(number) if is_float || number.kind != NumberKind::Integer => {
            json!({ "float": number.as_float_text() })
        }
        Right::Number(number) => json!({ "integer": number.as_integer_text() }),
    };
    json!([clause.entity.name(), clause.key, clause.comparator.text(), right])
}

fn ordered(noun: &str, given: &Value) -> Result<Value, Refusal> {
    if noun == "logged_models" {
        let fields: Vec<ModelField> = given.as_array().unwrap().iter().map(field).collect();
        return Ok(order::logged_models(&fields)?.iter().map(model_term).collect());
    }
    let order_by: Vec<&str> = given.as_array().unwrap().iter().map(text).collect();
    let terms = match noun {
        "runs" => order::runs(&order_by),
        "experiments" => order::experiments(&order_by),
        "registered_models" => order::registered_models(&order_by),
        "traces" => order::traces(&order_by),
        _ => order::model_versions(&order_by),
    };
    let term = |term: &Term| json!([term.entity.name(), term.key, term.ascending]);
    Ok(terms?.iter().map(term).collect())
}

fn field(given: &Value) -> ModelField {
    let optional = |name: &str| given[name].as_str().map(str::to_owned);
    ModelField {
        field_name: text(&given["field_name"]).to_owned(),
        ascending: given["ascending"].as_bool().unwrap_or(true),
        dataset_name: optional("dataset_name"),
        dataset_digest: optional("dataset_digest"),
    }
}

fn model_term(term: &ModelTerm) -> Value {
    let column = if term.term.entity.name() == "metric" { "metric_value" } else { &term.term.key };
    json!([column, term.term.ascending])
}

fn parameter(kind: &str, given: &Given) -> Result<Value, Refusal> {
    use names::Kind;
    let kind = match kind {
        "required" => return names::required("run_id", Some(given)).map(|()| Value::Null),
        "at_most" => return names::at_most("max_results", given, 1000).map(|()| Value::Null),
        "text" => Kind::Text,
        "integer" => Kind::Integer,
        "float" => Kind::Float,
        "bool" => Kind::Bool,
        "list" => Kind::List,
        _ => Kind::Texts,
    };
    names::parameter("run_id", given, kind).map(|()| Value::Null)
}

fn size(of: &str, size: i64) -> Result<(), Refusal> {
    match of {
        "tracking" => page::tracking_size(size),
        "registered_models" => page::registered_models_size(size),
        _ => page::model_versions_size(size),
    }
}

fn paged(of: &str, given: &Value) -> Result<Value, Refusal> {
    match of {
        "page" => Ok(json!(page::read(text(given))?)),
        "page written" => Ok(json!(page::write(given.as_u64().unwrap()))),
        "model page" => Ok(json!(search(&given[0]).read(text(&given[1]))?)),
        _ => {
            let search = search(&given[0]);
            let offset = given[1].as_u64().unwrap();
            let token = search.write(offset);
            assert_eq!(search.read(&token), Ok(offset));
            let bytes = base64_decoded(&token);
            Ok(serde_json::from_slice(&bytes).unwrap())
        }
    }
}

/// Decodes base64 with padding, written down once more so that the tests need no decoder of the crate.
fn base64_decoded(token: &str) -> Vec<u8> {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bits, mut held, mut bytes) = (0_u32, 0, Vec::new());
    for c in token.trim_end_matches('=').chars() {
        bits = (bits << 6 | DIGITS.find(c).unwrap() as u32) & 0xffff;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    bytes
}

fn search(given: &Value) -> LoggedModelsSearch {
    LoggedModelsSearch {
        experiment_ids: given[0].as_array().unwrap().iter().map(|id| text(id).to_owned()).collect(),
        filter: given[1].as_str().map(str::to_owned),
        order_by: given[2].as_array().map(|fields| fields.iter().map(field).collect()),
    }
}

/// Answers what is asked of a source; of an owner's, `given` is the source, the owner's id, and where its files are, if it is there.
fn sourced(of: &str, given: &Value) -> Result<Value, Refusal> {
    let owner = match of {
        "prompt" => return source::prompt(text(given)).map(|()| Value::Null),
        "reference" => return Ok(source::reference(text(given))?.map_or(Value::Null, referred)),
        "run" => Owner::Run,
        _ => Owner::Model,
    };
    let (address, id) = (text(&given[0]), text(&given[1]));
    source::no_host(address)?;
    source::reference(address)?;
    if source::claim(address, owner, id)? == Claim::Within {
        let place = given[2].as_str().ok_or_else(|| source::unowned(address, owner))?;
        if !source::is_within(address, place) {
            return Err(source::outside(address, owner));
        }
    }
    Ok(Value::Null)
}

fn referred(reference: Reference) -> Value {
    match reference {
        Reference::Logged(id) => json!({ "logged": id }),
        Reference::Version { name, number } => json!({ "name": name, "version": number }),
        Reference::Latest { name, stage } => json!({ "name": name, "stage": stage }),
        Reference::Alias { name, alias } => json!({ "name": name, "alias": alias }),
    }
}

/// Answers a check of one or several texts. A value that may be cut is answered whole if short, else by its length.
fn named(of: &str, given: &Value) -> Result<Value, Refusal> {
    let all: Vec<&str> = given.as_array().into_iter().flatten().map(|one| one.as_str().unwrap_or_default()).collect();
    let one = given.as_str().unwrap_or_default();
    let is_given = |at: usize| given[at].as_str();
    let done = |_: ()| Value::Null;
    let shown = |value: &str| if value.len() < 100 { json!(value) } else { json!(value.chars().count()) };
    match of {
        "run_id" => names::run_id(one, "run_id").map(done),
        "experiment_number" => names::experiment_number(one).map(Value::from),
        "experiment_name" => names::experiment_name(one).map(done),
        "artifact_location" => names::artifact_location(one).map(done),
        "model_name" => names::model_name(one).map(done),
        "new_model_name" => names::new_model_name(one).map(done),
        "version" => names::version(one).map(Value::from),
        "stage" => names::stage(one).map(|stage| json!(stage.name())),
        "alias" => names::alias(one).map(done),
        "alias_not_reserved" => names::alias_not_reserved(one).map(done),
        "logged_model_name" => names::logged_model_name(one).map(done),
        "metric_name" => names::metric_name(one, "metrics[0].name").map(done),
        "param_name" => names::param_name(one, "params[3].key").map(done),
        "tag_name" => names::tag_name(one, "key").map(done),
        "param" => names::param(all[0], all[1], all[2]).map(shown),
        "tag" => names::tag(all[0], all[1], all[2]).map(shown),
        "experiment_tag" => names::experiment_tag(all[0], all[1]).map(done),
        "registered_model_tag" => names::registered_model_tag(all[0], all[1]).map(done),
        "model_version_tag" => names::model_version_tag(all[0], is_given(1)).map(done),
        "metric" => {
            let [value, timestamp, step] = [all[2], all[3], all[4]].map(|json| Given::read(json).unwrap());
            names::metric(all[0], all[1], &value, &timestamp, &step).map(done)
        }
        "batch_limits" => {
            let [metrics, params, tags] = [0, 1, 2].map(|at| given[at].as_u64().unwrap() as usize);
            names::batch_limits(metrics, params, tags).map(done)
        }
        "unique_params" => names::unique_params(&all).map(done),
        "dataset" => {
            let (schema, profile) = (is_given(3), is_given(4));
            names::dataset(&names::Dataset { name: all[0], digest: all[1], source: all[2], schema, profile }).map(done)
        }
        "input_tag" => names::input_tag(all[0], all[1]).map(done),
        "boolean" => names::boolean(one).map(Value::from),
        "one_spelling" => names::one_spelling(&Given::read(one).unwrap(), "run_id", "runId").map(done),
        _ => panic!("nobody answers {of}"),
    }
}
