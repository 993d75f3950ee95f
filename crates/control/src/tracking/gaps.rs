//! Gaps: what is not known of a version of a model, and what does not agree.

use std::collections::BTreeSet;

use models::artifact;
use store::tracking::{Artifact, ModelMove, ModelVersion, MoveKind, Pair, Run, Seal, Stage, View};
use types::attestation::ANCHORED;

use super::anchors::has_ended;
use super::data_checks::{data_checks, data_standing};
use super::evaluations::{seal_of, standing};
use super::{Answer, Tracking};
use crate::lineage::{Upstream, upstream};

/// Are the tags by which a run says which code it ran, and whether that was committed.
const CODE: &str = "mlflow.source.git.commit";
const DIRTY: &str = "mlflow.source.git.dirty";

/// Begins the tags of a version that name the definition of the infrastructure it was made for, each with its digest.
pub const INFRASTRUCTURE: &str = "countersign.infrastructure.";

/// Are the files of a model that say in which environment it was made.
const ENVIRONMENT: [&str; 3] = ["conda.yaml", "python_env.yaml", "requirements.txt"];

/// Says what is not known of a version, or does not agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gap {
    /// Its files are not sealed.
    NotSealed,
    /// The files that are kept are not those that were sealed.
    FilesDiffer,
    /// It names no run that it was made in.
    NoRun,
    /// The run that it names is not kept here.
    RunGone,
    /// That run did not finish.
    RunNotFinished,
    /// That run was deleted.
    RunDeleted,
    /// That run has no record of what it logged.
    NotAnchored,
    /// That run logged no data that it was trained on.
    NoTrainingData,
    /// Nobody checked some of that data against what is expected of it.
    DataNotChecked,
    /// Some of that data is not as expected.
    DataCheckFailed,
    /// Nobody told where some of that data came from.
    NoLineage,
    /// More came before it than is looked at.
    LineageCut,
    /// The source of something before it was changed without a word of why.
    UndocumentedChange,
    /// That run does not say which code it ran.
    NoCode,
    /// That run's code was not committed.
    UncommittedCode,
    /// That run logged no parameters.
    NoParameters,
    /// Nothing says in which environment it was made.
    NoEnvironment,
    /// Nothing says for which infrastructure it was made.
    NoInfrastructure,
    /// Nobody evaluated the files that it has.
    NoEvaluation,
    /// The files that it has failed an evaluation, and did not pass it since.
    EvaluationFailed,
    /// The run was changed after it had ended.
    RunChanged,
    /// What is kept of the run is not what its last record says.
    RunDiffers,
    /// The journal does not hold what was kept of the seal, an evaluation or the run.
    RecordMissing,
    /// An alias names it, or it is to run somewhere, and no action was decided for that.
    NotDecided,
    /// The action that it was moved by is not in the journal, or is another one.
    DecisionMissing,
    /// An alias names it of which the history says otherwise.
    AliasAroundTheRoad,
    /// It was taken over from elsewhere, and nobody evaluated or promoted it here.
    Imported,
    /// It runs where nobody decided that it runs, or other files run in its name.
    RunsAroundTheRoad,
}

impl Gap {
    /// Lists all of them.
    pub const ALL: [Self; 28] = [
        Self::NotSealed,
        Self::FilesDiffer,
        Self::NoRun,
        Self::RunGone,
        Self::RunNotFinished,
        Self::RunDeleted,
        Self::NotAnchored,
        Self::NoTrainingData,
        Self::DataNotChecked,
        Self::DataCheckFailed,
        Self::NoLineage,
        Self::LineageCut,
        Self::UndocumentedChange,
        Self::NoCode,
        Self::UncommittedCode,
        Self::NoParameters,
        Self::NoEnvironment,
        Self::NoInfrastructure,
        Self::NoEvaluation,
        Self::EvaluationFailed,
        Self::RunChanged,
        Self::RunDiffers,
        Self::RecordMissing,
        Self::NotDecided,
        Self::DecisionMissing,
        Self::AliasAroundTheRoad,
        Self::Imported,
        Self::RunsAroundTheRoad,
    ];

    /// Returns how it is written, in policies too.
    pub fn name(self) -> &'static str {
        self.told().0
    }

    /// Returns it in words.
    pub fn text(self) -> &'static str {
        self.told().1
    }

    fn told(self) -> (&'static str, &'static str) {
        match self {
            Self::NotSealed => ("not-sealed", "its files are not sealed, so they may change"),
            Self::FilesDiffer => ("files-differ", "the files that are kept are not those that were sealed"),
            Self::NoRun => ("no-run", "it names no run that it was made in"),
            Self::RunGone => ("run-gone", "the run that it names is not kept here"),
            Self::RunNotFinished => ("run-not-finished", "its run did not finish"),
            Self::RunDeleted => ("run-deleted", "its run was deleted"),
            Self::NotAnchored => ("not-anchored", "no record holds what its run logged"),
            Self::NoTrainingData => ("no-training-data", "its run logged no data that it was trained on"),
            Self::DataNotChecked => ("data-not-checked", "nobody checked some of its training data"),
            Self::DataCheckFailed => ("data-check-failed", "some of its training data is not as expected"),
            Self::NoLineage => ("no-lineage", "nobody told where some of its training data came from"),
            Self::LineageCut => ("lineage-cut", "more came before it than is looked at"),
            Self::UndocumentedChange => {
                ("undocumented-change", "the source of a job before it was changed without a word of why")
            }
            Self::NoCode => ("no-code-revision", "its run does not say which code it ran"),
            Self::UncommittedCode => ("uncommitted-code", "its run's code was not committed"),
            Self::NoParameters => ("no-parameters", "its run logged no parameters"),
            Self::NoEnvironment => ("no-environment", "nothing says in which environment it was made"),
            Self::NoInfrastructure => ("no-infrastructure", "nothing says for which infrastructure it was made"),
            Self::NoEvaluation => ("no-evaluation", "nobody evaluated the files that it has"),
            Self::EvaluationFailed => ("evaluation-failed", "the files that it has failed an evaluation"),
            Self::RunChanged => ("run-changed", "its run was changed after it had ended"),
            Self::RunDiffers => ("run-differs", "what is kept of its run is not what the run's last record says"),
            Self::RecordMissing => ("record-missing", "the journal does not hold what is kept of it"),
            Self::NotDecided => ("not-decided", "it was moved to where it is without a decision"),
            Self::DecisionMissing => ("decision-missing", "the journal has no decision that moved it to where it is"),
            Self::AliasAroundTheRoad => {
                ("alias-around-the-road", "an alias names it of which the history says otherwise")
            }
            Self::Imported => {
                ("imported", "it was taken over from elsewhere, and what lies before that is the word of its source")
            }
            Self::RunsAroundTheRoad => ("runs-around-the-road", "what runs is not what was decided to run"),
        }
    }
}

/// Is what is kept of a version, as far as gaps are found in it.
pub(super) struct Known<'a> {
    pub(super) version: &'a ModelVersion,
    pub(super) seal: Option<&'a Seal>,
    pub(super) run: Option<&'a Run>,
    pub(super) upstream: &'a Upstream,
    /// When the release before it was made, in milliseconds since the epoch.
    pub(super) since: i64,
}

/// Returns what came before a run.
pub(super) fn before_run(view: &View<'_>, run: Option<&Run>) -> Answer<Upstream> {
    Ok(run.map_or(Ok(Upstream::default()), |run| upstream(view, run))?)
}

/// Returns the gaps of a version that can be found in what is tracked, without a digest taken anew.
pub(super) fn gaps(view: &View<'_>, known: &Known<'_>) -> Answer<BTreeSet<Gap>> {
    let mut gaps = BTreeSet::new();
    let mut say = |holds: bool, gap: Gap| {
        if holds {
            gaps.insert(gap);
        }
    };
    let Known { version, seal, run, upstream, since } = known;
    say(seal.is_none(), Gap::NotSealed);
    let [passed, failed] = standing(view, version, seal.map(|seal| seal.digest))?;
    say(passed.is_empty() && failed.is_empty(), Gap::NoEvaluation);
    say(!failed.is_empty(), Gap::EvaluationFailed);
    let is_only_imported = view.is_only_imported(version.model, version.number)?;
    say(is_only_imported && passed.is_empty() && failed.is_empty(), Gap::Imported);
    say(infrastructure(&version.tags).next().is_none(), Gap::NoInfrastructure);
    say(environment(view, *seal, *run)?.is_empty(), Gap::NoEnvironment);
    say(version.run.is_empty(), Gap::NoRun);
    say(!version.run.is_empty() && run.is_none(), Gap::RunGone);
    let Some(run) = run else { return Ok(gaps) };
    let data = view.run_data(run.seq)?;
    let inputs = view.inputs(run.seq)?;
    let tag = |key: &str| data.tags.iter().find(|tag| tag.key == key).map(|tag| tag.value.as_str());
    say(run.status != "FINISHED", Gap::RunNotFinished);
    say(run.stage == Stage::Deleted, Gap::RunDeleted);
    say(!has_ended(&run.status) || !is_anchored(view, run)?, Gap::NotAnchored);
    say(inputs.is_empty(), Gap::NoTrainingData);
    let checked = data_standing(&data_checks(view, run, &inputs)?, &inputs);
    say(checked.unchecked, Gap::DataNotChecked);
    say(checked.failed, Gap::DataCheckFailed);
    let is_told = |name: &str| upstream.datasets.iter().any(|(node, _)| node.name == name);
    say(inputs.iter().any(|input| !is_told(&input.dataset.name)), Gap::NoLineage);
    say(upstream.is_cut, Gap::LineageCut);
    say(upstream.undocumented(*since, run.ended.unwrap_or(i64::MAX)).next().is_some(), Gap::UndocumentedChange);
    say(tag(CODE).is_none_or(str::is_empty), Gap::NoCode);
    say(tag(DIRTY).is_some_and(|dirty| dirty.eq_ignore_ascii_case("true")), Gap::UncommittedCode);
    say(data.params.is_empty(), Gap::NoParameters);
    Ok(gaps)
}

fn is_anchored(view: &View<'_>, run: &Run) -> Answer<bool> {
    Ok(view.attested(ANCHORED, &run.id, 1)?.iter().any(|anchor| anchor.record.is_some()))
}

/// Returns the definitions of infrastructure that a version names, each with its digest.
pub(super) fn infrastructure(tags: &[Pair]) -> impl Iterator<Item = (&str, &str)> {
    tags.iter().filter_map(|tag| Some((tag.key.strip_prefix(INFRASTRUCTURE)?, tag.value.as_str())))
}

/// Returns the files of a model, and of its run, that say in which environment it was made.
pub(super) fn environment(view: &View<'_>, seal: Option<&Seal>, run: Option<&Run>) -> Answer<Vec<Artifact>> {
    let of_run = run.and_then(|run| artifact::place(&run.location)).map(|place| place.key().to_owned());
    let folders = [seal.map(|seal| seal.place.clone()), of_run];
    let mut found = Vec::new();
    for folder in folders.into_iter().flatten() {
        for name in ENVIRONMENT {
            found.extend(view.artifact(&format!("{folder}/{name}"))?);
        }
    }
    Ok(found)
}

/// Says of which version the history leads an alias, or a target, to be.
pub(super) fn last_move<'a>(moves: &'a [ModelMove], kind: MoveKind, alias: &str) -> Option<&'a ModelMove> {
    moves.iter().rev().find(|moved| moved.kind == kind && moved.alias.as_deref() == Some(alias))
}

impl Tracking {
    /// Returns the names of the gaps of a version, in order, as far as they decide whether it is moved.
    pub(super) fn gap_names(view: &View<'_>, version: &ModelVersion) -> Answer<Vec<&'static str>> {
        let seal = seal_of(view, version)?;
        let run = if version.run.is_empty() { None } else { view.run(&version.run)? };
        let upstream = before_run(view, run.as_ref())?;
        let since = super::dossier::made_before(view, version)?;
        let known = Known { version, seal: seal.as_ref(), run: run.as_ref(), upstream: &upstream, since };
        let mut names: Vec<&'static str> = gaps(view, &known)?.into_iter().map(Gap::name).collect();
        names.sort_unstable();
        Ok(names)
    }
}
