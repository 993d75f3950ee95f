//! What W&B's client leaves of a run: `run-ID.wandb`, a log of records, read block by block.
//!
//! A run becomes a run of the experiment that its project is. What stands in its configuration becomes parameters, each number of its history
//! a point of a metric. What has no place here is named, so that it can be told.

mod log;
mod record;

use std::collections::{BTreeMap, BTreeSet};

use types::Digest;
use types::imports::{Experiment, Pair, Point, Run};

use super::mlflow::Senseless;
use crate::Given;

pub use log::{BLOCK_BYTES, Log};
pub use record::{History, Record, Said, read};

/// Are the texts of the tags that a run gets of what has no other place here.
const NAME: &str = "mlflow.runName";
const NOTE: &str = "mlflow.note.content";
const COMMIT: &str = "mlflow.source.git.commit";
const REPOSITORY: &str = "mlflow.source.git.repoURL";

/// Is how many characters a parameter and a tag have at most.
const PARAM_MAX: usize = 6_000;
const TAG_MAX: usize = 8_000;

/// Is how many characters a key has at most.
const KEY_MAX: usize = 250;

/// Gathers what stands in the log of one run, but for its points.
#[derive(Debug, Default)]
pub struct Gathered {
    said: BTreeMap<&'static str, String>,
    labels: Vec<String>,
    started: Option<i64>,
    config: BTreeMap<String, Given>,
    summary: BTreeMap<String, Given>,
    exit: Option<(i64, Option<i64>)>,
    metrics: BTreeSet<String>,
    points: i64,
    /// What is not taken, with why.
    left: BTreeMap<String, u64>,
}

/// Is a run that was gathered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundRun {
    /// The experiment that its project is.
    pub experiment: Experiment,
    /// The run.
    pub run: Run,
    /// How many points its history has.
    pub points: i64,
    /// What is not taken, with why, and how often.
    pub left: Vec<(String, u64)>,
}

/// Says whether a key can be one here.
fn is_key(key: &str) -> bool {
    crate::names::metric_name(key, "").is_ok() && !key.is_empty() && key.chars().nth(KEY_MAX).is_none()
}

/// Returns a value as a text: a text and a number as they are, all else as JSON.
fn written(value: &Given) -> String {
    match value {
        Given::Text(text) | Given::Integer(text) | Given::Float(text) => text.clone(),
        other => other.dumped(),
    }
}

/// Returns the number that a value is.
fn number(value: &Given) -> Option<&str> {
    match value {
        Given::Integer(text) | Given::Float(text) => Some(text),
        _ => None,
    }
}

/// Returns the experiment that a project is. Its number follows from its name, so that it is the same whenever something is taken of it.
pub fn experiment(entity: &str, project: &str) -> Experiment {
    let name = if project.is_empty() { "uncategorized" } else { project };
    let name = if entity.is_empty() { name.to_owned() } else { format!("{entity}/{name}") };
    let digest = Digest::of("countersign/import/wandb/1", name.as_bytes());
    let first = digest.0.first_chunk().map_or(0, |eight: &[u8; 8]| u64::from_be_bytes(*eight));
    // Eighteen digits, as those that MLflow makes up.
    let id = 100_000_000_000_000_000_i64.saturating_add(i64::try_from(first % 900_000_000_000_000_000).unwrap_or(0));
    let tags = vec![("wandb.project".to_owned(), name.clone())];
    Experiment { id, name, location: None, stage: "active".to_owned(), created: 0, updated: 0, tags }
}

impl Gathered {
    fn leave(&mut self, why: String) {
        let count = self.left.entry(why).or_default();
        *count = count.saturating_add(1);
    }

    /// Takes a record in.
    pub fn add(&mut self, record: Record) {
        match record {
            Record::Run(said) => self.run(*said),
            Record::Config(values) => self.config.extend(values),
            Record::Summary(values) => self.summary.extend(values),
            Record::Exit { code, runtime_s } => self.exit = Some((code, runtime_s)),
            Record::Artifact { kind, name } => {
                self.leave(format!("the artifact `{name}` of type `{kind}` is not in the folder of the run"));
            }
            Record::History(history) => self.history(&history),
            Record::Statistics => self.leave("statistics of the machine are not taken".to_owned()),
            Record::Output => self.leave("what was printed is not taken".to_owned()),
            Record::Other => {}
        }
    }

    fn run(&mut self, said: Said) {
        let Said { texts, labels, started, config, summary } = said;
        self.said.extend(texts);
        self.labels.extend(labels);
        self.started = started.or(self.started);
        self.config.extend(config);
        self.summary.extend(summary);
    }

    fn history(&mut self, history: &History) {
        for (key, value) in &history.values {
            if key.starts_with('_') {
                continue;
            }
            if number(value).is_none() {
                self.leave(format!("`{key}` of the history is no number"));
            } else if is_key(key) {
                self.metrics.insert(key.clone());
                self.points = self.points.saturating_add(1);
            } else {
                self.leave(format!("the metric `{key}` has a name that is none here"));
            }
        }
    }

    /// Puts the run together.
    ///
    /// # Errors
    ///
    /// A log without a run, or without when it began.
    pub fn found(mut self) -> Result<FoundRun, Senseless> {
        let said = std::mem::take(&mut self.said);
        let text = |name: &str| said.get(name).cloned().unwrap_or_default();
        let id = Some(text("id")).filter(|id| !id.is_empty());
        let id = id.ok_or_else(|| Senseless("the log names no run".to_owned()))?;
        let started = self.started.ok_or_else(|| Senseless("the log does not say when the run began".to_owned()))?;
        let experiment = experiment(&text("entity"), &text("project"));
        let (status, ended) = match self.exit {
            // What never said that it ended may go on.
            None => ("RUNNING", None),
            Some((code, runtime)) => {
                let ended = runtime.map(|seconds| started.saturating_add(seconds.saturating_mul(1_000)));
                (if code == 0 { "FINISHED" } else { "FAILED" }, ended)
            }
        };
        let params = self.params();
        let tags = self.tags(&said);
        let run = Run {
            id,
            experiment: experiment.id,
            name: text("name"),
            user: text("entity"),
            status: status.to_owned(),
            started,
            ended,
            stage: "active".to_owned(),
            location: None,
            tags,
            params,
            datasets: Vec::new(),
            model_inputs: Vec::new(),
            model_outputs: Vec::new(),
        };
        Ok(FoundRun { experiment, run, points: self.points, left: self.left.into_iter().collect() })
    }

    /// Writes the configuration as parameters: what is nested with dots between its names.
    fn params(&mut self) -> Vec<Pair> {
        let mut params = BTreeMap::new();
        for (key, value) in std::mem::take(&mut self.config) {
            if !key.starts_with("_wandb") {
                flatten(key, &value, &mut params);
            }
        }
        self.fitting(params, PARAM_MAX, "configuration")
    }

    /// Writes what else was said as tags; of the summary what no history has.
    fn tags(&mut self, said: &BTreeMap<&'static str, String>) -> Vec<Pair> {
        let mut tags = BTreeMap::new();
        let named = [
            ("name", NAME),
            ("notes", NOTE),
            ("group", "wandb.group"),
            ("job_type", "wandb.job_type"),
            ("host", "wandb.host"),
            ("sweep", "wandb.sweep"),
            ("commit", COMMIT),
            ("repository", REPOSITORY),
        ];
        for (name, tag) in named {
            if let Some(text) = said.get(name).filter(|text| !text.is_empty()) {
                tags.insert(tag.to_owned(), text.clone());
            }
        }
        if !self.labels.is_empty() {
            let labels = std::mem::take(&mut self.labels).into_iter().map(Given::Text).collect();
            tags.insert("wandb.tags".to_owned(), Given::List(labels).dumped());
        }
        let mut rest = BTreeMap::new();
        for (key, value) in std::mem::take(&mut self.summary) {
            if !key.starts_with('_') {
                flatten(key, &value, &mut rest);
            }
        }
        rest.retain(|key, _| !self.metrics.contains(key));
        tags.extend(rest.into_iter().map(|(key, value)| (format!("wandb.summary.{key}"), value)));
        self.fitting(tags, TAG_MAX, "summary")
    }

    /// Leaves out what does not fit, and says so.
    fn fitting(&mut self, all: BTreeMap<String, String>, most: usize, of: &str) -> Vec<Pair> {
        let mut kept = Vec::new();
        for (key, value) in all {
            if !is_key(&key) {
                self.leave(format!("`{key}` of the {of} has a name that is none here"));
            } else if value.chars().nth(most).is_some() {
                self.leave(format!("`{key}` of the {of} has more than {most} characters"));
            } else {
                kept.push((key, value));
            }
        }
        kept
    }
}

/// Puts what is nested under names with dots between.
fn flatten(key: String, value: &Given, into: &mut BTreeMap<String, String>) {
    match value {
        Given::Map(members) if !members.is_empty() => {
            for (name, value) in members {
                flatten(format!("{key}.{name}"), value, into);
            }
        }
        value => {
            into.insert(key, written(value));
        }
    }
}

/// Returns the points that a history is: those that [`Gathered`] has counted.
///
/// # Errors
///
/// A history without a time.
pub fn points(history: &History) -> Result<Vec<Point>, Senseless> {
    let is_point = |(key, value): &(&String, &Given)| !key.starts_with('_') && is_key(key) && number(value).is_some();
    let mut found = history.values.iter().filter(is_point).peekable();
    if found.peek().is_none() {
        return Ok(Vec::new());
    }
    let at = history.at.ok_or_else(|| Senseless("a line of the history has no time".to_owned()))?;
    let point = |(key, value): (&String, &Given)| {
        let value = number(value).unwrap_or_default().to_owned();
        Point { key: key.clone(), at, step: history.step, value }
    };
    Ok(found.map(point).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn values(pairs: &[(&str, &str)]) -> BTreeMap<String, Given> {
        pairs.iter().map(|(key, json)| ((*key).to_owned(), Given::read(json).unwrap())).collect()
    }

    fn said() -> Said {
        let texts = [("id", "abc"), ("project", "churn"), ("name", "first"), ("notes", "why")];
        Said {
            texts: texts.map(|(name, text)| (name, text.to_owned())).into(),
            labels: vec!["a".into(), "b\"".into()],
            started: Some(1_500),
            config: values(&[("lr", "0.10"), ("opt", r#"{"kind": "adam", "deep": {"x": null}}"#), ("_wandb", "{}")]),
            summary: BTreeMap::new(),
        }
    }

    #[test]
    fn a_run_is_put_together() {
        let mut gathered = Gathered::default();
        gathered.add(Record::Run(Box::new(said())));
        let history = History {
            values: values(&[("loss", "0.5"), ("acc@5", "1"), ("text", "\"x\""), ("_step", "4"), ("bad", "NaN")]),
            step: 4,
            at: Some(9),
        };
        gathered.add(Record::History(history.clone()));
        gathered.add(Record::Summary(values(&[("loss", "0.5"), ("best", "0.25"), ("_runtime", "3")])));
        gathered.add(Record::Exit { code: 1, runtime_s: Some(2) });
        let FoundRun { experiment, run, points: count, left } = gathered.found().unwrap();
        assert_eq!((experiment.name.as_str(), run.experiment), ("churn", experiment.id));
        assert!(experiment.id >= 100_000_000_000_000_000);
        assert_eq!((run.status.as_str(), run.started, run.ended), ("FAILED", 1_500, Some(3_500)));
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(run.params, [pair("lr", "0.10"), pair("opt.deep.x", "null"), pair("opt.kind", "adam")]);
        assert_eq!(
            run.tags,
            [
                pair("mlflow.note.content", "why"),
                pair("mlflow.runName", "first"),
                pair("wandb.summary.best", "0.25"),
                pair("wandb.tags", r#"["a", "b\""]"#),
            ]
        );
        let points = points(&history).unwrap();
        let told: Vec<_> =
            points.iter().map(|point| (point.key.as_str(), point.value.as_str(), point.step, point.at)).collect();
        assert_eq!(told, [("bad", "NaN", 4, 9), ("loss", "0.5", 4, 9)]);
        assert_eq!(count, 2);
        let left: Vec<String> = left.into_iter().map(|(why, _)| why).collect();
        assert_eq!(left, ["`text` of the history is no number", "the metric `acc@5` has a name that is none here"]);
    }

    #[test]
    fn a_run_that_never_said_that_it_ended_may_go_on() {
        let mut gathered = Gathered::default();
        gathered.add(Record::Run(Box::new(said())));
        let run = gathered.found().unwrap().run;
        assert_eq!((run.status.as_str(), run.ended), ("RUNNING", None));
        assert!(Gathered::default().found().is_err());
    }

    #[test]
    fn a_project_is_one_experiment_for_ever() {
        assert_eq!(experiment("team", "churn"), experiment("team", "churn"));
        assert_ne!(experiment("team", "churn").id, experiment("", "churn").id);
        assert_eq!(experiment("", "").name, "uncategorized");
    }

    #[test]
    fn a_history_without_a_time_is_refused() {
        let history = |json| History { values: values(&[("loss", json)]), step: 0, at: None };
        assert!(points(&history("1")).is_err());
        assert_eq!(points(&history("\"x\"")), Ok(Vec::new()));
    }
}
