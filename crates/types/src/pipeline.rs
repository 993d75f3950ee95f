//! Pipelines: what happens to a version of a model once it is registered, declared once in a bundle; and what is recorded of each step.

use std::collections::BTreeSet;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::glob::Glob;
use crate::{Digest, json};

/// Is how many suites or tags a pipeline demands at most.
pub const DEMANDS_MAX: usize = 100;

/// Is how many hours an evaluation may take at most: a year.
pub const WITHIN_HOURS_MAX: u32 = 8_760;

/// Names the gaps of a version that can be told when it is registered, so that a pipeline can refuse them.
pub const GAPS: [&str; 19] = [
    "data-check-failed",
    "data-not-checked",
    "evaluation-failed",
    "lineage-cut",
    "no-code-revision",
    "no-environment",
    "no-evaluation",
    "no-infrastructure",
    "no-lineage",
    "no-parameters",
    "no-run",
    "no-training-data",
    "not-anchored",
    "not-sealed",
    "run-deleted",
    "run-gone",
    "run-not-finished",
    "uncommitted-code",
    "undocumented-change",
];

/// Names the gaps that a version may not have whose data must have been checked.
pub const DATA_GAPS: [&str; 7] = [
    "data-check-failed",
    "data-not-checked",
    "no-run",
    "no-training-data",
    "run-deleted",
    "run-gone",
    "run-not-finished",
];

/// Is `pipelines/NAME.toml`: what happens to a version of a model once it is registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pipeline {
    /// The models that it is for, by name or pattern.
    pub models: Vec<Glob>,
    /// What must hold of the version first.
    #[serde(default)]
    pub validate: Validation,
    /// Which evaluations it must pass; without it none is waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluate: Option<Evaluation>,
    /// What is proposed then.
    pub promote: Promotion,
}

/// Says what must hold of a version.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Validation {
    /// The gaps that it may not have.
    pub gaps_refused: BTreeSet<String>,
    /// The gaps that it may have, and none besides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gaps_allowed: Option<BTreeSet<String>>,
    /// The tags that it or its model must have, and not empty.
    pub tags: BTreeSet<String>,
    /// It must have come with a signature by a key that the operator believes.
    pub signed: bool,
    /// The data of its run must have been checked, and passed.
    pub data_checked: bool,
}

/// Says which evaluations a version must pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evaluation {
    /// The suites.
    pub suites: BTreeSet<String>,
    /// How many hours after the version was registered they may be passed.
    pub within_hours: u32,
}

/// Says what is proposed, in the name of whoever registered the version: one of an alias, a stage and a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Promotion {
    /// The alias that is to name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// The stage that it is to be in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// The versions that are in that stage go into the archive.
    #[serde(default)]
    pub archive: bool,
    /// Where it is to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Why, for the people who are asked.
    pub reason: String,
}

impl Pipeline {
    /// Returns the digest of what it says.
    pub fn digest(&self) -> Digest {
        // Plain data with string keys, so this writes whatever there is.
        let value = serde_json::to_value(self).unwrap_or_default();
        Digest::of("countersign/pipeline/1", json::canonical(&value).as_bytes())
    }

    /// Says whether it is for a model: by its very name, or by a pattern.
    pub fn is_for(&self, model: &str) -> Option<Match> {
        if self.models.iter().any(|glob| glob.0 == model) {
            return Some(Match::Name);
        }
        self.models.iter().any(|glob| glob.matches(model)).then_some(Match::Pattern)
    }
}

/// Says how a pipeline is for a model. The former goes before the latter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Match {
    /// It names the model.
    Name,
    /// One of its patterns matches.
    Pattern,
}

/// Chooses the pipeline for a model: one that names it, or else one with a pattern; of several the first by name.
pub fn choose<'a>(
    pipelines: impl IntoIterator<Item = (&'a String, &'a Pipeline)>,
    model: &str,
) -> Option<(&'a String, &'a Pipeline)> {
    let fitting = pipelines.into_iter().filter_map(|(name, one)| Some((one.is_for(model)?, name, one)));
    fitting.min_by_key(|(by, name, _)| (*by, *name)).map(|(_, name, one)| (name, one))
}

/// Names a step of a pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// The version was registered.
    #[n(0)]
    Register,
    /// It is held against what must hold.
    #[n(1)]
    Validate,
    /// It is evaluated.
    #[n(2)]
    Evaluate,
    /// People are asked.
    #[n(3)]
    Approve,
    /// It is promoted.
    #[n(4)]
    Promote,
}

impl Step {
    /// Lists all of them, in order.
    pub const ALL: [Self; 5] = [Self::Register, Self::Validate, Self::Evaluate, Self::Approve, Self::Promote];

    /// Returns how it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::Validate => "validate",
            Self::Evaluate => "evaluate",
            Self::Approve => "approve",
            Self::Promote => "promote",
        }
    }

    /// Reads how it is written.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.name() == name)
    }
}

/// Says what became of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "kebab-case")]
pub enum StepState {
    /// It waits for somebody.
    #[n(0)]
    Waiting,
    /// It is done.
    #[n(1)]
    Done,
    /// It failed, and the pipeline has ended with it.
    #[n(2)]
    Failed,
    /// A newer version was registered, and the pipeline has ended with that.
    #[n(3)]
    Superseded,
    /// The pipeline begins again, by what it says now.
    #[n(4)]
    Again,
}

impl StepState {
    /// Lists all of them.
    pub const ALL: [Self; 5] = [Self::Waiting, Self::Done, Self::Failed, Self::Superseded, Self::Again];

    /// Returns how it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Superseded => "superseded",
            Self::Again => "again",
        }
    }

    /// Reads how it is written.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// Is what became of a step of a pipeline, as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct PipelineStepped {
    /// The registered model.
    #[n(0)]
    pub model: String,
    /// The version's number.
    #[n(1)]
    pub version: u64,
    /// The pipeline's name in the bundle.
    #[n(2)]
    pub pipeline: String,
    /// The digest of what it said.
    #[n(3)]
    pub definition: Digest,
    /// The step.
    #[n(4)]
    pub step: Step,
    /// What became of it.
    #[n(5)]
    pub state: StepState,
    /// Why.
    #[n(6)]
    pub why: Option<String>,
    /// The action that it was proposed, or carried out, as.
    #[n(7)]
    pub action: Option<String>,
    /// When, in milliseconds since the epoch.
    #[n(8)]
    pub at: i64,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::collections::BTreeMap;

    use super::*;

    fn pipeline(models: &[&str]) -> Pipeline {
        Pipeline {
            models: models.iter().map(|text| Glob((*text).to_owned())).collect(),
            validate: Validation::default(),
            evaluate: None,
            promote: Promotion { alias: None, stage: None, archive: false, target: None, reason: "r".into() },
        }
    }

    #[test]
    fn a_name_goes_before_a_pattern_and_the_first_before_others() {
        let all: BTreeMap<String, Pipeline> =
            [("a", pipeline(&["*"])), ("b", pipeline(&["fraud-*", "churn"])), ("c", pipeline(&["fraud-eu"]))]
                .map(|(name, one)| (name.to_owned(), one))
                .into();
        let chosen = |model: &str| choose(&all, model).map(|(name, _)| name.as_str());
        assert_eq!(chosen("fraud-eu"), Some("c"));
        assert_eq!(chosen("fraud-us"), Some("a"));
        assert_eq!(chosen("churn"), Some("b"));
        assert_eq!(choose([], "churn"), None);
        assert_eq!(pipeline(&["fraud"]).is_for("fraudulent"), None);
    }

    #[test]
    fn the_digest_names_what_a_pipeline_says() {
        let one = pipeline(&["a"]);
        assert_eq!(one.digest(), pipeline(&["a"]).digest());
        let mut other = one.clone();
        other.validate.signed = true;
        assert_ne!(one.digest(), other.digest());
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for step in Step::ALL {
            assert_eq!(Step::named(step.name()), Some(step));
        }
        for state in StepState::ALL {
            assert_eq!(StepState::named(state.name()), Some(state));
        }
        assert_eq!((Step::named(""), StepState::named("over")), (None, None));
        assert!(DATA_GAPS.iter().all(|gap| GAPS.contains(gap)));
    }
}
