//! What MLflow's server answers, as items.

use types::imports::{
    Dataset, Experiment, LoggedModel, ModelPoint, ModelVersion, Output, Pair, Point, RegisteredModel, Run,
};

use crate::Given;

/// Says what of an answer makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Senseless(pub String);

type Read<T> = Result<T, Senseless>;

/// Is something that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<T> {
    /// What is taken over of it.
    pub item: T,
    /// Where its files are at the source; empty if it has none.
    pub files: String,
    /// The fields that the source has and that are not kept here, by name.
    pub beyond: Vec<String>,
}

/// Is a run with the metrics that it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundRun {
    /// The run.
    pub run: Found<Run>,
    /// The names of its metrics.
    pub metrics: Vec<String>,
}

/// Is a logged model with its points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundModel {
    /// The model.
    pub model: Found<LoggedModel>,
    /// The points of its metrics.
    pub points: Vec<ModelPoint>,
}

/// Is a registered model with the aliases that its versions have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundRegistered {
    /// The model.
    pub model: Found<RegisteredModel>,
    /// The aliases, each with the number of its version.
    pub aliases: Vec<(String, i64)>,
}

/// Is a version with the stage that it is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundVersion {
    /// The version.
    pub version: Found<ModelVersion>,
    /// Its stage; `None` where it is in none.
    pub stage: String,
}

/// Is a file or a folder of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its path, as it is listed.
    pub path: String,
    /// How many bytes it has; nothing for a folder.
    pub size: Option<u64>,
}

fn missing(of: &str, name: &str) -> Senseless {
    Senseless(format!("a {of} has no `{name}`"))
}

/// Reads a text; what is not there is empty.
fn text(of: &Given, name: &str) -> Read<String> {
    match of.member(name) {
        None | Some(Given::Null) => Ok(String::new()),
        Some(Given::Text(text)) => Ok(text.clone()),
        Some(_) => Err(Senseless(format!("`{name}` is no text"))),
    }
}

/// Reads a text that must be there.
fn needed(what: &str, of: &Given, name: &str) -> Read<String> {
    let text = text(of, name)?;
    if text.is_empty() { Err(missing(what, name)) } else { Ok(text) }
}

/// Reads a whole number, which may stand in quotes; nothing if it is not there.
fn some_whole(of: &Given, name: &str) -> Read<Option<i64>> {
    let digits = match of.member(name) {
        None | Some(Given::Null) => return Ok(None),
        Some(Given::Integer(digits) | Given::Text(digits)) => digits,
        Some(_) => return Err(Senseless(format!("`{name}` is no whole number"))),
    };
    digits.parse().map(Some).map_err(|_| Senseless(format!("`{name}` is no whole number of 64 bits")))
}

fn whole(of: &Given, name: &str) -> Read<i64> {
    Ok(some_whole(of, name)?.unwrap_or(0))
}

fn needed_whole(what: &str, of: &Given, name: &str) -> Read<i64> {
    some_whole(of, name)?.ok_or_else(|| missing(what, name))
}

/// Returns the members of a list; none if it is not there.
pub fn list<'a>(of: &'a Given, name: &str) -> Read<&'a [Given]> {
    match of.member(name) {
        None | Some(Given::Null) => Ok(&[]),
        Some(Given::List(all)) => Ok(all),
        Some(_) => Err(Senseless(format!("`{name}` is no list"))),
    }
}

/// Returns where the next page of an answer begins; nothing on the last one.
///
/// # Errors
///
/// What is no text.
pub fn next_page(answer: &Given) -> Read<Option<String>> {
    Ok(Some(text(answer, "next_page_token")?).filter(|token| !token.is_empty()))
}

fn pairs(of: &Given, name: &str) -> Read<Vec<Pair>> {
    list(of, name)?.iter().map(|pair| Ok((text(pair, "key")?, text(pair, "value")?))).collect()
}

/// Names the fields that are not known, and hold something.
fn beyond(of: &Given, known: &[&str]) -> Vec<String> {
    let Given::Map(members) = of else { return Vec::new() };
    let holds = |value: &Given| match value {
        Given::Null | Given::Bool(false) => false,
        Given::Text(text) => !text.is_empty(),
        Given::Integer(digits) => digits != "0",
        Given::List(all) => !all.is_empty(),
        Given::Map(all) => !all.is_empty(),
        Given::Bool(true) | Given::Float(_) => true,
    };
    let unknown = members.iter().filter(|(name, value)| !known.contains(&name.as_str()) && holds(value));
    unknown.map(|(name, _)| name.clone()).collect()
}

fn member<'a>(what: &str, of: &'a Given, name: &str) -> Read<&'a Given> {
    of.member(name).ok_or_else(|| missing(what, name))
}

/// Reads an experiment.
///
/// # Errors
///
/// A field that is missing or of another kind.
pub fn experiment(given: &Given) -> Read<Found<Experiment>> {
    const KNOWN: [&str; 8] = [
        "experiment_id",
        "name",
        "artifact_location",
        "lifecycle_stage",
        "last_update_time",
        "creation_time",
        "tags",
        "workspace",
    ];
    let item = Experiment {
        id: needed_whole("experiment", given, "experiment_id")?,
        name: needed("experiment", given, "name")?,
        location: None,
        stage: needed("experiment", given, "lifecycle_stage")?,
        created: whole(given, "creation_time")?,
        updated: whole(given, "last_update_time")?,
        tags: pairs(given, "tags")?,
    };
    Ok(Found { item, files: text(given, "artifact_location")?, beyond: beyond(given, &KNOWN) })
}

/// Reads a run.
///
/// # Errors
///
/// A field that is missing or of another kind.
pub fn run(given: &Given) -> Read<FoundRun> {
    const KNOWN: [&str; 10] = [
        "run_id",
        "run_uuid",
        "run_name",
        "experiment_id",
        "user_id",
        "status",
        "start_time",
        "end_time",
        "artifact_uri",
        "lifecycle_stage",
    ];
    let info = member("run", given, "info")?;
    let nothing = Given::Null;
    let part = |name: &str| given.member(name).unwrap_or(&nothing);
    let (data, inputs, outputs) = (part("data"), part("inputs"), part("outputs"));
    let models = list(inputs, "model_inputs")?.iter().map(|model| needed("model input", model, "model_id"));
    let made =
        |model: &Given| Ok(Output { model: needed("model output", model, "model_id")?, step: whole(model, "step")? });
    let item = Run {
        id: needed("run", info, "run_id")?,
        experiment: needed_whole("run", info, "experiment_id")?,
        name: text(info, "run_name")?,
        user: text(info, "user_id")?,
        status: needed("run", info, "status")?,
        started: whole(info, "start_time")?,
        ended: some_whole(info, "end_time")?,
        stage: needed("run", info, "lifecycle_stage")?,
        location: None,
        tags: pairs(data, "tags")?,
        params: pairs(data, "params")?,
        datasets: list(inputs, "dataset_inputs")?.iter().map(dataset).collect::<Read<_>>()?,
        model_inputs: models.collect::<Read<_>>()?,
        model_outputs: list(outputs, "model_outputs")?.iter().map(made).collect::<Read<_>>()?,
    };
    let metrics = list(data, "metrics")?.iter().map(|metric| needed("metric", metric, "key"));
    let metrics = metrics.collect::<Read<_>>()?;
    Ok(FoundRun { run: Found { item, files: text(info, "artifact_uri")?, beyond: beyond(info, &KNOWN) }, metrics })
}

fn dataset(input: &Given) -> Read<Dataset> {
    let set = member("dataset input", input, "dataset")?;
    Ok(Dataset {
        name: needed("dataset", set, "name")?,
        digest: text(set, "digest")?,
        source_type: text(set, "source_type")?,
        source: text(set, "source")?,
        schema: text(set, "schema")?,
        profile: text(set, "profile")?,
        tags: pairs(input, "tags")?,
    })
}

/// Reads a point of a metric. Its value stays as it is written, to the digit.
///
/// # Errors
///
/// A field that is missing or of another kind.
pub fn point(given: &Given) -> Read<Point> {
    let value = match given.member("value") {
        Some(Given::Integer(text) | Given::Float(text) | Given::Text(text)) => text.clone(),
        // A zero is left out by some.
        None => "0".to_owned(),
        Some(_) => return Err(Senseless("the `value` of a metric is no number".to_owned())),
    };
    Ok(Point {
        key: needed("metric", given, "key")?,
        at: whole(given, "timestamp")?,
        step: whole(given, "step")?,
        value,
    })
}

/// Reads a logged model.
///
/// - `is_deleted`: whether it was deleted, which the answer does not say.
///
/// # Errors
///
/// A field that is missing or of another kind.
pub fn logged_model(given: &Given, is_deleted: bool) -> Read<FoundModel> {
    const KNOWN: [&str; 11] = [
        "model_id",
        "experiment_id",
        "name",
        "creation_timestamp_ms",
        "last_updated_timestamp_ms",
        "artifact_uri",
        "status",
        "model_type",
        "source_run_id",
        "tags",
        // What the registry has says the same.
        "registrations",
    ];
    let info = member("logged model", given, "info")?;
    let nothing = Given::Null;
    let data = given.member("data").unwrap_or(&nothing);
    let item = LoggedModel {
        id: needed("logged model", info, "model_id")?,
        experiment: needed_whole("logged model", info, "experiment_id")?,
        name: needed("logged model", info, "name")?,
        status: needed("logged model", info, "status")?,
        model_type: text(info, "model_type")?,
        source_run: text(info, "source_run_id")?,
        created: whole(info, "creation_timestamp_ms")?,
        updated: whole(info, "last_updated_timestamp_ms")?,
        stage: if is_deleted { "deleted" } else { "active" }.to_owned(),
        location: None,
        params: pairs(data, "params")?,
        tags: pairs(info, "tags")?,
    };
    let points = list(data, "metrics")?.iter().map(model_point).collect::<Read<_>>()?;
    Ok(FoundModel { model: Found { item, files: text(info, "artifact_uri")?, beyond: beyond(info, &KNOWN) }, points })
}

fn model_point(given: &Given) -> Read<ModelPoint> {
    let name = text(given, "dataset_name")?;
    let dataset = if name.is_empty() { None } else { Some((name, text(given, "dataset_digest")?)) };
    Ok(ModelPoint { point: point(given)?, run: text(given, "run_id")?, dataset })
}

/// Reads a registered model.
///
/// # Errors
///
/// A field that is missing or of another kind.
pub fn registered_model(given: &Given) -> Read<FoundRegistered> {
    const KNOWN: [&str; 8] = [
        "name",
        "creation_timestamp",
        "last_updated_timestamp",
        "description",
        "latest_versions",
        "tags",
        "aliases",
        "workspace",
    ];
    let alias = |given: &Given| Ok((needed("alias", given, "alias")?, needed_whole("alias", given, "version")?));
    let item = RegisteredModel {
        name: needed("registered model", given, "name")?,
        description: text(given, "description")?,
        created: whole(given, "creation_timestamp")?,
        updated: whole(given, "last_updated_timestamp")?,
        tags: pairs(given, "tags")?,
        last: 0,
    };
    let aliases = list(given, "aliases")?.iter().map(alias).collect::<Read<_>>()?;
    Ok(FoundRegistered { model: Found { item, files: String::new(), beyond: beyond(given, &KNOWN) }, aliases })
}

/// Reads a version of a registered model.
///
/// # Errors
///
/// A field that is missing or of another kind.
pub fn model_version(given: &Given) -> Read<FoundVersion> {
    // Of a logged model that is taken over, its parameters and metrics come with it.
    const KNOWN: [&str; 16] = [
        "name",
        "version",
        "creation_timestamp",
        "last_updated_timestamp",
        "current_stage",
        "description",
        "source",
        "run_id",
        "run_link",
        "status",
        "tags",
        "aliases",
        "model_id",
        "model_params",
        "model_metrics",
        "workspace",
    ];
    let what = "version of a registered model";
    let item = ModelVersion {
        name: needed(what, given, "name")?,
        number: needed_whole(what, given, "version")?,
        created: whole(given, "creation_timestamp")?,
        updated: whole(given, "last_updated_timestamp")?,
        description: text(given, "description")?,
        source: text(given, "source")?,
        run: text(given, "run_id")?,
        run_link: text(given, "run_link")?,
        tags: pairs(given, "tags")?,
        model: text(given, "model_id")?,
        path: None,
    };
    let mut beyond = beyond(given, &KNOWN);
    let status = text(given, "status")?;
    if !matches!(status.as_str(), "" | "READY") {
        beyond.push(format!("status {status}"));
    }
    let stage = Some(text(given, "current_stage")?).filter(|stage| !stage.is_empty());
    Ok(FoundVersion {
        version: Found { item, files: String::new(), beyond },
        stage: stage.unwrap_or_else(|| "None".to_owned()),
    })
}

/// Reads an entry of a listing.
///
/// # Errors
///
/// A field that is missing or of another kind.
pub fn entry(given: &Given) -> Read<Entry> {
    let is_folder = given.member("is_dir") == Some(&Given::Bool(true));
    let bytes = u64::try_from(whole(given, "file_size")?).map_err(|_| Senseless("a file has no size".to_owned()))?;
    Ok(Entry { path: needed("file", given, "path")?, size: (!is_folder).then_some(bytes) })
}

/// Returns where a source is below an address; nothing if it is elsewhere.
pub fn path_below(source: &str, address: &str) -> Option<String> {
    let rest = source.strip_prefix(address.trim_end_matches('/'))?;
    let path = rest.trim_matches('/');
    (!address.is_empty() && (rest.is_empty() || rest.starts_with('/'))).then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn given(json: &str) -> Given {
        Given::read(json).unwrap()
    }

    #[test]
    fn a_run_is_read_with_what_belongs_to_it() {
        let text = r#"{"info": {"run_id": "a", "run_uuid": "a", "run_name": "n", "experiment_id": "3", "user_id": "u", "status": "FINISHED",
            "start_time": 5, "end_time": "7", "artifact_uri": "mlflow-artifacts:/3/a/artifacts", "lifecycle_stage": "deleted", "mood": "good"},
            "data": {"metrics": [{"key": "auc", "value": 0.1, "timestamp": 1, "step": 2}], "params": [{"key": "lr", "value": "0.1"}],
                "tags": [{"key": "t"}]},
            "inputs": {"dataset_inputs": [{"tags": [{"key": "c", "value": "train"}], "dataset": {"name": "d", "digest": "1", "source_type": "s",
                "source": "x"}}], "model_inputs": [{"model_id": "m-1"}]},
            "outputs": {"model_outputs": [{"model_id": "m-2", "step": 9}]}}"#;
        let FoundRun { run, metrics } = super::run(&given(text)).unwrap();
        assert_eq!((run.beyond, metrics), (vec!["mood".to_owned()], vec!["auc".to_owned()]));
        assert_eq!(run.files, "mlflow-artifacts:/3/a/artifacts");
        let run = run.item;
        assert_eq!((run.id.as_str(), run.experiment, run.started, run.ended), ("a", 3, 5, Some(7)));
        assert_eq!((run.stage.as_str(), run.tags), ("deleted", vec![("t".to_owned(), String::new())]));
        assert_eq!(run.datasets.first().unwrap().tags, [("c".to_owned(), "train".to_owned())]);
        assert_eq!(run.model_inputs, ["m-1"]);
        assert_eq!(run.model_outputs, [Output { model: "m-2".into(), step: 9 }]);
    }

    #[test]
    fn a_value_stays_to_the_digit() {
        for (json, value) in [
            (r#"{"key": "k", "value": 0.1000000000000000055511151231257827}"#, "0.1000000000000000055511151231257827"),
            (r#"{"key": "k", "value": "NaN"}"#, "NaN"),
            (r#"{"key": "k", "value": NaN}"#, "NaN"),
            (r#"{"key": "k", "value": "-Infinity"}"#, "-Infinity"),
            (r#"{"key": "k", "value": 1e308}"#, "1e308"),
            (r#"{"key": "k"}"#, "0"),
        ] {
            assert_eq!(point(&given(json)).unwrap().value, value);
        }
        let negative =
            point(&given(r#"{"key": "k", "value": 1, "step": -3, "timestamp": "9007199254740993"}"#)).unwrap();
        assert_eq!((negative.step, negative.at), (-3, 9_007_199_254_740_993));
    }

    #[test]
    fn what_makes_no_sense_is_said() {
        let said = |read: Result<(), Senseless>| read.unwrap_err().0;
        let run = |text: &str| said(super::run(&given(text)).map(drop));
        assert_eq!(run("{}"), "a run has no `info`");
        assert_eq!(run(r#"{"info": {"run_id": 3}}"#), "`run_id` is no text");
        let wrong = r#"{"info": {"run_id": "a", "experiment_id": "x"}}"#;
        assert_eq!(run(wrong), "`experiment_id` is no whole number of 64 bits");
        assert_eq!(said(entry(&given(r#"{"path": "a", "file_size": -1}"#)).map(drop)), "a file has no size");
        assert_eq!(
            said(point(&given(r#"{"key": "k", "value": [1]}"#)).map(drop)),
            "the `value` of a metric is no number"
        );
        assert_eq!(said(next_page(&given(r#"{"next_page_token": 1}"#)).map(drop)), "`next_page_token` is no text");
    }

    #[test]
    fn a_source_is_below_an_address_by_whole_segments() {
        assert_eq!(path_below("file:///m/1/a/artifacts/model", "file:///m/1/a/artifacts").as_deref(), Some("model"));
        assert_eq!(path_below("s3://b/x", "s3://b/x/").as_deref(), Some(""));
        assert_eq!(path_below("s3://b/xy", "s3://b/x"), None);
        assert_eq!(path_below("s3://b/x", ""), None);
    }
}
