//! What probes found: kept by their means, and compared to what is to run.

use std::collections::BTreeSet;

use connectors::probe::{Served, Told};
use store::tracking::{Change, Observation, ProbeKept};

use super::deployments::declared_at;
use super::observations::{Taken, reconcile, take};
use super::witnesses::{Declared, Means};
use super::{Answer, Tracking};

/// Names a probe of the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Probed {
    /// What the settings call it.
    pub(crate) name: String,
    /// The registered model.
    pub(crate) model: String,
    /// Where.
    pub(crate) target: String,
    /// By what means it looks.
    pub(crate) means: Means,
    /// Whether it cannot tell a version, whatever it hears.
    pub(crate) abstains: bool,
}

impl Probed {
    fn kept(&self) -> ProbeKept {
        ProbeKept {
            model: self.model.clone(),
            target: self.target.clone(),
            means: self.means.name().to_owned(),
            name: self.name.clone(),
            abstains: self.abstains,
            tried: None,
            failed: None,
            fails: 0,
            says: String::new(),
        }
    }

    /// Says what is known by what it was told that serves. Of several versions the one that is to run stands first; of several digests of it
    /// one that is not the seal's.
    fn seen(&self, served: &[Served], declared: Option<&Declared>, now: i64) -> Observation {
        let versions: BTreeSet<u64> = served.iter().map(|one| one.version).collect();
        let to_run = declared.and_then(|declared| u64::try_from(declared.number).ok());
        let version = to_run.filter(|number| versions.contains(number)).or_else(|| versions.first().copied());
        let of_it = || served.iter().filter(|one| Some(one.version) == version).filter_map(|one| one.digest);
        let seal = declared.and_then(|declared| declared.seal);
        let images: BTreeSet<&String> = served.iter().flat_map(|one| &one.images).collect();
        Observation {
            model: self.model.clone(),
            target: self.target.clone(),
            means: self.means.name().to_owned(),
            version,
            digest: of_it().find(|digest| Some(*digest) != seal).or_else(|| of_it().next()),
            others: versions.into_iter().filter(|other| Some(*other) != version).collect(),
            images: images.into_iter().cloned().collect(),
            by: format!("probe:{}", self.name),
            state: String::new(),
            first: now,
            last: now,
        }
    }
}

impl Tracking {
    /// Keeps which probes there are, each as one that has not looked yet, and forgets those that the settings name no more.
    pub(crate) fn declare_probes(&self, all: Vec<Probed>) -> Answer<()> {
        self.kept.change(move |change| {
            let kept: Vec<ProbeKept> = all.iter().map(Probed::kept).collect();
            let place = |probe: &ProbeKept| (probe.model.clone(), probe.target.clone(), probe.means.clone());
            let places: BTreeSet<_> = kept.iter().map(place).collect();
            for old in change.probes(None)?.iter().filter(|old| !places.contains(&place(old))) {
                change.forget_probe(&old.model, &old.target, &old.means)?;
            }
            Ok(kept.iter().try_for_each(|probe| change.note_probe(probe))?)
        })
    }

    /// Keeps what a probe was told, or why it was told nothing, and compares its target again.
    pub(crate) fn keep_probed(&self, of: &Probed, told: Result<Told, String>) -> Answer<()> {
        let (of, now, started) = (of.clone(), self.now(), self.started);
        self.kept.change(move |change| {
            let before = change.probes(Some(&of.model))?.into_iter().find(|kept| is_of(kept, &of));
            let tried = ProbeKept { tried: Some(now), ..of.kept() };
            match told {
                Ok(Told::Serves(served)) => {
                    change.note_probe(&tried)?;
                    let declared = declared_at(change, &of.model, &of.target)?;
                    let seen = of.seen(&served, declared.as_ref(), now);
                    return take(change, Taken { seen, signed: None }, now, started).map(drop);
                }
                Ok(Told::Alive(says)) => change.note_probe(&ProbeKept { says, ..tried })?,
                Err(says) => note_failed(change, before, ProbeKept { says, ..tried }, now)?,
            }
            reconcile(change, (&of.model, &of.target), None, now, started).map(drop)
        })
    }
}

fn is_of(kept: &ProbeKept, of: &Probed) -> bool {
    (&kept.model, &kept.target, kept.means.as_str()) == (&of.model, &of.target, of.means.name())
}

fn note_failed(change: &Change<'_>, before: Option<ProbeKept>, tried: ProbeKept, now: i64) -> Answer<()> {
    let (failed, fails) = before.map_or((None, 0), |before| (before.failed, before.fails));
    let (failed, fails) = (Some(failed.unwrap_or(now)), fails.saturating_add(1));
    Ok(change.note_probe(&ProbeKept { failed, fails, ..tried })?)
}
