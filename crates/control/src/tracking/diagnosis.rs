//! Diagnosis: a run set beside the nearest successful one of its experiment.

use std::collections::{BTreeMap, BTreeSet};

use models::artifact;
use models::diagnosis::{
    CurveFinding, DatasetRead, Diagnosis, Measure, NEIGHBOURS_MAX, Near, OUTCOME, Point, Recorded, Training, curve,
    nearest,
};
use models::environment::{LIST_BYTES_MAX, packages};
use store::tracking::{Metric, Page, Pair, Run, View};

use super::{Answer, Refused, Tracking, run};
use crate::control::Control;
use crate::error::Failure;

/// Is how many finished runs of the experiment are looked at, those nearest in time.
pub const CANDIDATES_MAX: u64 = 200;

/// Is how many metrics are compared.
pub const CURVES_MAX: usize = 500;

/// Is how many points of one metric of one run are read, those that were measured first.
pub const POINTS_MAX: u64 = 20_000;

/// Is how many points are read in all.
const POINTS_READ_MAX: usize = 2_000_000;

/// Is the list of packages among the artifacts of a run or a model.
const PACKAGES: &str = "requirements.txt";

/// Is the tag of a dataset that says what it was read for.
pub(super) const CONTEXT: &str = "mlflow.data.context";

/// Is a run, what it is set beside, and what was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosed {
    /// The run.
    pub run: Training,
    /// The experiment it belongs to.
    pub experiment: i64,
    /// The successful run it is set beside.
    pub beside: Option<Beside>,
    /// How many successful runs were looked at.
    pub successes: usize,
    /// How many other finished runs were looked at that are no success.
    pub set_aside: usize,
    /// The successful runs whose curves were compared, by id, the nearest first.
    pub neighbours: Vec<String>,
    /// The metrics that were not compared, or not to their end, since there is too much of them.
    pub unread: Vec<String>,
    /// What was found.
    pub diagnosis: Diagnosis,
}

/// Is the run that another is set beside, with how near it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beside {
    /// The run.
    pub run: Training,
    /// How many facts differ.
    pub differing: usize,
    /// How many facts one of the two does not say.
    pub unknown: usize,
    /// How many facts there are in all.
    pub facts: usize,
    /// Whether whoever asks has named it.
    pub is_named: bool,
}

/// Are the curves of a run and of its neighbours, as far as they were read.
struct Curves {
    found: Vec<CurveFinding>,
    unread: Vec<String>,
}

impl Tracking {
    /// Sets a run beside the nearest successful one of its experiment, or beside one that is named, successful or not.
    ///
    /// # Errors
    ///
    /// An id that is nobody's; a run that is to be set beside itself.
    pub fn diagnose(&self, id: &str, against: Option<&str>) -> Answer<Diagnosed> {
        self.kept.view(|view| {
            let asked = run(view, id)?;
            let of = self.training(view, &asked)?;
            let mut candidates = Vec::new();
            for other in view.finished_runs(asked.experiment, asked.started, CANDIDATES_MAX)? {
                candidates.push(self.training(view, &other)?);
            }
            let named = match against {
                Some(same) if same == id => return Err(Refused::invalid("A run cannot be set beside itself.")),
                Some(other) => Some(self.training(view, &run(view, other)?)?),
                None => None,
            };
            let near = nearest(&of, &candidates);
            let finished = candidates.iter().filter(|other| other.id != of.id).count();
            let set_aside = finished.saturating_sub(near.len());
            let beside = named.as_ref().map(|named| Near::of(&of, named)).or(near.first().copied());
            let chosen = chosen(beside, &near);
            let curves = compared(view, &of, &chosen)?;
            let others: Vec<&Training> = near.iter().map(|near| near.run).collect();
            Ok(Diagnosed {
                diagnosis: Diagnosis::of(&of, beside.map(|near| near.run), &others, curves.found),
                experiment: asked.experiment,
                beside: beside.map(|near| shown(near, named.is_some())),
                successes: near.len(),
                set_aside,
                neighbours: chosen.iter().map(|near| near.run.id.clone()).collect(),
                unread: curves.unread,
                run: of.clone(),
            })
        })
    }

    /// Reads what is recorded of a run, without its curves.
    pub(super) fn training(&self, view: &View<'_>, run: &Run) -> Answer<Training> {
        let data = view.run_data(run.seq)?;
        let inputs = view.inputs(run.seq)?;
        let context = |tags: &'_ [Pair]| tags.iter().find(|tag| tag.key == CONTEXT).map(|tag| tag.value.clone());
        let contexts: Vec<String> = inputs.iter().map(|input| context(&input.tags).unwrap_or_default()).collect();
        let datasets: Vec<DatasetRead<'_>> = inputs
            .iter()
            .zip(&contexts)
            .map(|(input, context)| DatasetRead { name: &input.dataset.name, digest: &input.dataset.digest, context })
            .collect();
        let recorded = Recorded {
            params: &pairs(&data.params),
            tags: &pairs(&data.tags),
            datasets: &datasets,
            packages: &self.packages_of(view, run)?,
        };
        Ok(Training {
            id: run.id.clone(),
            name: run.name.clone(),
            status: run.status.clone(),
            started: run.started,
            latest: data.metrics.iter().map(|metric| (metric.key.clone(), measure(metric))).collect(),
            outcome: data.tags.iter().find(|tag| tag.key == OUTCOME).map(|tag| tag.value.clone()),
            facts: recorded.facts(),
        })
    }

    /// Reads the list of packages of a run: its own, or else that of a model it has made.
    fn packages_of(&self, view: &View<'_>, run: &Run) -> Answer<BTreeMap<String, String>> {
        let mut places = vec![run.location.clone()];
        for output in view.outputs(run.seq)? {
            places.extend(view.logged_model(&output.model)?.map(|model| model.location));
        }
        for place in places {
            if let Some(text) = self.text_below(view, &place, PACKAGES, LIST_BYTES_MAX)? {
                return Ok(packages(&text));
            }
        }
        Ok(BTreeMap::new())
    }

    /// Reads a file below an address; nothing, if it is not kept here, not there, too large, or no text.
    pub(super) fn text_below(
        &self,
        view: &View<'_>,
        address: &str,
        name: &str,
        bytes_max: usize,
    ) -> Answer<Option<String>> {
        let Some(root) = artifact::place(address) else { return Ok(None) };
        let path = artifact::path(name)?.below(&root);
        let Some(file) = view.artifact(path.key())? else { return Ok(None) };
        let bytes = self.bytes_of(&file, bytes_max)?;
        Ok(bytes.and_then(|bytes| String::from_utf8(bytes).ok()))
    }
}

/// Chooses the runs whose curves are compared: the one it is set beside first, and then the nearest successful ones.
///
/// Beside a run that is named no others are: whoever names one wants to know how it differs from that one.
fn chosen<'a>(beside: Option<Near<'a>>, near: &[Near<'a>]) -> Vec<Near<'a>> {
    match (beside, near.first()) {
        (Some(beside), Some(first)) if beside.run.id == first.run.id => {
            near.iter().take(NEIGHBOURS_MAX).copied().collect()
        }
        (beside, _) => beside.into_iter().collect(),
    }
}

fn shown(near: Near<'_>, is_named: bool) -> Beside {
    let Near { run, differing, unknown, facts } = near;
    Beside { run: run.clone(), differing, unknown, facts, is_named }
}

fn pairs(all: &[Pair]) -> Vec<(&str, &str)> {
    all.iter().map(|pair| (pair.key.as_str(), pair.value.as_str())).collect()
}

fn measure(metric: &Metric) -> Measure {
    Measure::from_bits(metric.value.to_bits())
}

/// Compares every metric that the run or one of the others has logged.
fn compared(view: &View<'_>, of: &Training, others: &[Near<'_>]) -> Answer<Curves> {
    let all = others.iter().map(|near| near.run).chain([of]);
    let keys: BTreeSet<&String> = all.flat_map(|run| run.latest.keys()).collect();
    let (mut found, mut unread, mut read) = (Vec::new(), Vec::new(), 0_usize);
    for key in keys {
        if found.len() >= CURVES_MAX || read >= POINTS_READ_MAX {
            unread.push(key.clone());
            continue;
        }
        let (own, cut) = points(view, &of.id, key)?;
        let (mut theirs, mut is_cut) = (Vec::new(), cut);
        for near in others {
            let (points, cut) = points(view, &near.run.id, key)?;
            is_cut |= cut;
            theirs.push(points);
        }
        if is_cut {
            unread.push(key.clone());
        }
        read = read.saturating_add(own.len() + theirs.iter().map(Vec::len).sum::<usize>());
        found.push(curve(key, &own, &theirs));
    }
    Ok(Curves { found, unread })
}

/// Reads the points of a metric, and says whether there are more.
fn points(view: &View<'_>, run: &str, key: &str) -> Answer<(Vec<Point>, bool)> {
    let history = view.metric_history(run, key, Page { offset: 0, limit: POINTS_MAX + 1 })?;
    let count = usize::try_from(POINTS_MAX).unwrap_or(usize::MAX);
    let is_cut = history.len() > count;
    let point = |metric: &Metric| Point { step: metric.step, at: metric.at, value: measure(metric) };
    Ok((history.iter().take(count).map(point).collect(), is_cut))
}

impl Control {
    /// Sets a run beside the nearest successful one of its experiment, or beside one that is named. Waits for the disk.
    ///
    /// # Errors
    ///
    /// `not-found` for an id that is nobody's; `request-invalid` for a run that is to be set beside itself; `file-unusable` if what is
    /// tracked cannot be read.
    pub fn diagnose_run(&self, id: &str, against: Option<&str>) -> Failure<Diagnosed> {
        Ok(self.tracking()?.diagnose(id, against)?)
    }
}
