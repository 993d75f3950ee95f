//! Experiments and runs that are taken over.

use models::{artifact, names};
use store::tracking::{Dataset, Experiment as Kept, Input, Metric, NewExperiment, NewRun, Output, RunChange, View};
use types::Digest;
use types::imports::{Experiment, Point, Points, Run, RunEnd};

use super::{ImportState, Taker, differs, elsewhere, once, pairs, stage, uncut};
use crate::tracking::logs::check_metric;
use crate::tracking::{Answer, Refused};

/// Are the ways in which a run stands.
const STATUSES: [&str; 5] = ["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"];

/// Returns the address of what an experiment keeps here.
pub(super) fn address(experiment: i64) -> String {
    format!("{}/{experiment}", artifact::SCHEME)
}

/// Reads a point.
pub(super) fn metric(point: &Point) -> Answer<Metric> {
    let Point { key, at, step, value } = point;
    let wrong = || Refused::invalid(format!("'{value}' is no value of the metric '{key}'."));
    let value = value.parse().map_err(|_| wrong())?;
    let metric = Metric { key: key.clone(), value, at: *at, step: *step };
    check_metric("", &metric)?;
    Ok(metric)
}

/// Returns how many files are below an address that is here.
pub(super) fn files_below(view: &View<'_>, location: &str) -> Answer<i64> {
    let files = artifact::place(location).map_or(Ok(Vec::new()), |place| view.artifacts_below(place.key()))?;
    Ok(i64::try_from(files.len()).unwrap_or(i64::MAX))
}

/// Demands that as much is here as the source has.
pub(super) fn all_here(what: &str, here: i64, there: i64) -> Answer<()> {
    if here >= there {
        return Ok(());
    }
    Err(Refused::invalid(format!("Of {there} {what} only {here} are here, so it is not wholly taken over.")))
}

fn check_run(run: &Run) -> Answer<()> {
    names::run_id(&run.id, "run_id")?;
    if !STATUSES.contains(&run.status.as_str()) {
        return Err(Refused::invalid(format!("'{}' is no status of a run.", run.status)));
    }
    once(&run.tags)?;
    once(&run.params)?;
    for (key, value) in &run.tags {
        uncut(key, value, names::tag("", key, value)?)?;
    }
    for (key, value) in &run.params {
        uncut(key, value, names::param("", key, value)?)?;
    }
    for set in &run.datasets {
        once(&set.tags)?;
        names::dataset(&names::Dataset {
            name: &set.name,
            digest: &set.digest,
            source: &set.source,
            schema: Some(&set.schema),
            profile: Some(&set.profile),
        })?;
        set.tags.iter().try_for_each(|(key, value)| names::input_tag(key, value))?;
    }
    run.location.as_deref().map_or(Ok(()), elsewhere)
}

impl Taker<'_> {
    pub(super) fn experiment(&self, one: &Experiment, said: Digest) -> Answer<ImportState> {
        names::experiment_name(&one.name)?;
        once(&one.tags)?;
        one.tags.iter().try_for_each(|(key, value)| names::experiment_tag(key, value))?;
        one.location.as_deref().map_or(Ok(()), elsewhere)?;
        let (id, to) = (one.id.to_string(), stage(&one.stage)?);
        if one.id < 0 {
            return Err(Refused::invalid(format!("'{id}' is no number of an experiment.")));
        }
        if self.known("experiment", &id, said)?.is_some() {
            return Ok(ImportState::Present);
        }
        let location = one.location.clone().unwrap_or_else(|| address(one.id));
        match self.change.experiment(one.id)? {
            Some(there) if self.is_own(&there, one)? => {
                self.change.adopt_experiment(one.id, &location, one.created)?;
            }
            // Every server has its own; what belongs to it comes together.
            Some(there) if there.id == 0 && there.name == one.name => {
                self.mark("experiment", &id, said, Some(said))?;
                return Ok(ImportState::Present);
            }
            Some(_) => return Err(differs(format!("Experiment {id}"))),
            None => {
                let new = NewExperiment { id: one.id, name: &one.name, location: &location, now: one.created };
                if !self.change.add_experiment(new)? {
                    return Err(differs(format!("The experiment named '{}'", one.name)));
                }
            }
        }
        pairs(&one.tags).iter().try_for_each(|tag| self.change.tag_experiment(one.id, tag))?;
        self.change.stage_experiment(one.id, to, one.updated)?;
        self.mark("experiment", &id, said, Some(said))?;
        Ok(ImportState::Taken)
    }

    /// Says whether an experiment is the first one of this server, and nothing was made of it yet.
    fn is_own(&self, there: &Kept, one: &Experiment) -> Answer<bool> {
        let is_first = there.id == 0 && there.name == one.name && there.tags.is_empty();
        Ok(is_first && self.change.is_experiment_empty(0)?)
    }

    pub(super) fn run(&self, one: &Run, said: Digest) -> Answer<ImportState> {
        check_run(one)?;
        let to = stage(&one.stage)?;
        match self.known("run", &one.id, said)? {
            Some(true) => return Ok(ImportState::Present),
            Some(false) => {
                self.mark("run", &one.id, said, None)?;
                return Ok(ImportState::Taken);
            }
            None => {}
        }
        if self.change.run(&one.id)?.is_some() {
            return Err(differs(format!("Run {}", one.id)));
        }
        self.in_experiment(one.experiment)?;
        let here = format!("{}/{}/artifacts", address(one.experiment), one.id);
        let seq = self.change.add_run(NewRun {
            id: &one.id,
            experiment: one.experiment,
            name: &one.name,
            user: &one.user,
            started: one.started,
            location: one.location.as_deref().unwrap_or(&here),
        })?;
        self.change.change_run(seq, &RunChange { status: Some(one.status.clone()), ended: one.ended, name: None })?;
        pairs(&one.tags).iter().try_for_each(|tag| self.change.tag_run(seq, tag))?;
        pairs(&one.params).iter().try_for_each(|param| self.change.add_param(seq, param))?;
        self.inputs_of(one, seq)?;
        self.change.stage_run(seq, to)?;
        self.mark("run", &one.id, said, None)?;
        Ok(ImportState::Taken)
    }

    fn inputs_of(&self, one: &Run, seq: i64) -> Answer<()> {
        for set in &one.datasets {
            let dataset = Dataset {
                name: set.name.clone(),
                digest: set.digest.clone(),
                kind: set.source_type.clone(),
                source: set.source.clone(),
                schema: set.schema.clone(),
                profile: set.profile.clone(),
            };
            self.change.add_input(one.experiment, seq, &Input { dataset, tags: pairs(&set.tags) })?;
        }
        one.model_inputs.iter().try_for_each(|model| self.change.add_model_input(seq, model))?;
        for made in &one.model_outputs {
            self.change.add_output(seq, &Output { model: made.model.clone(), step: made.step })?;
        }
        Ok(())
    }

    pub(super) fn points(&self, points: &Points) -> Answer<ImportState> {
        let is_whole = self.marked("run", &points.run)?.kept.is_some();
        let seq = crate::tracking::run(self.change, &points.run)?.seq;
        for point in &points.points {
            let metric = metric(point)?;
            if !is_whole {
                self.change.log_metric(seq, &metric)?;
            } else if !self.change.has_point(seq, &metric)? {
                return Err(differs(format!("Run {} without a point of '{}'", points.run, point.key)));
            }
        }
        Ok(if is_whole { ImportState::Present } else { ImportState::Taken })
    }

    pub(super) fn run_end(&self, end: &RunEnd) -> Answer<ImportState> {
        let mark = self.marked("run", &end.run)?;
        if mark.kept.is_some() {
            return Ok(ImportState::Present);
        }
        let run = crate::tracking::run(self.change, &end.run)?;
        all_here("points", self.change.count_points(run.seq)?, end.points)?;
        all_here("files", files_below(self.change, &run.location)?, end.files)?;
        let missing = || Refused::absent(format!("Run {} came with the batch that ends it.", end.run));
        let kept = self.whole.get(&end.run).copied().ok_or_else(missing)?;
        self.mark("run", &end.run, mark.said, Some(kept))?;
        self.change.touch_run(run.seq)?;
        Ok(ImportState::Taken)
    }
}
