//! What is to run where, what the hosts say that runs there, and how the two compare.

use store::tracking::{Change, ModelVersion, MoveKind, Observation, RegisteredModel, View};
use types::attestation::{Attestation, Observed};
use types::{Code, Digest};

use super::evaluations::seal_of;
use super::model_history::{About, Mover};
use super::model_versions::model_version;
use super::registered_models::registered_model;
use super::{Answer, ErrorCode, Refused, Tracking};
use crate::keys::Holder;

/// Is how long a host may say nothing, in milliseconds: 15 minutes.
pub const SILENT_AFTER_MS: i64 = 15 * 60 * 1_000;

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
    /// It runs nothing.
    NothingRuns,
    /// It has not said anything for long.
    Silent,
    /// It has never said anything.
    Unseen,
}

impl DeploymentState {
    /// Lists all of them.
    pub const ALL: [Self; 7] = [
        Self::AsDeclared,
        Self::OtherVersion,
        Self::OtherFiles,
        Self::Undeclared,
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
            Self::NothingRuns => "nothing-runs",
            Self::Silent => "silent",
            Self::Unseen => "unseen",
        }
    }

    /// Says whether something runs that nobody decided.
    pub fn is_around_the_road(self) -> bool {
        matches!(self, Self::OtherVersion | Self::OtherFiles | Self::Undeclared)
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
    /// What its host said last.
    pub seen: Option<Observation>,
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

/// Is what the host of a target says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewObservation {
    /// The model, by the name that the host has for it.
    pub model: String,
    /// Where.
    pub target: String,
    /// The version's number; nothing runs there if it is absent.
    pub version: Option<u64>,
    /// The digest over the files that it has loaded.
    pub digest: Option<Digest>,
}

fn wrong(message: String) -> Refused {
    Refused::invalid(message).because(Code::RequestInvalid)
}

/// Checks the name of a target: 1 to 255 letters, digits and `_ . : / -` of ASCII, the first one a letter or a digit.
pub(super) fn target_name(target: &str) -> Answer<()> {
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

fn state(declared: Option<(i64, Option<Digest>)>, seen: Option<&Observation>, now: i64) -> DeploymentState {
    let Some(seen) = seen else { return DeploymentState::Unseen };
    let is_silent = now.saturating_sub(seen.last) > SILENT_AFTER_MS;
    let version = seen.version.and_then(|version| i64::try_from(version).ok());
    match (declared, version) {
        _ if is_silent => DeploymentState::Silent,
        (_, None) => DeploymentState::NothingRuns,
        (None, Some(_)) => DeploymentState::Undeclared,
        (Some((declared, _)), Some(version)) if declared != version => DeploymentState::OtherVersion,
        (Some((_, seal)), Some(_)) if seen.digest.is_some() && seen.digest != seal => DeploymentState::OtherFiles,
        _ => DeploymentState::AsDeclared,
    }
}

/// Returns what is to run where and what does, by model and target.
pub(super) fn deployments(view: &View<'_>, model: Option<&str>, now: i64) -> Answer<Vec<DeploymentShown>> {
    let mut seen = view.observations(model)?;
    let mut all = Vec::new();
    for declared in view.deployments(model)? {
        let version: Option<ModelVersion> = view.model_version(&declared.model, declared.number)?;
        let seal = version.as_ref().map_or(Ok(None), |version| seal_of(view, version))?.map(|seal| seal.digest);
        let at = seen.iter().position(|seen| seen.model == declared.model && seen.target == declared.target);
        let seen = at.map(|at| seen.remove(at));
        let state = state(Some((declared.number, seal)), seen.as_ref(), now);
        let (model, target) = (declared.model, declared.target);
        all.push(DeploymentShown { model, target, declared: Some(declared.number), seal, seen, state });
    }
    all.extend(seen.into_iter().map(|seen| DeploymentShown {
        model: seen.model.clone(),
        target: seen.target.clone(),
        declared: None,
        seal: None,
        state: state(None, Some(&seen), now),
        seen: Some(seen),
    }));
    all.sort_by(|a, b| (&a.model, &a.target).cmp(&(&b.model, &b.target)));
    Ok(all)
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

    /// Keeps what the host of a target says that it runs, and returns how that compares to what is to run there. It is recorded if it is
    /// not what the host said before.
    ///
    /// # Errors
    ///
    /// A name that cannot be; more targets than are told of.
    pub fn observe(&self, who: &Holder, new: NewObservation) -> Answer<DeploymentShown> {
        models::names::model_name(&new.model)?;
        models::names::model_name_fits(&new.model)?;
        target_name(&new.target)?;
        let (by, now) = (who.principal.subject(), self.now());
        self.kept.change(move |change| {
            let NewObservation { model, target, version, digest } = new;
            let before = change.observation(&model, &target)?;
            if before.is_none() && change.observation_count()? >= OBSERVATIONS_MAX {
                return Err(wrong(format!("{OBSERVATIONS_MAX} pairs of model and target are told of already.")));
            }
            let is_same = |seen: &Observation| seen.version == version && seen.digest == digest && seen.by == by;
            let (first, recorded) =
                before.filter(is_same).map_or((now, String::new()), |seen| (seen.first, seen.state));
            let seen = Observation { model, target, version, digest, by, state: recorded, first, last: now };
            change.observe(&seen)?;
            reconcile(change, &seen.model, &seen.target, now)
        })
    }

    /// Compares everything that is told of again, and keeps each comparison that came out otherwise than it was recorded.
    pub(crate) fn reconcile(&self) -> Answer<()> {
        let now = self.now();
        let is_other = |one: &DeploymentShown| one.seen.as_ref().is_some_and(|seen| seen.state != one.state.name());
        let mut others = self.deployments(None)?;
        others.retain(is_other);
        others.into_iter().try_for_each(|one| {
            self.kept.change(move |change| reconcile(change, &one.model, &one.target, now).map(drop))
        })
    }
}

/// Attests how a target compares, if that was not attested last.
fn reconcile(change: &Change<'_>, model: &str, target: &str, now: i64) -> Answer<DeploymentShown> {
    let all = deployments(change, Some(model), now)?;
    let gone = || Refused::new(ErrorCode::InternalError, "what was kept is not there");
    let mut shown = all.into_iter().find(|one| one.target == target).ok_or_else(gone)?;
    let Some(seen) = shown.seen.as_mut().filter(|seen| seen.state != shown.state.name()) else { return Ok(shown) };
    shown.state.name().clone_into(&mut seen.state);
    change.observe(seen)?;
    let what = Attestation::Observed(Observed {
        model: model.to_owned(),
        target: target.to_owned(),
        version: seen.version,
        digest: seen.digest,
        declared: shown.declared.and_then(|declared| u64::try_from(declared).ok()),
        state: seen.state.clone(),
        at: now,
    });
    let by = seen.by.clone();
    change.attest(&what, &format!("{model}/{target}"), Some(&by))?;
    Ok(shown)
}
