//! The dossier of a version, as it is answered.

use control::dossier::{DossierProved, MoveDecided};
use control::tracking::kept::{Artifact, ModelMove, MoveKind, Pair, Seal};
use control::tracking::{Dossier, Standing};
use serde::Serialize;
use types::case::{Ballot, Vote};
use types::outcome::OutcomeStatus;
use types::text::escape;
use types::{Digest, Millis};
use utoipa::ToSchema;

use super::data::{DataCheckOfVersion, data_check};
use super::evaluation::{EvaluationOfVersion, evaluation};
use super::run::{LineageOfVersion, RunOfVersion};
use crate::deployments::DeploymentView;
use crate::identities::VersionUseView;
use crate::model_history::ModelMoved;
use crate::pipelines::{PipelineStepView, steps};
use crate::view::RestrictionName;

/// Is everything that is kept of a version of a registered model, held against the journal.
#[derive(Debug, Serialize, ToSchema)]
pub struct VersionDossier {
    /// The registered model.
    model: String,
    /// The version's number.
    version: i64,
    /// The aliases that name it.
    aliases: Vec<String>,
    /// The stage it is in.
    stage: String,
    /// When it was made, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    made_at: Millis,
    /// Who made it, with their kind in front.
    #[serde(skip_serializing_if = "Option::is_none")]
    made_by: Option<String>,
    /// What it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// What it was made of.
    source: String,
    /// Its tags.
    tags: Vec<NamedValue>,
    /// The seal over its files.
    #[serde(skip_serializing_if = "Option::is_none")]
    seal: Option<SealOfVersion>,
    /// The run that it was made in.
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<RunOfVersion>,
    /// Its files that say in which environment it was made, each with its SHA-256.
    environment: Vec<NamedValue>,
    /// The definitions of infrastructure that it names, each with its digest.
    infrastructure: Vec<NamedValue>,
    /// The datasets and jobs that came before its run.
    lineage: LineageOfVersion,
    /// The checks of the data of its run, the latest first.
    data_checks: Vec<DataCheckOfVersion>,
    /// Its evaluations, the latest first.
    evaluations: Vec<EvaluationOfVersion>,
    /// What became of each step of the pipeline that drives it, the oldest first.
    pipeline: Vec<PipelineStepView>,
    /// What was moved of it, the oldest first.
    moves: Vec<ModelMoved>,
    /// By what each alias names it, and each target is to run it.
    standing: Vec<StandingOfVersion>,
    /// The decisions by which it was moved.
    decisions: Vec<DecisionOfMove>,
    /// Where it is to run, and where it does.
    deployments: Vec<DeploymentView>,
    /// The agents that name it as the model or the prompt that they run, each by the epoch that began last.
    agents: Vec<VersionUseView>,
    /// The release before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<ReleaseBefore>,
    /// What is missing, or does not agree.
    gaps: Vec<GapView>,
}

/// Is a name with what it stands for.
#[derive(Debug, Serialize, ToSchema)]
pub struct NamedValue {
    /// The name.
    name: String,
    /// What it stands for.
    value: String,
}

/// Is the seal over a version's files.
#[derive(Debug, Serialize, ToSchema)]
pub struct SealOfVersion {
    /// The logged model.
    logged_model: String,
    /// The digest over all files, as `/v1/seals` has it.
    #[schema(value_type = String)]
    digest: Digest,
    /// How many files there are.
    files: u64,
    /// How many bytes they have together.
    bytes: u64,
    /// When it was sealed, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    at: Millis,
    /// Who said that it was ready.
    by: String,
    /// The index of the record that says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<u64>,
}

/// Says by what an alias names a version, or a target is to run it.
#[derive(Debug, Serialize, ToSchema)]
pub struct StandingOfVersion {
    /// `alias` or `deployment`.
    kind: &'static str,
    /// The alias, or the target.
    name: String,
    /// Since when, in milliseconds since the epoch; absent if the history knows no such move.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    since: Option<Millis>,
    /// Who moved it there.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    /// The action that it was decided as.
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<String>,
}

/// Is a decision by which a version was moved.
#[derive(Debug, Serialize, ToSchema)]
pub struct DecisionOfMove {
    /// The action, as `countersign trace` takes it.
    action: String,
    /// When it was decided, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    at: Millis,
    /// The verdict.
    verdict: RestrictionName,
    /// The policies that permitted it.
    policies: Vec<String>,
    /// Why, as whoever asked for it said.
    #[serde(skip_serializing_if = "Option::is_none")]
    purpose: Option<String>,
    /// The votes of people.
    votes: Vec<VoteOnMove>,
    /// How it ended: `done`, `failed`, `in_doubt` or `not_dispatched`; absent while nobody knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
    /// The records of it, by index.
    records: Vec<u64>,
}

/// Is a person's vote on a move.
#[derive(Debug, Serialize, ToSchema)]
pub struct VoteOnMove {
    /// Who.
    person: String,
    /// Whether for it.
    approved: bool,
    /// Why.
    reason: String,
    /// When, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    at: Millis,
    /// In whose place.
    #[serde(skip_serializing_if = "Option::is_none")]
    in_place_of: Option<String>,
    /// Whether they signed it with a passkey.
    signed: bool,
}

/// Is the release before a version.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReleaseBefore {
    /// Its number.
    version: i64,
    /// The alias, or the target, that was at it before.
    #[serde(skip_serializing_if = "Option::is_none")]
    of: Option<String>,
}

/// Is something that is missing, or does not agree.
#[derive(Debug, Serialize, ToSchema)]
pub struct GapView {
    /// Its name, as policies know it.
    #[schema(example = "no-training-data")]
    name: &'static str,
    /// In words.
    text: &'static str,
}

pub(super) fn shown(text: impl AsRef<str>) -> String {
    // Names and values are whatever somebody once sent.
    escape(text.as_ref(), false)
}

pub(super) fn named(name: impl AsRef<str>, value: impl AsRef<str>) -> NamedValue {
    NamedValue { name: shown(name), value: shown(value) }
}

pub(super) fn pairs(pairs: &[Pair]) -> Vec<NamedValue> {
    pairs.iter().map(|pair| named(&pair.key, &pair.value)).collect()
}

impl From<DossierProved> for VersionDossier {
    fn from(proved: DossierProved) -> Self {
        let DossierProved { dossier, decided, users } = proved;
        let seal = dossier.seal.as_ref().map(|seal| seal.digest);
        let Dossier { version, made_by, run, environment, infrastructure, upstream, gaps, .. } = dossier;
        let file = |file: Artifact| named(file.path.rsplit('/').next().unwrap_or_default(), file.digest.to_string());
        Self {
            model: shown(&version.version.name),
            version: version.version.number,
            aliases: version.aliases.iter().map(shown).collect(),
            stage: version.version.stage.name().to_owned(),
            made_at: Millis(version.version.created),
            made_by,
            description: version.version.description.as_deref().filter(|text| !text.is_empty()).map(shown),
            source: shown(&version.version.source),
            tags: pairs(&version.version.tags),
            seal: dossier.seal.map(SealOfVersion::from),
            run: run.map(RunOfVersion::from),
            environment: environment.into_iter().map(file).collect(),
            infrastructure: infrastructure.iter().map(|(name, digest)| named(name, digest)).collect(),
            lineage: upstream.into(),
            data_checks: dossier.checked.into_iter().filter_map(data_check).collect(),
            pipeline: steps(dossier.stepped),
            evaluations: dossier.evaluations.into_iter().filter_map(|one| evaluation(one, seal)).collect(),
            moves: dossier.moves.into_iter().map(ModelMoved::from).collect(),
            standing: dossier.standing.into_iter().map(StandingOfVersion::from).collect(),
            decisions: decided.into_iter().map(DecisionOfMove::from).collect(),
            deployments: dossier.deployments.into_iter().map(DeploymentView::from).collect(),
            agents: users.into_iter().map(VersionUseView::from).collect(),
            before: dossier
                .before
                .map(|before| ReleaseBefore { version: before.number, of: before.of.map(|(_, name)| shown(name)) }),
            gaps: gaps.into_iter().map(|gap| GapView { name: gap.name(), text: gap.text() }).collect(),
        }
    }
}

impl From<Seal> for SealOfVersion {
    fn from(seal: Seal) -> Self {
        let Seal { model, digest, files, bytes, at, by, record, .. } = seal;
        Self { logged_model: shown(model), digest, files, bytes, at: Millis(at), by, record }
    }
}

impl From<Standing> for StandingOfVersion {
    fn from(standing: Standing) -> Self {
        let Standing { kind, name, by } = standing;
        let kind = if kind == MoveKind::DeploymentMoved { "deployment" } else { "alias" };
        let (since, mover, action) =
            by.map_or((None, None, None), |ModelMove { at, by, action, .. }| (Some(Millis(at)), Some(by), action));
        Self { kind, name: shown(name), since, by: mover, action }
    }
}

impl From<(String, MoveDecided)> for DecisionOfMove {
    fn from((action, decided): (String, MoveDecided)) -> Self {
        Self {
            action,
            at: decided.at,
            verdict: RestrictionName::from(&decided.verdict),
            policies: decided.policies.iter().map(ToString::to_string).collect(),
            purpose: decided.purpose.map(shown),
            votes: decided.votes.into_iter().map(VoteOnMove::from).collect(),
            outcome: decided.outcome.map(OutcomeStatus::as_str),
            records: decided.records.iter().map(|step| step.index).collect(),
        }
    }
}

impl From<Vote> for VoteOnMove {
    fn from(vote: Vote) -> Self {
        Self {
            person: vote.person.to_string(),
            approved: vote.ballot == Ballot::Approve,
            reason: shown(vote.reason),
            at: vote.at,
            in_place_of: vote.proxy.map(|proxy| proxy.person.to_string()),
            signed: vote.signed.is_some(),
        }
    }
}
