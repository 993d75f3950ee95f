//! Experiments.

use models::names;
use store::tracking::{Experiment, NewExperiment, Pair, Stage};

use super::{Answer, ErrorCode, Refused, Tracking, absent_experiment, active_experiment, experiment, number};

/// Is the name of experiment 0.
const DEFAULT: &str = "Default";

/// Below which address artifacts are, if nobody says another one.
const ARTIFACTS: &str = "mlflow-artifacts:";

impl Tracking {
    pub(super) fn make_default(&self) -> Answer<()> {
        let now = self.now();
        self.kept.change(move |change| {
            if change.next_experiment()? == 0 {
                let location = format!("{ARTIFACTS}/0");
                change.add_experiment(NewExperiment { id: 0, name: DEFAULT, location: &location, now })?;
            }
            Ok(())
        })
    }

    /// Makes an experiment and returns its number.
    ///
    /// # Errors
    ///
    /// A name, a location or a tag that cannot be; a name that is taken, also by a deleted one; a tag that is there twice.
    pub fn create_experiment(&self, name: String, location: Option<String>, tags: Vec<Pair>) -> Answer<i64> {
        if let Some(location) = &location {
            names::artifact_location(location)?;
        }
        names::experiment_name(&name)?;
        for tag in &tags {
            names::experiment_tag(&tag.key, &tag.value)?;
        }
        let now = self.now();
        self.kept.change(move |change| {
            let id = change.next_experiment()?;
            let location = location.unwrap_or_else(|| format!("{ARTIFACTS}/{id}"));
            let taken =
                || Refused::new(ErrorCode::ResourceAlreadyExists, format!("Experiment(name={name}) already exists."));
            let twice = has_twice(&tags);
            let free = change.add_experiment(NewExperiment { id, name: &name, location: &location, now })?;
            if !free || twice {
                return Err(taken());
            }
            tags.iter().try_for_each(|tag| change.tag_experiment(id, tag))?;
            Ok(id)
        })
    }

    /// Returns an experiment, deleted or not.
    ///
    /// # Errors
    ///
    /// An id that is no number, or nobody's.
    pub fn experiment(&self, id: &str) -> Answer<Experiment> {
        let id = number(id)?;
        self.kept.view(|view| experiment(view, id))
    }

    /// Returns the experiment of a name, deleted or not.
    ///
    /// # Errors
    ///
    /// A name that none has.
    pub fn experiment_named(&self, name: &str) -> Answer<Experiment> {
        let absent = || Refused::absent(format!("Could not find experiment with name '{name}'"));
        self.kept.view(|view| view.experiment_named(name)?.ok_or_else(absent))
    }

    /// Renames an experiment.
    ///
    /// # Errors
    ///
    /// A name that cannot be, or is taken; an id that is nobody's; an experiment that is deleted.
    pub fn rename_experiment(&self, id: &str, name: String) -> Answer<()> {
        names::experiment_name(&name)?;
        let (id, now) = (number(id)?, self.now());
        self.kept.change(move |change| {
            if experiment(change, id)?.stage == Stage::Deleted {
                return Err(Refused::new(ErrorCode::InvalidState, "Cannot rename a non-active experiment."));
            }
            if change.rename_experiment(id, &name, now)? {
                return Ok(());
            }
            Err(Refused::new(ErrorCode::BadRequest, format!("Experiment(name={name}) already exists.")))
        })
    }

    /// Deletes an experiment with all of its runs, or restores it with all of them.
    ///
    /// # Errors
    ///
    /// An id that is nobody's; an experiment that is deleted, or is not, already.
    pub fn stage_experiment(&self, id: &str, stage: Stage) -> Answer<()> {
        let (id, now) = (number(id)?, self.now());
        self.kept.change(move |change| {
            if experiment(change, id)?.stage == stage {
                return Err(absent_experiment(id));
            }
            Ok(change.stage_experiment(id, stage, now)?)
        })
    }

    /// Sets a tag of an experiment.
    ///
    /// # Errors
    ///
    /// A tag that cannot be; an id that is nobody's; an experiment that is deleted.
    pub fn tag_experiment(&self, id: &str, tag: Pair) -> Answer<()> {
        names::experiment_tag(&tag.key, &tag.value)?;
        let id = number(id)?;
        self.kept.change(move |change| {
            active_experiment(change, id)?;
            Ok(change.tag_experiment(id, &tag)?)
        })
    }

    /// Removes a tag of an experiment.
    ///
    /// # Errors
    ///
    /// An id that is nobody's; an experiment that is deleted, or has no such tag.
    pub fn untag_experiment(&self, id: &str, key: String) -> Answer<()> {
        let (id, sent) = (number(id)?, id.to_owned());
        self.kept.change(move |change| {
            active_experiment(change, id)?;
            if change.untag_experiment(id, &key)? {
                return Ok(());
            }
            Err(Refused::absent(format!("No tag with name: {key} in experiment with id {sent}")))
        })
    }
}

/// Says whether a key is there twice.
pub(super) fn has_twice(pairs: &[Pair]) -> bool {
    let mut keys: Vec<&str> = pairs.iter().map(|pair| pair.key.as_str()).collect();
    keys.sort_unstable();
    keys.windows(2).any(|two| matches!(two, [one, other] if one == other))
}
