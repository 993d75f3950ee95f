//! Incidents: what runs or stands otherwise than decisions led it. Each is kept and attested once, again when it changes, and when it is
//! mended.

use store::tracking::{Change, IncidentKept, IncidentWish, ModelMove, MoveKind, View};
use types::attestation::Attestation;
use types::incident::Incident;

use super::deployments::{DeploymentShown, DeploymentState, SILENT_AFTER_MS};
use super::{Answer, Tracking};

/// Is how many incidents are returned at most.
pub const INCIDENTS_MAX: u64 = 1_000;

/// Is how often in a row a probe tells nothing before that is an incident.
pub const FAILS_MAX: u64 = 3;

/// Says what an incident is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thing {
    /// What runs at a target.
    Deployment,
    /// Which version an alias names.
    Alias,
    /// Which stage a version is in.
    Stage,
    /// What is to run at a target, as it is kept.
    Declaration,
}

impl Thing {
    /// Lists all of them.
    pub const ALL: [Self; 4] = [Self::Deployment, Self::Alias, Self::Stage, Self::Declaration];

    /// Returns how it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Deployment => "deployment",
            Self::Alias => "alias",
            Self::Stage => "stage",
            Self::Declaration => "declaration",
        }
    }
}

/// Is what is wrong with a thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) wrong: &'static str,
    pub(crate) declared: Option<String>,
    pub(crate) observed: Option<String>,
    pub(crate) means: Option<&'static str>,
}

/// Says whether something is wrong with a thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing is.
    Fine,
    /// Something is.
    Wrong(Wrong),
    /// That cannot be told yet; what was found before stands.
    Wait,
}

/// Names a thing: what it is, its model, and its name below that.
pub(crate) type Named<'a> = (Thing, &'a str, &'a str);

/// Says whether a verdict says otherwise than the incident that is open.
fn differs(open: Option<&Incident>, verdict: &Verdict) -> bool {
    match (open, verdict) {
        (_, Verdict::Wait) | (None, Verdict::Fine) => false,
        (Some(_), Verdict::Fine) | (None, Verdict::Wrong(_)) => true,
        (Some(open), Verdict::Wrong(Wrong { wrong, declared, observed, .. })) => {
            open.wrong != *wrong || open.declared != *declared || open.observed != *observed
        }
    }
}

/// Begins, changes or ends the incident of a thing, and attests it; does nothing if that is no news.
pub(crate) fn hold(change: &Change<'_>, (thing, model, name): Named<'_>, verdict: &Verdict, now: i64) -> Answer<()> {
    let open = change.open_incident(thing.name(), model, name)?;
    if !differs(open.as_ref().map(|open| &open.what), verdict) {
        return Ok(());
    }
    let what = match (verdict, &open) {
        (Verdict::Wrong(found), _) => Incident {
            thing: thing.name().to_owned(),
            model: model.to_owned(),
            name: name.to_owned(),
            wrong: found.wrong.to_owned(),
            declared: found.declared.clone(),
            observed: found.observed.clone(),
            means: found.means.map(str::to_owned),
            since: open.as_ref().map_or(now, |open| open.what.since),
            ended: None,
            at: now,
        },
        (_, Some(open)) => Incident { ended: Some(now), at: now, ..open.what.clone() },
        (_, None) => return Ok(()),
    };
    match open {
        Some(open) => change.change_incident(open.id, &what)?,
        None => drop(change.begin_incident(&what)?),
    }
    let about = format!("{}/{model}/{name}", thing.name());
    change.attest(&Attestation::Incident(what), &about, None)?;
    Ok(())
}

/// Says whether the verdict on a target is not what is kept.
pub(super) fn verdict_differs(view: &View<'_>, shown: &DeploymentShown, now: i64, started: i64) -> Answer<bool> {
    let open = view.open_incident(Thing::Deployment.name(), &shown.model, &shown.target)?;
    Ok(differs(open.map(|open| open.what).as_ref(), &verdict(view, shown, now, started)?))
}

/// Begins, changes or ends the incident of a target.
pub(super) fn hold_deployment(change: &Change<'_>, shown: &DeploymentShown, now: i64, started: i64) -> Answer<()> {
    let verdict = verdict(change, shown, now, started)?;
    hold(change, (Thing::Deployment, &shown.model, &shown.target), &verdict, now)
}

/// Ends the incident of a target of which nothing is known or decided any more.
pub(super) fn end_deployment(change: &Change<'_>, model: &str, target: &str, now: i64) -> Answer<()> {
    hold(change, (Thing::Deployment, model, target), &Verdict::Fine, now)
}

/// Returns the targets with an open incident of which nothing is known or decided any more.
pub(super) fn lapsed_deployments(view: &View<'_>, all: &[DeploymentShown]) -> Answer<Vec<(String, String)>> {
    let open = view.open_incidents(Thing::Deployment.name())?.into_iter().map(|open| (open.what.model, open.what.name));
    let is_there = |(model, target): &(String, String)| {
        all.binary_search_by(|one| (&one.model, &one.target).cmp(&(model, target))).is_ok()
    };
    Ok(open.filter(|place| !is_there(place)).collect())
}

/// Says whether something is wrong with what runs at a target.
///
/// A host takes a while to follow a decision, so what ran there rightly before is no incident until then; and nobody was heard
/// while this server did not run.
fn verdict(view: &View<'_>, shown: &DeploymentShown, now: i64, started: i64) -> Answer<Verdict> {
    let seen = shown.seen.as_ref();
    let runs = seen.is_some_and(|seen| seen.version.is_some());
    let is_to = shown.declared.is_some();
    let is_wrong = match shown.state {
        DeploymentState::AsDeclared => false,
        DeploymentState::NothingRuns | DeploymentState::Unseen => is_to,
        DeploymentState::Silent => is_to || runs,
        _ => true,
    };
    if !is_wrong {
        return Ok(Verdict::Fine);
    }
    let moved = last_move(view, shown)?;
    let is_new = moved.as_ref().is_some_and(|moved| now.saturating_sub(moved.at) <= SILENT_AFTER_MS);
    let is_listening = now.saturating_sub(started) > SILENT_AFTER_MS;
    let waits = match shown.state {
        DeploymentState::Unseen => !has_failed(shown) && (is_failing(shown) || is_new || !is_listening),
        DeploymentState::Silent => !has_failed(shown) && (is_failing(shown) || !is_listening),
        DeploymentState::OtherFiles => false,
        DeploymentState::NothingRuns => is_new,
        _ => is_new && moved.is_some_and(|moved| is_rolling(shown, &moved)),
    };
    if waits {
        return Ok(Verdict::Wait);
    }
    let [declared, observed] = told(shown);
    let means = shown.witnesses.iter().find(|one| one.state == Some(shown.state)).map(|one| one.means.name());
    Ok(Verdict::Wrong(Wrong { wrong: shown.state.name(), declared, observed, means }))
}

fn last_move(view: &View<'_>, shown: &DeploymentShown) -> Answer<Option<ModelMove>> {
    let model = view.registered_model(&shown.model)?;
    let moved = |seq| view.last_move_of(MoveKind::DeploymentMoved, seq, &shown.target);
    Ok(model.map_or(Ok(None), |model| moved(model.seq))?)
}

/// Says whether a probe has told nothing often enough for an incident.
fn has_failed(shown: &DeploymentShown) -> bool {
    let fails = shown.witnesses.iter().filter_map(|one| one.probe.as_ref()).map(|probe| probe.fails);
    fails.max().is_some_and(|fails| fails >= FAILS_MAX)
}

/// Says whether a probe tells nothing, and it may still be a passing matter.
fn is_failing(shown: &DeploymentShown) -> bool {
    shown.witnesses.iter().filter_map(|one| one.probe.as_ref()).any(|probe| probe.failed.is_some())
}

/// Says whether all that runs is what a move led from or to.
fn is_rolling(shown: &DeploymentShown, moved: &ModelMove) -> bool {
    let Some(seen) = &shown.seen else { return false };
    let is_of_it = |version: &u64| {
        let text = Some(version.to_string());
        text == moved.before || text == moved.after
    };
    seen.version.iter().chain(&seen.others).all(is_of_it)
}

/// Writes what was decided, and what was found instead.
fn told(shown: &DeploymentShown) -> [Option<String>; 2] {
    let with_files = |number: String, files: Option<String>| match files {
        Some(files) if shown.state == DeploymentState::OtherFiles => format!("{number} with files {files}"),
        _ => number,
    };
    let declared = shown.declared.map(|number| with_files(number.to_string(), shown.seal.map(|seal| seal.to_string())));
    let observed = shown.seen.as_ref().and_then(|seen| {
        let all = seen.version.iter().chain(&seen.others).map(u64::to_string).collect::<Vec<_>>();
        let files = seen.digest.map(|digest| digest.to_string()).or_else(|| seen.images.first().cloned());
        (!all.is_empty()).then(|| with_files(all.join(" and "), files))
    });
    [declared, observed]
}

/// Says by which command an incident is mended.
pub fn mend(one: &Incident) -> String {
    let Incident { model, name, .. } = one;
    let declared = one.declared.as_deref().and_then(|text| text.split(' ').next());
    let observed = one.observed.as_deref().filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
    match (one.wrong.as_str(), declared, observed) {
        ("other-version", Some(declared), Some(observed)) => format!(
            "put version {declared} back on the host, or decide that {observed} is to run: \
             countersign model deploy {model} {observed} --to {name} --reason TEXT"
        ),
        ("mixed-versions", Some(declared), _) => format!("let every host of {name} serve version {declared} alone"),
        ("other-files", Some(declared), _) => {
            format!("load the sealed files of version {declared} on the host, and report them with --folder")
        }
        ("undeclared" | "mixed-versions", _, Some(observed)) => format!(
            "stop it on the host, or decide that it is to run: \
             countersign model deploy {model} {observed} --to {name} --reason TEXT"
        ),
        ("undeclared" | "mixed-versions", ..) => "stop it on the host".to_owned(),
        ("nothing-runs", ..) => {
            format!("start it on the host, or: countersign model undeploy {model} --from {name} --reason TEXT")
        }
        ("silent" | "unseen", ..) => format!("see why nothing is heard of it: countersign model running {model}"),
        ("alias-around-the-road", Some(declared), _) => {
            format!("countersign model promote {model} {declared} --alias {name} --reason TEXT")
        }
        ("alias-around-the-road", None, _) => {
            format!("take the alias away, with MLflow's client: delete_registered_model_alias({model:?}, {name:?})")
        }
        ("stage-around-the-road", declared, _) => format!(
            "with MLflow's client: transition_model_version_stage({model:?}, {name:?}, {:?})",
            declared.unwrap_or("None")
        ),
        ("declaration-around-the-road", Some(declared), _) => {
            format!("countersign model deploy {model} {declared} --to {name} --reason TEXT")
        }
        ("declaration-around-the-road", None, _) => {
            format!("countersign model undeploy {model} --from {name} --reason TEXT")
        }
        _ => "move it away and back, so that both are decided".to_owned(),
    }
}

impl Tracking {
    /// Returns incidents, the latest first.
    ///
    /// # Errors
    ///
    /// What the disk says.
    pub fn incidents(&self, mut wish: IncidentWish) -> Answer<Vec<IncidentKept>> {
        wish.limit = wish.limit.min(INCIDENTS_MAX);
        self.kept.view(|view| Ok(view.incidents(&wish)?))
    }

    /// Holds verdicts on things against the incidents that are open, and keeps what is news. Open ones of these kinds of things of which there
    /// is no verdict are ended.
    pub(crate) fn hold_all(&self, things: &[Thing], found: Vec<((Thing, String, String), Verdict)>) -> Answer<()> {
        let now = self.now();
        let news = self.kept.view(|view| {
            let mut news = Vec::new();
            let mut open = std::collections::BTreeMap::new();
            for thing in things {
                for one in view.open_incidents(thing.name())? {
                    open.insert((*thing, one.what.model.clone(), one.what.name.clone()), one.what);
                }
            }
            for (place, verdict) in found {
                if differs(open.remove(&place).as_ref(), &verdict) {
                    news.push((place, verdict));
                }
            }
            news.extend(open.into_keys().map(|place| (place, Verdict::Fine)));
            Ok::<_, super::Refused>(news)
        })?;
        for ((thing, model, name), verdict) in news {
            self.kept.change(move |change| hold(change, (thing, &model, &name), &verdict, now))?;
        }
        Ok(())
    }
}
