//! What is recorded of a run, as facts that can be compared: an aspect, a name, and a text.

use std::collections::{BTreeMap, BTreeSet};

use super::measure::Measure;

/// Is the tag by which people say how a run came out, whatever its status is.
pub const OUTCOME: &str = "countersign.outcome";

/// Is the value of [`OUTCOME`] for a run that is no success, though it finished.
pub const FAILED: &str = "failed";

const OURS_CODE: &str = "countersign.code.";
const OURS_ENVIRONMENT: &str = "countersign.env.";
pub(super) const COMMIT: &str = "mlflow.source.git.commit";
pub(super) const DIRTY: &str = "mlflow.source.git.dirty";
pub(super) const DIFF: &str = "mlflow.source.git.diff";

/// Are the tags of MLflow's client that tell of code.
const CODE: [&str; 5] = [COMMIT, DIRTY, DIFF, "mlflow.source.name", "mlflow.project.entryPoint"];

/// Are the tags of MLflow's client that tell of the environment.
const ENVIRONMENT: [&str; 3] = ["mlflow.docker.image.id", "mlflow.docker.image.uri", "mlflow.project.env"];

/// Are the words in the name of somebody's own tag by which it tells which code ran.
const OF_REVISION: [&str; 6] = ["revision", "commit", "version", "digest", "sha", "hash"];

/// Says what a fact is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Aspect {
    /// The code that ran.
    Code,
    /// The data it read.
    Data,
    /// A parameter it was given.
    Parameter,
    /// What it ran on: libraries, container, hardware.
    Environment,
    /// What somebody else noted of it.
    Tag,
}

/// Names a fact.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fact {
    /// What it is about.
    pub aspect: Aspect,
    /// Its name: of a parameter, a tag, a package; for data what they were read for, or else what they are called.
    pub name: String,
}

/// Are the facts of a run.
pub type Facts = BTreeMap<Fact, String>;

/// Is a dataset that a run has read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DatasetRead<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its digest.
    pub digest: &'a str,
    /// What it was read for, such as `training`; may be empty.
    pub context: &'a str,
}

/// Is what a client has recorded of a run.
#[derive(Debug, Clone, Copy)]
pub struct Recorded<'a> {
    /// Its parameters.
    pub params: &'a [(&'a str, &'a str)],
    /// Its tags.
    pub tags: &'a [(&'a str, &'a str)],
    /// The datasets it read.
    pub datasets: &'a [DatasetRead<'a>],
    /// The packages that were there, by name, as far as a list of them was logged.
    pub packages: &'a BTreeMap<String, String>,
}

/// Is a run of training, without its curves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Training {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// How it stands, in MLflow's word.
    pub status: String,
    /// When it began, in milliseconds since the epoch.
    pub started: i64,
    /// The latest value of each metric.
    pub latest: BTreeMap<String, Measure>,
    /// How people say it came out.
    pub outcome: Option<String>,
    /// What is recorded of it.
    pub facts: Facts,
}

/// Says why a run is no success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unsuccessful {
    /// It has not finished; its status is this.
    Status(String),
    /// The latest value of this metric is no number.
    NoNumber(String),
    /// People say that it failed.
    Said,
}

impl Training {
    /// Says why the run is no success; nothing, if it is one.
    pub fn unsuccessful(&self) -> Option<Unsuccessful> {
        if self.status != "FINISHED" {
            return Some(Unsuccessful::Status(self.status.clone()));
        }
        if self.outcome.as_deref() == Some(FAILED) {
            return Some(Unsuccessful::Said);
        }
        let bad = self.latest.iter().find(|(_, value)| !value.is_finite());
        bad.map(|(key, _)| Unsuccessful::NoNumber(key.clone()))
    }

    /// Says whether anything of an aspect is recorded.
    pub(super) fn records(&self, aspect: Aspect) -> bool {
        self.facts.keys().any(|fact| fact.aspect == aspect)
    }

    pub(super) fn fact(&self, aspect: Aspect, name: &str) -> Option<&str> {
        self.facts.get(&Fact { aspect, name: name.to_owned() }).map(String::as_str)
    }
}

impl Recorded<'_> {
    /// Returns what can be compared of it.
    pub fn facts(&self) -> Facts {
        let params = self.params.iter().map(|(key, value)| (Aspect::Parameter, (*key).to_owned(), (*value).to_owned()));
        let tags = self.tags.iter().filter_map(|(key, value)| {
            let aspect = aspect_of_tag(key)?;
            Some((aspect, (*key).to_owned(), (*value).to_owned()))
        });
        let packages = self.packages.iter();
        let packages =
            packages.map(|(name, version)| (Aspect::Environment, format!("package {name}"), version.clone()));
        let all = params.chain(tags).chain(packages).chain(self.data());
        all.map(|(aspect, name, value)| (Fact { aspect, name }, value)).collect()
    }

    /// Returns the data by what they were read for, or by their name where nobody says.
    fn data(&self) -> impl Iterator<Item = (Aspect, String, String)> {
        let mut by: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for DatasetRead { name, digest, context } in self.datasets {
            let (name, value) = match *context {
                "" => (*name, (*digest).to_owned()),
                context => (context, format!("{name} {digest}")),
            };
            by.entry(name).or_default().insert(value);
        }
        by.into_iter().map(|(name, values)| {
            let values: Vec<String> = values.into_iter().collect();
            (Aspect::Data, name.to_owned(), values.join(", "))
        })
    }
}

/// Returns what a tag tells of; nothing that could be compared, if it is MLflow's own or ours and none of those.
fn aspect_of_tag(key: &str) -> Option<Aspect> {
    if CODE.contains(&key) || key.starts_with(OURS_CODE) {
        Some(Aspect::Code)
    } else if ENVIRONMENT.contains(&key) || key.starts_with(OURS_ENVIRONMENT) {
        Some(Aspect::Environment)
    } else if key.starts_with("mlflow.") || key.starts_with("countersign.") {
        None
    } else if is_of_revision(key) {
        Some(Aspect::Code)
    } else {
        Some(Aspect::Tag)
    }
}

/// Says whether something is called after what it is a revision of, so that its value is no number.
pub(super) fn is_of_revision(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    OF_REVISION.iter().any(|word| name.contains(word))
}
