//! What is to run where, and how what is known of what runs compares to it.

use std::collections::{BTreeMap, BTreeSet};

use store::tracking::{Change, ModelVersion, MoveKind, Observation, ProbeKept, RegisteredModel, View};
use types::{Code, Digest};

use super::evaluations::seal_of;
use super::gaps::infrastructure;
use super::model_history::{About, Mover};
use super::model_versions::model_version;
use super::registered_models::registered_model;
use super::witnesses::{Declared, Known, Witness, deciding, witnesses};
use super::{Answer, ErrorCode, Refused, Tracking};

/// Is how long a host may say nothing, in milliseconds: 15 minutes.
pub const SILENT_AFTER_MS: i64 = 15 * 60 * 1_000;

/// Names the definition of a version's infrastructure that is the digest of the image it is served in.
const IMAGE: &str = "image";

/// Is how many characters the name of a target has at most.
pub const TARGET_MAX: usize = 255;

/// Is how many pairs of model and target are told of at most.
pub const OBSERVATIONS_MAX: u64 = 10_000;

/// Says how what runs compares to what is to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeploymentState {
    /// The host runs the version that is to run there.
    AsDeclared,
    /// It runs another version.
    OtherVersion,
    /// It runs the version by number, and has loaded other files than were sealed.
    OtherFiles,
    /// It runs a version, and nobody decided that any is to run there.
    Undeclared,
    /// Several versions run there at once.
    MixedVersions,
    /// It runs nothing.
    NothingRuns,
    /// It has not said anything for long.
    Silent,
    /// It has never said anything.
    Unseen,
}

impl DeploymentState {
    /// Lists all of them.
    pub const ALL: [Self; 8] = [
        Self::AsDeclared,
        Self::OtherVersion,
        Self::OtherFiles,
        Self::Undeclared,
        Self::MixedVersions,
        Self::NothingRuns,
        Self::Silent,
        Self::Unseen,
    ];

    /// Returns how it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::AsDeclared => "as-declared",
            Self::OtherVersion => "other-version",
            Self::OtherFiles => "other-files",
            Self::Undeclared => "undeclared",
            Self::MixedVersions => "mixed-versions",
            Self::NothingRuns => "nothing-runs",
            Self::Silent => "silent",
            Self::Unseen => "unseen",
        }
    }

    /// Says whether something runs that nobody decided.
    pub fn is_around_the_road(self) -> bool {
        matches!(self, Self::OtherVersion | Self::OtherFiles | Self::Undeclared | Self::MixedVersions)
    }
}

/// Is a target with what is to run there and what does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeploymentShown {
    /// The model's name.
    pub model: String,
    /// Where.
    pub target: String,
    /// The version that is to run there; none, if nobody decided that.
    pub declared: Option<i64>,
    /// The digest under which the declared version's files are sealed.
    pub seal: Option<Digest>,
    /// What is known of what runs there, by the means that says the worst.
    pub seen: Option<Observation>,
    /// Everything by which something is known of it.
    pub witnesses: Vec<Witness>,
    /// How the two compare now.
    pub state: DeploymentState,
}

impl DeploymentShown {
    /// Says whether the host has shown that it runs the very files that were sealed.
    pub fn is_proved(&self) -> bool {
        let told = self.seen.as_ref().and_then(|seen| seen.digest);
        self.state == DeploymentState::AsDeclared && told.is_some() && told == self.seal
    }
}

pub(super) fn wrong(message: String) -> Refused {
    Refused::invalid(message).because(Code::RequestInvalid)
}

/// Checks the name of a target: 1 to 255 letters, digits and `_ . : / -` of ASCII, the first one a letter or a digit.
pub(crate) fn target_name(target: &str) -> Answer<()> {
    let is_inner = |c: char| c.is_ascii_alphanumeric() || "_.:/-".contains(c);
    let fits = target.starts_with(|c: char| c.is_ascii_alphanumeric()) && target.chars().all(is_inner);
    if fits && target.len() <= TARGET_MAX {
        return Ok(());
    }
    Err(wrong(format!(
        "A target has 1 to {TARGET_MAX} letters, digits and _ . : / - of ASCII, and begins with a letter or a digit."
    )))
}

/// Says that another version, or none, is to run at a target. What is to run there already is no move.
fn move_deployment(
    change: &Change<'_>,
    mover: &Mover,
    model: &RegisteredModel,
    target: &str,
    to: Option<i64>,
) -> Answer<()> {
    target_name(target)?;
    let from = change.deployed(model.seq, target)?;
    if from == to {
        return Ok(());
    }
    change.point_deployment(model.seq, target, to)?;
    let [before, after] = [from, to].map(|number| number.map(|number| number.to_string()));
    let about = About { number: None, alias: Some(target), before: before.as_deref(), after: after.as_deref() };
    mover.note(change, MoveKind::DeploymentMoved, (model.seq, &model.name), about)
}

/// Says that a version is to run at a target.
///
/// # Errors
///
/// A name, a number or a target that cannot be; a version that is not there.
pub(super) fn deploy_model(change: &Change<'_>, mover: &Mover, name: &str, target: &str, number: &str) -> Answer<()> {
    let version = model_version(change, name, number)?;
    let model = registered_model(change, name)?;
    move_deployment(change, mover, &model, target, Some(version.number))
}

/// Says that nothing is to run at a target.
///
/// # Errors
///
/// A name or a target that cannot be; a name that none has.
pub(super) fn undeploy_model(change: &Change<'_>, mover: &Mover, name: &str, target: &str) -> Answer<()> {
    models::names::model_name(name)?;
    let model = registered_model(change, name)?;
    move_deployment(change, mover, &model, target, None)
}

/// Refuses to delete what is to run somewhere.
pub(super) fn runs_nowhere(view: &View<'_>, model: &str, number: Option<i64>) -> Answer<()> {
    let declared = view.deployments(Some(model))?;
    let Some(running) = declared.into_iter().find(|one| number.is_none_or(|number| one.number == number)) else {
        return Ok(());
    };
    let message = format!(
        "Version {} of {model} is to run at {}: take it from there before it is deleted.",
        running.number, running.target
    );
    Err(Refused::new(ErrorCode::PermissionDenied, message).because(Code::StateConflict))
}

/// Returns what is known of what runs where, by model and target.
fn known(view: &View<'_>, model: Option<&str>) -> Answer<BTreeMap<(String, String), Known>> {
    let keys: BTreeSet<String> =
        view.host_keys()?.into_iter().filter(|key| key.revoked.is_none()).map(|key| key.target).collect();
    let mut all: BTreeMap<(String, String), Known> = BTreeMap::new();
    for seen in view.observations(model)? {
        all.entry((seen.model.clone(), seen.target.clone())).or_default().seen.push(seen);
    }
    for probe in view.probes(model)? {
        let ProbeKept { model, target, .. } = &probe;
        all.entry((model.clone(), target.clone())).or_default().probes.push(probe);
    }
    for ((_, target), known) in &mut all {
        known.is_signed = keys.contains(target);
    }
    Ok(all)
}

/// Returns what is to run at a target.
pub(super) fn declared_at(view: &View<'_>, model: &str, target: &str) -> Answer<Option<Declared>> {
    Ok(declared(view, Some(model))?.remove(&(model.to_owned(), target.to_owned())))
}

/// Returns what is to run where, by model and target.
fn declared(view: &View<'_>, model: Option<&str>) -> Answer<BTreeMap<(String, String), Declared>> {
    let mut all = BTreeMap::new();
    for one in view.deployments(model)? {
        let version: Option<ModelVersion> = view.model_version(&one.model, one.number)?;
        let seal = version.as_ref().map_or(Ok(None), |version| seal_of(view, version))?.map(|seal| seal.digest);
        let images = version.iter().flat_map(|version| infrastructure(&version.tags));
        let image = images.filter(|(name, _)| *name == IMAGE).map(|(_, digest)| digest.to_owned()).next();
        all.insert((one.model, one.target), Declared { number: one.number, seal, image });
    }
    Ok(all)
}

/// Returns what is to run where and what does, by model and target.
pub(super) fn deployments(view: &View<'_>, model: Option<&str>, now: i64) -> Answer<Vec<DeploymentShown>> {
    let mut known = known(view, model)?;
    let mut all = Vec::new();
    for ((model, target), declared) in declared(view, model)? {
        let known = match known.remove(&(model.clone(), target.clone())) {
            Some(known) => known,
            None => Known { is_signed: view.has_host_key(&target)?, ..Known::default() },
        };
        all.push(shown((model, target), Some(&declared), known, now));
    }
    all.extend(known.into_iter().map(|(place, known)| shown(place, None, known, now)));
    all.sort_by(|a, b| (&a.model, &a.target).cmp(&(&b.model, &b.target)));
    Ok(all)
}

fn shown((model, target): (String, String), declared: Option<&Declared>, known: Known, now: i64) -> DeploymentShown {
    let witnesses = witnesses(declared, known, now);
    let (state, seen) = match deciding(&witnesses) {
        Some(witness) => (witness.state.unwrap_or(DeploymentState::Unseen), witness.seen.clone()),
        None => (DeploymentState::Unseen, None),
    };
    let (declared, seal) = (declared.map(|one| one.number), declared.and_then(|one| one.seal));
    DeploymentShown { model, target, declared, seal, seen, witnesses, state }
}

impl Tracking {
    /// Returns what is to run where and what does, by model and target.
    ///
    /// - `model`: of this one alone, by name.
    ///
    /// # Errors
    ///
    /// What the disk says.
    pub fn deployments(&self, model: Option<&str>) -> Answer<Vec<DeploymentShown>> {
        self.kept.view(|view| deployments(view, model, self.now()))
    }
}
