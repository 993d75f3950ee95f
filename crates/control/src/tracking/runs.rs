//! Runs: made, changed, deleted and restored.

use store::tracking::{self as kept, Input, Output, Pair, Run, RunData, Stage, View};

use super::anchors::has_ended;
use super::experiments::has_twice;
use super::{Answer, ErrorCode, Refused, Tracking, active_experiment, active_run, below, number, run};

/// Is the tag that holds a run's name.
pub(super) const NAME: &str = "mlflow.runName";

const ADJECTIVES: [&str; 16] = [
    "amber", "brisk", "calm", "clear", "eager", "fair", "gentle", "keen", "lively", "mellow", "neat", "patient",
    "quiet", "sturdy", "tidy", "warm",
];

const NOUNS: [&str; 16] = [
    "badger", "beacon", "birch", "canyon", "cedar", "falcon", "glacier", "harbor", "heron", "lantern", "meadow",
    "otter", "pebble", "river", "sparrow", "willow",
];

/// Is a run that somebody wants.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewRun {
    /// The experiment it is to belong to.
    pub experiment: String,
    /// Who makes it, as they say.
    pub user: String,
    /// Its name; one is found if it is empty.
    pub name: String,
    /// When it began, in milliseconds since the epoch.
    pub started: i64,
    /// Its tags.
    pub tags: Vec<Pair>,
}

/// Is what is to change of a run; what is absent stays.
pub type RunChange = kept::RunChange;

/// Is a run with all that belongs to it.
#[derive(Debug, Clone, PartialEq)]
pub struct RunShown {
    /// The run.
    pub run: Run,
    /// What it logged.
    pub data: RunData,
    /// The datasets that it has read.
    pub inputs: Vec<Input>,
    /// The models that it has read, by id.
    pub model_inputs: Vec<String>,
    /// The models that it has made.
    pub outputs: Vec<Output>,
}

/// Puts a run together with what belongs to it.
pub(super) fn shown(view: &View<'_>, run: Run) -> Answer<RunShown> {
    let seq = run.seq;
    Ok(RunShown {
        run,
        data: view.run_data(seq)?,
        inputs: view.inputs(seq)?,
        model_inputs: view.model_inputs(seq)?,
        outputs: view.outputs(seq)?,
    })
}

impl Tracking {
    /// Makes a run.
    ///
    /// # Errors
    ///
    /// An experiment that is not there or deleted; two names; a tag that is there twice.
    pub fn create_run(&self, new: NewRun) -> Answer<RunShown> {
        if new.experiment.is_empty() {
            return Err(Refused::new(ErrorCode::BadRequest, "A run needs an experiment_id."));
        }
        let (experiment, id) = (number(&new.experiment)?, self.new_id());
        let made_up = self.made_up_name();
        self.kept.change(move |change| {
            let experiment = active_experiment(change, experiment)?;
            let (name, tags) = named(new.name, new.tags, made_up)?;
            if has_twice(&tags) {
                return Err(Refused::new(ErrorCode::BadRequest, "A tag is given twice."));
            }
            let location = below(&experiment.location, &format!("{id}/artifacts"));
            let seq = change.add_run(kept::NewRun {
                id: &id,
                experiment: experiment.id,
                name: &name,
                user: &new.user,
                started: new.started,
                location: &location,
            })?;
            tags.iter().try_for_each(|tag| change.tag_run(seq, tag))?;
            change.touch_run(seq)?;
            shown(change, run(change, &id)?)
        })
    }

    /// Returns a run, deleted or not.
    ///
    /// # Errors
    ///
    /// An id that is nobody's.
    pub fn run(&self, id: &str) -> Answer<RunShown> {
        self.kept.view(|view| shown(view, run(view, id)?))
    }

    /// Changes a run; an empty name changes nothing.
    ///
    /// # Errors
    ///
    /// An id that is nobody's; a run that is deleted.
    pub fn change_run(&self, id: String, wish: RunChange) -> Answer<Run> {
        let wish = RunChange { name: wish.name.filter(|name| !name.is_empty()), ..wish };
        let changed = self.kept.change(move |change| {
            let seq = active_run(change, &id)?.seq;
            change.change_run(seq, &wish)?;
            if let Some(name) = wish.name {
                change.tag_run(seq, &Pair { key: NAME.to_owned(), value: name })?;
            }
            run(change, &id)
        })?;
        if has_ended(&changed.status) {
            self.ended.notify_one();
        }
        Ok(changed)
    }

    /// Deletes or restores a run, also one that is already.
    ///
    /// # Errors
    ///
    /// An id that is nobody's.
    pub fn stage_run(&self, id: String, stage: Stage) -> Answer<()> {
        self.kept.change(move |change| {
            let seq = run(change, &id)?.seq;
            change.touch_run(seq)?;
            Ok(change.stage_run(seq, stage)?)
        })
    }

    pub(super) fn new_id(&self) -> String {
        let bytes: [u8; 16] = self.draw();
        uuid::Builder::from_random_bytes(bytes).into_uuid().simple().to_string()
    }

    /// Makes a name up, of an adjective, a noun and a number.
    pub(super) fn made_up_name(&self) -> String {
        let [a, b, c, d] = self.draw();
        let pick =
            |words: &[&'static str], n: u8| words.get(usize::from(n) % words.len().max(1)).copied().unwrap_or("run");
        format!("{}-{}-{}", pick(&ADJECTIVES, a), pick(&NOUNS, b), u16::from_be_bytes([c, d]) % 1_000)
    }
}

/// Settles the name of a run, and puts it among its tags.
fn named(name: String, mut tags: Vec<Pair>, made_up: String) -> Answer<(String, Vec<Pair>)> {
    let tagged = tags.iter().find(|tag| tag.key == NAME && !tag.value.is_empty()).map(|tag| tag.value.clone());
    if let Some(tagged) = tagged {
        if !name.is_empty() && name != tagged {
            return Err(Refused::invalid(format!(
                "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values \
                 (run_name='{name}', mlflow.runName='{tagged}')."
            )));
        }
        return Ok((tagged, tags));
    }
    let name = if name.is_empty() { made_up } else { name };
    tags.push(Pair { key: NAME.to_owned(), value: name.clone() });
    Ok((name, tags))
}
