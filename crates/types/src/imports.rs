//! What is taken over from elsewhere, item by item, as it is sent: what the source says, and nothing that it does not.
//!
//! Numbers are texts, so that none is rounded on its way.

use serde::{Deserialize, Serialize};

use crate::Digest;

/// Is a key with its value.
pub type Pair = (String, String);

/// Is one thing that is taken over, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Item {
    /// An experiment.
    Experiment(Experiment),
    /// A run, without its points and files.
    Run(Box<Run>),
    /// Points of a run's metrics.
    Points(Points),
    /// Says that all of a run is here.
    RunEnd(RunEnd),
    /// A logged model, without its points and files.
    LoggedModel(Box<LoggedModel>),
    /// Points of a logged model's metrics.
    ModelPoints(ModelPoints),
    /// Says that all of a logged model is here.
    ModelEnd(ModelEnd),
    /// A registered model, without its versions.
    RegisteredModel(RegisteredModel),
    /// A version of a registered model.
    ModelVersion(Box<ModelVersion>),
}

/// Are the kinds of things that are counted, by their names.
pub const KINDS: [&str; 5] = ["experiment", "run", "logged-model", "registered-model", "model-version"];

impl Item {
    /// Returns the kind of thing that it is, or is a part of.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Experiment(_) => "experiment",
            Self::Run(_) | Self::Points(_) | Self::RunEnd(_) => "run",
            Self::LoggedModel(_) | Self::ModelPoints(_) | Self::ModelEnd(_) => "logged-model",
            Self::RegisteredModel(_) => "registered-model",
            Self::ModelVersion(_) => "model-version",
        }
    }

    /// Returns the id of that thing.
    pub fn id(&self) -> String {
        match self {
            Self::Experiment(one) => one.id.to_string(),
            Self::Run(one) => one.id.clone(),
            Self::Points(Points { run, .. }) | Self::RunEnd(RunEnd { run, .. }) => run.clone(),
            Self::LoggedModel(one) => one.id.clone(),
            Self::ModelPoints(ModelPoints { model, .. }) | Self::ModelEnd(ModelEnd { model, .. }) => model.clone(),
            Self::RegisteredModel(one) => one.name.clone(),
            Self::ModelVersion(one) => format!("{}/{}", one.name, one.number),
        }
    }

    /// Returns the digest of what is said here: the SHA-256 of its JSON.
    pub fn digest(&self) -> Digest {
        Digest::plain(&serde_json::to_vec(self).unwrap_or_default())
    }
}

/// Is an experiment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Experiment {
    /// Its number.
    #[serde(with = "digits")]
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Where runs that it will have are to keep their files; here, if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// `active` or `deleted`.
    pub stage: String,
    /// When it was made, in milliseconds since the epoch.
    #[serde(with = "digits")]
    pub created: i64,
    /// When it was last changed.
    #[serde(with = "digits")]
    pub updated: i64,
    /// Its tags.
    #[serde(default)]
    pub tags: Vec<Pair>,
}

/// Is a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// Its id.
    pub id: String,
    /// The experiment that it belongs to.
    #[serde(with = "digits")]
    pub experiment: i64,
    /// Its name.
    pub name: String,
    /// Whoever made it.
    pub user: String,
    /// How it stands.
    pub status: String,
    /// When it began, in milliseconds since the epoch.
    #[serde(with = "digits")]
    pub started: i64,
    /// When it ended.
    #[serde(default, with = "some_digits", skip_serializing_if = "Option::is_none")]
    pub ended: Option<i64>,
    /// `active` or `deleted`.
    pub stage: String,
    /// Where its files stay; here, if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Its tags.
    #[serde(default)]
    pub tags: Vec<Pair>,
    /// Its parameters.
    #[serde(default)]
    pub params: Vec<Pair>,
    /// The datasets that it has read.
    #[serde(default)]
    pub datasets: Vec<Dataset>,
    /// The logged models that it has read, by id.
    #[serde(default)]
    pub model_inputs: Vec<String>,
    /// The logged models that it has made.
    #[serde(default)]
    pub model_outputs: Vec<Output>,
}

/// Is a dataset that a run has read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dataset {
    /// Its name.
    pub name: String,
    /// Its digest, as the client has computed it.
    pub digest: String,
    /// What kind of source it comes from.
    pub source_type: String,
    /// Where it comes from.
    pub source: String,
    /// Its schema; may be empty.
    #[serde(default)]
    pub schema: String,
    /// What is known of its contents; may be empty.
    #[serde(default)]
    pub profile: String,
    /// What the run says of it.
    #[serde(default)]
    pub tags: Vec<Pair>,
}

/// Is a logged model that a run has made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// The id of the model.
    pub model: String,
    /// The step of the training it was made at.
    #[serde(with = "digits")]
    pub step: i64,
}

/// Is a point of a metric.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// The metric.
    pub key: String,
    /// When it was measured, in milliseconds since the epoch.
    #[serde(with = "digits")]
    pub at: i64,
    /// The step of the training.
    #[serde(with = "digits")]
    pub step: i64,
    /// The value: a decimal, `NaN`, `Infinity` or `-Infinity`.
    pub value: String,
}

/// Are points of a run's metrics.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Points {
    /// The run.
    pub run: String,
    /// The points.
    pub points: Vec<Point>,
}

/// Says that all of a run is here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunEnd {
    /// The run.
    pub run: String,
    /// How many points its metrics have at the source.
    #[serde(with = "digits")]
    pub points: i64,
    /// How many files it has there.
    #[serde(with = "digits")]
    pub files: i64,
}

/// Is a logged model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoggedModel {
    /// Its id.
    pub id: String,
    /// The experiment that it belongs to.
    #[serde(with = "digits")]
    pub experiment: i64,
    /// Its name.
    pub name: String,
    /// How it stands: `LOGGED_MODEL_READY` and so on.
    pub status: String,
    /// What kind of model it is; may be empty.
    #[serde(default)]
    pub model_type: String,
    /// The run that made it; may be empty.
    #[serde(default)]
    pub source_run: String,
    /// When it was made, in milliseconds since the epoch.
    #[serde(with = "digits")]
    pub created: i64,
    /// When it was last changed.
    #[serde(with = "digits")]
    pub updated: i64,
    /// `active` or `deleted`.
    pub stage: String,
    /// Where its files stay; here, if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Its parameters.
    #[serde(default)]
    pub params: Vec<Pair>,
    /// Its tags.
    #[serde(default)]
    pub tags: Vec<Pair>,
}

/// Is a point of a logged model's metric.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelPoint {
    /// The point.
    pub point: Point,
    /// The run that has measured it.
    pub run: String,
    /// The name of the dataset that it was measured on, and its digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<(String, String)>,
}

/// Are points of a logged model's metrics.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelPoints {
    /// The model.
    pub model: String,
    /// The points.
    pub points: Vec<ModelPoint>,
}

/// Says that all of a logged model is here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelEnd {
    /// The model.
    pub model: String,
    /// How it stands: `LOGGED_MODEL_READY` and so on.
    pub status: String,
    /// `active` or `deleted`.
    pub stage: String,
    /// When it was last changed, in milliseconds since the epoch.
    #[serde(with = "digits")]
    pub updated: i64,
    /// How many points its metrics have at the source.
    #[serde(with = "digits")]
    pub points: i64,
    /// How many files it has there.
    #[serde(with = "digits")]
    pub files: i64,
}

/// Is a registered model. Its aliases are proposed, and not taken over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisteredModel {
    /// Its name.
    pub name: String,
    /// What it is; may be empty.
    #[serde(default)]
    pub description: String,
    /// When it was made, in milliseconds since the epoch.
    #[serde(with = "digits")]
    pub created: i64,
    /// When it was last changed.
    #[serde(with = "digits")]
    pub updated: i64,
    /// Its tags.
    #[serde(default)]
    pub tags: Vec<Pair>,
    /// The highest number that a version of it ever had, as far as the source knows.
    #[serde(with = "digits")]
    pub last: i64,
}

/// Is a version of a registered model. Its stage is proposed, and not taken over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelVersion {
    /// The model's name.
    pub name: String,
    /// Its number.
    #[serde(with = "digits")]
    pub number: i64,
    /// When it was made, in milliseconds since the epoch.
    #[serde(with = "digits")]
    pub created: i64,
    /// When it was last changed.
    #[serde(with = "digits")]
    pub updated: i64,
    /// What it is; may be empty.
    #[serde(default)]
    pub description: String,
    /// Where its files are, as whoever made it said.
    pub source: String,
    /// The run that made it; may be empty.
    #[serde(default)]
    pub run: String,
    /// Where the run can be looked at; may be empty.
    #[serde(default)]
    pub run_link: String,
    /// Its tags.
    #[serde(default)]
    pub tags: Vec<Pair>,
    /// The logged model whose files these are, where the source names none by an address of its own; may be empty.
    #[serde(default)]
    pub model: String,
    /// Where its files are below those of its run, if they are there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

mod digits {
    use serde::{Deserialize as _, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(number: &i64, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(number)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(|_| de::Error::custom(format!("`{text}` is no whole number of 64 bits")))
    }
}

mod some_digits {
    use serde::{Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(number: &Option<i64>, to: S) -> Result<S::Ok, S::Error> {
        match number {
            Some(number) => super::digits::serialize(number, to),
            None => to.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
        super::digits::deserialize(from).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_read_as_it_was_written() {
        let run = Run {
            id: "a".into(),
            experiment: 1,
            name: "n".into(),
            user: "u".into(),
            status: "FINISHED".into(),
            started: i64::MAX,
            ended: Some(i64::MIN),
            stage: "active".into(),
            location: None,
            tags: vec![("k".into(), "v".into())],
            params: vec![],
            datasets: vec![],
            model_inputs: vec![],
            model_outputs: vec![Output { model: "m-1".into(), step: 9_007_199_254_740_993 }],
        };
        let item = Item::Run(Box::new(run.clone()));
        let text = serde_json::to_string(&item).unwrap();
        assert!(text.starts_with(r#"{"kind":"run","id":"a","experiment":"1""#), "{text}");
        assert_eq!(serde_json::from_str::<Item>(&text).unwrap(), item);
        assert_ne!(item.digest(), Item::Run(Box::new(Run { ended: None, ..run })).digest());
    }

    #[test]
    fn what_is_no_item_is_refused() {
        for wrong in [
            r#"{"kind":"run"}"#,
            r#"{"kind":"alias","name":"champion"}"#,
            r#"{"kind":"run-end","run":"a","points":"0","files":"0","more":1}"#,
            r#"{"kind":"points","run":"a","points":[{"key":"k","at":1,"step":"0","value":"1"}]}"#,
            r#"{"kind":"points","run":"a","points":[{"key":"k","at":"1e3","step":"0","value":"1"}]}"#,
        ] {
            assert!(serde_json::from_str::<Item>(wrong).is_err(), "{wrong}");
        }
    }
}
