//! What runs have read and made.

use models::names;
use store::tracking::{Input, Output};

use super::experiments::has_twice;
use super::{Answer, ErrorCode, Refused, Tracking, active_run};

impl Tracking {
    /// Notes what a run has read: datasets and models.
    ///
    /// # Errors
    ///
    /// A dataset or a tag that cannot be; a tag that is there twice; a run that is not there or deleted.
    pub fn log_inputs(&self, run: String, datasets: Vec<Input>, models: Vec<String>) -> Answer<()> {
        names::run_id(&run, "run_id")?;
        for Input { dataset, tags } in &datasets {
            names::dataset(&names::Dataset {
                name: &dataset.name,
                digest: &dataset.digest,
                source: &dataset.source,
                schema: Some(&dataset.schema),
                profile: Some(&dataset.profile),
            })?;
            tags.iter().try_for_each(|tag| names::input_tag(&tag.key, &tag.value))?;
        }
        self.kept.change(move |change| {
            let run = active_run(change, &run)?;
            if datasets.iter().any(|input| has_twice(&input.tags)) {
                return Err(Refused::new(ErrorCode::BadRequest, "A tag of a dataset is given twice."));
            }
            datasets.iter().try_for_each(|input| change.add_input(run.experiment, run.seq, input))?;
            Ok(models.iter().try_for_each(|model| change.add_model_input(run.seq, model))?)
        })
    }

    /// Notes what models a run has made.
    ///
    /// # Errors
    ///
    /// A model that was noted already; a run that is not there or deleted.
    pub fn log_outputs(&self, run: String, models: Vec<Output>) -> Answer<()> {
        self.kept.change(move |change| {
            let seq = active_run(change, &run)?.seq;
            for model in &models {
                if !change.add_output(seq, model)? {
                    let message = format!("The model {} is an output of the run already.", model.model);
                    return Err(Refused::new(ErrorCode::BadRequest, message));
                }
            }
            Ok(())
        })
    }
}
