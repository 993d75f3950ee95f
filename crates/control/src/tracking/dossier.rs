//! The dossier of a version: everything that is kept of it, from its data to where it runs, and what is missing.

use std::collections::BTreeSet;

use store::tracking::{
    Artifact, Attested, IncidentWish, ModelMove, ModelVersion, MoveKind, RegisteredModel, Run, Seal, View,
};
use types::attestation::{ANCHORED, Anchored, Attestation, INCIDENT, OBSERVED};

use super::anchors::{ANCHORS_MAX, anchor, has_ended};
use super::data_checks::{DataCheckOf, data_checks};
use super::deployments::{DeploymentShown, deployments};
use super::evaluations::{evaluations, seal_of};
use super::gaps::{Gap, Known, before_run, environment, gaps, infrastructure, last_move};
use super::model_history::MOVES_MAX;
use super::model_versions::{ModelVersionShown, model_version, shown as with_aliases, version_of_alias};
use super::pipelines::stepped;
use super::registered_models::registered_model;
use super::runs::{RunShown, shown};
use super::seals::covers;
use super::{Answer, Refused, Tracking};
use crate::lineage::Upstream;

/// Is the alias of what is in use, where nobody says otherwise.
const CHAMPION: &str = "champion";

/// Is everything that is kept of a version.
#[derive(Debug, Clone, PartialEq)]
pub struct Dossier {
    /// The version with the aliases that name it.
    pub version: ModelVersionShown,
    /// Who made it, with their kind in front.
    pub made_by: Option<String>,
    /// The seal over its files.
    pub seal: Option<Seal>,
    /// The run that it was made in.
    pub run: Option<DossierRun>,
    /// Its files that say in which environment it was made.
    pub environment: Vec<Artifact>,
    /// The definitions of infrastructure that it names, each with its digest.
    pub infrastructure: Vec<(String, String)>,
    /// The checks of the data of its run, the latest first.
    pub checked: Vec<DataCheckOf>,
    /// What came before its run.
    pub upstream: Upstream,
    /// Its evaluations, the latest first.
    pub evaluations: Vec<Attested>,
    /// What hosts and probes said of it that is recorded, the latest first.
    pub observed: Vec<Attested>,
    /// What became of each step of the pipeline that drives it, the oldest first.
    pub stepped: Vec<Attested>,
    /// What is recorded of incidents that name it.
    pub incidents: Vec<Attested>,
    /// What was moved of it, the oldest first: its aliases, stages and deployments too.
    pub moves: Vec<ModelMove>,
    /// The moves by which each alias names it and each target is to run it; nothing where the history knows none.
    pub standing: Vec<Standing>,
    /// Where it is to run, and where it does.
    pub deployments: Vec<DeploymentShown>,
    /// The release before it.
    pub before: Option<Release>,
    /// What is missing, or does not agree.
    pub gaps: BTreeSet<Gap>,
}

impl Dossier {
    /// Returns the checks of data that name its run: the others are about the same bytes, and are evidence of other runs.
    pub(crate) fn data_checks(&self) -> impl Iterator<Item = &Attested> {
        let run = self.run.as_ref().map(|run| run.shown.run.id.as_str());
        let names =
            move |check: &&DataCheckOf| run.is_some() && check.checked().and_then(|one| one.run.as_deref()) == run;
        self.checked.iter().filter(names).map(|check| &check.attested)
    }
}

/// Is the run that a version was made in.
#[derive(Debug, Clone, PartialEq)]
pub struct DossierRun {
    /// The run with all that it logged.
    pub shown: RunShown,
    /// The latest anchor of it.
    pub anchor: Option<Attested>,
    /// The parts that were changed after it had ended, as the anchors say.
    pub changed: Vec<String>,
    /// The parts that are not what the latest anchor says.
    pub differs: Vec<String>,
}

/// Says by which move an alias names a version, or a target is to run it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// An alias was moved, or a deployment.
    pub kind: MoveKind,
    /// The alias, or the target.
    pub name: String,
    /// The move.
    pub by: Option<ModelMove>,
}

/// Says which release came before a version, and why it is taken for that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Its number.
    pub number: i64,
    /// The alias, or the target, that was at it before, or is at it now; none for the version of the number before.
    pub of: Option<(MoveKind, String)>,
}

/// Returns when the release before a version was made, in milliseconds since the epoch: from then on, changes of what came before it count.
pub(super) fn made_before(view: &View<'_>, version: &ModelVersion) -> Answer<i64> {
    let model = registered_model(view, &version.name)?;
    let before = release_before(view, version, &model, &history(view, &model)?)?;
    let before = before.map_or(Ok(None), |before| view.model_version(&version.name, before.number))?;
    // Before any change of a source, also in microseconds.
    Ok(before.map_or(i64::MIN / 2_000, |before| before.created))
}

/// Returns the version with the next lower number that is still there.
fn previous(view: &View<'_>, version: &ModelVersion) -> Answer<Option<ModelVersion>> {
    for number in (1..version.number).rev() {
        if let Some(found) = view.model_version(&version.name, number)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Says whether a move is about a version.
fn is_about(moved: &ModelMove, model: i64, number: i64) -> bool {
    let text = number.to_string();
    let names = |end: &Option<String>| end.as_deref() == Some(&text);
    let is_of_name = matches!(moved.kind, MoveKind::AliasMoved | MoveKind::DeploymentMoved);
    moved.model == model
        && (moved.number == Some(number) || (is_of_name && (names(&moved.before) || names(&moved.after))))
}

/// Returns the whole history of a model.
fn history(view: &View<'_>, model: &RegisteredModel) -> Answer<Vec<ModelMove>> {
    let (mut moves, mut after) = (Vec::new(), 0);
    loop {
        let page = view.model_history(&model.name, after, MOVES_MAX)?;
        let Some(last) = page.last() else { break };
        after = last.seq;
        moves.extend(page.into_iter().filter(|moved| moved.model == model.seq));
    }
    Ok(moves)
}

/// Says by which moves a version is where it is.
fn standing(moves: &[ModelMove], aliases: &[String], declared: &[DeploymentShown], number: i64) -> Vec<Standing> {
    let targets = declared.iter().filter(|one| one.declared == Some(number)).map(|one| &one.target);
    let named = aliases.iter().map(|alias| (MoveKind::AliasMoved, alias));
    let named = named.chain(targets.map(|target| (MoveKind::DeploymentMoved, target)));
    let is_to_it = |moved: &&ModelMove| moved.after == Some(number.to_string());
    named
        .map(|(kind, name)| Standing {
            kind,
            name: name.clone(),
            by: last_move(moves, kind, name).filter(is_to_it).cloned(),
        })
        .collect()
}

/// Finds the release before a version: what its alias named before it, or what ran before it where it runs; or else what an alias names now, the
/// champion first; or else the version of the number before. It is of a lower number, since whoever goes back releases nothing new.
fn release_before(
    view: &View<'_>,
    version: &ModelVersion,
    model: &RegisteredModel,
    moves: &[ModelMove],
) -> Answer<Option<Release>> {
    let is_there =
        |number: i64| Ok::<_, Refused>(number < version.number && view.model_version(&model.name, number)?.is_some());
    let text = version.number.to_string();
    let is_to_it = |moved: &&ModelMove| {
        matches!(moved.kind, MoveKind::AliasMoved | MoveKind::DeploymentMoved) && moved.after.as_deref() == Some(&text)
    };
    for moved in moves.iter().rev().filter(is_to_it) {
        let number = moved.before.as_deref().and_then(|before| before.parse::<i64>().ok());
        if let (Some(number), Some(name)) = (number, &moved.alias)
            && is_there(number)?
        {
            return Ok(Some(Release { number, of: Some((moved.kind, name.clone())) }));
        }
    }
    let mut aliases: Vec<_> = model.aliases.iter().collect();
    aliases.sort_by_key(|alias| alias.alias != CHAMPION);
    for alias in aliases {
        if is_there(alias.number)? {
            return Ok(Some(Release { number: alias.number, of: Some((MoveKind::AliasMoved, alias.alias.clone())) }));
        }
    }
    Ok(previous(view, version)?.map(|before| Release { number: before.number, of: None }))
}

/// Returns the run of a version with what its anchors say.
fn dossier_run(view: &View<'_>, run: Run, now: i64) -> Answer<DossierRun> {
    let anchors = view.attested(ANCHORED, &run.id, ANCHORS_MAX)?;
    let said: Vec<&Anchored> = anchors.iter().filter_map(anchored).collect();
    let at_end = said.iter().rev().find(|one| has_ended(&one.status));
    let latest = said.first();
    let changed = at_end.zip(latest).map_or_else(Vec::new, |(end, latest)| others(end, latest));
    let differs = match latest {
        Some(latest) if view.touches(run.seq)? == 0 => others(latest, &anchor(view, &run, now)?),
        _ => Vec::new(),
    };
    Ok(DossierRun { shown: shown(view, run)?, changed, differs, anchor: anchors.into_iter().next() })
}

fn anchored(attested: &Attested) -> Option<&Anchored> {
    match &attested.what {
        Attestation::Anchored(anchored) => Some(anchored),
        _ => None,
    }
}

/// Returns what was recorded of a version's deployments.
fn observed(view: &View<'_>, deployments: &[DeploymentShown], number: i64) -> Answer<Vec<Attested>> {
    let mut all = Vec::new();
    for one in deployments {
        all.extend(view.attested(OBSERVED, &format!("{}/{}", one.model, one.target), ANCHORS_MAX)?);
    }
    let number = u64::try_from(number).ok();
    let is_other = |others: &Option<Vec<u64>>| others.iter().flatten().any(|other| Some(*other) == number);
    all.retain(|attested| match &attested.what {
        Attestation::Observed(seen) => seen.version == number || seen.declared == number || is_other(&seen.others),
        _ => false,
    });
    Ok(all)
}

/// Returns what was recorded of incidents that name a version.
fn incidents(view: &View<'_>, model: &str, number: i64) -> Answer<Vec<Attested>> {
    let wish = IncidentWish { model: Some(model.to_owned()), with_ended: true, before: None, limit: ANCHORS_MAX };
    let things =
        view.incidents(&wish)?.into_iter().map(|kept| format!("{}/{model}/{}", kept.what.thing, kept.what.name));
    let mut all = Vec::new();
    for about in things.collect::<BTreeSet<_>>() {
        all.extend(view.attested(INCIDENT, &about, ANCHORS_MAX)?);
    }
    let number = u64::try_from(number).unwrap_or(0);
    all.retain(|attested| matches!(&attested.what, Attestation::Incident(found) if found.names(number)));
    Ok(all)
}

/// Names the parts in which two anchors of a run differ.
fn others(one: &Anchored, other: &Anchored) -> Vec<String> {
    let is_other = |part: &&types::attestation::Part| !other.parts.contains(part);
    one.parts.iter().filter(is_other).map(|part| part.name.clone()).collect()
}

impl Tracking {
    /// Returns everything that is kept of a version.
    ///
    /// - `at`: its number, or an alias with an `@` in front.
    ///
    /// # Errors
    ///
    /// A name, a number or an alias that cannot be, or that none has.
    pub fn dossier(&self, name: &str, at: &str) -> Answer<Dossier> {
        let now = self.now();
        self.kept.view(|view| {
            let version = match at.strip_prefix('@') {
                Some(alias) => version_of_alias(view, name, alias)?,
                None => model_version(view, name, at)?,
            };
            dossier(view, version, now)
        })
    }
}

fn dossier(view: &View<'_>, version: ModelVersion, now: i64) -> Answer<Dossier> {
    let model = registered_model(view, &version.name)?;
    let history = history(view, &model)?;
    let run = if version.run.is_empty() { None } else { view.run(&version.run)? };
    let (seal, upstream) = (seal_of(view, &version)?, before_run(view, run.as_ref())?);
    let since = made_before(view, &version)?;
    let known = Known { version: &version, seal: seal.as_ref(), run: run.as_ref(), upstream: &upstream, since };
    let mut gaps = gaps(view, &known)?;
    let environment = environment(view, seal.as_ref(), run.as_ref())?;
    let checked = run.as_ref().map_or_else(|| Ok(Vec::new()), |run| data_checks(view, run, &view.inputs(run.seq)?))?;
    let run = run.map(|run| dossier_run(view, run, now)).transpose()?;
    let all = deployments(view, Some(&model.name), now)?;
    let shown = with_aliases(view, version)?;
    let version = &shown.version;
    let standing = standing(&history, &shown.aliases, &all, version.number);
    let seen = |one: &DeploymentShown| one.seen.as_ref().and_then(|seen| seen.version);
    let is_here =
        |one: &DeploymentShown| one.declared == Some(version.number) || seen(one) == u64::try_from(version.number).ok();
    let observed = observed(view, &all, version.number)?;
    let deployments: Vec<_> = all.into_iter().filter(is_here).collect();
    let files = seal.as_ref().map_or_else(|| Ok(Vec::new()), |seal| view.artifacts_below(&seal.place))?;
    for (holds, gap) in [
        (seal.as_ref().is_some_and(|seal| !covers(seal, &files)), Gap::FilesDiffer),
        (run.as_ref().is_some_and(|run| !run.changed.is_empty()), Gap::RunChanged),
        (run.as_ref().is_some_and(|run| !run.differs.is_empty()), Gap::RunDiffers),
        (standing.iter().any(|one| one.by.is_none()), Gap::AliasAroundTheRoad),
        (standing.iter().any(|one| one.by.as_ref().is_some_and(|by| by.action.is_none())), Gap::NotDecided),
        (deployments.iter().any(|one| one.state.is_around_the_road()), Gap::RunsAroundTheRoad),
    ] {
        if holds {
            gaps.insert(gap);
        }
    }
    Ok(Dossier {
        made_by: view.maker_of_version(model.seq, version.number)?,
        infrastructure: infrastructure(&version.tags)
            .map(|(name, digest)| (name.to_owned(), digest.to_owned()))
            .collect(),
        checked,
        stepped: stepped(view, model.seq, version.number)?,
        evaluations: evaluations(view, version)?,
        observed,
        incidents: incidents(view, &model.name, version.number)?,
        moves: history.iter().filter(|moved| is_about(moved, model.seq, version.number)).cloned().collect(),
        before: release_before(view, version, &model, &history)?,
        environment,
        seal,
        run,
        upstream,
        standing,
        deployments,
        gaps,
        version: shown,
    })
}
