//! Models that runs have logged.

use models::names;
use store::tracking::{LoggedModel, ModelMetric, Pair, Stage, View};
use types::Code;

use super::experiments::has_twice;
use super::{Answer, ErrorCode, Refused, Tracking, active_experiment, below, number, seals};

/// Says how a logged model stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Its files are being written.
    Pending,
    /// All of them are there.
    Ready,
    /// They will never be.
    UploadFailed,
}

/// Are the states with their numbers and names.
const STATUSES: [(Status, i64, &str); 3] = [
    (Status::Pending, 1, "LOGGED_MODEL_PENDING"),
    (Status::Ready, 2, "LOGGED_MODEL_READY"),
    (Status::UploadFailed, 3, "LOGGED_MODEL_UPLOAD_FAILED"),
];

impl Status {
    /// Returns its number.
    pub fn number(self) -> i64 {
        STATUSES.iter().find(|(status, ..)| *status == self).map_or(0, |(_, number, _)| *number)
    }

    /// Returns the name of a number.
    pub fn name_of(number: i64) -> &'static str {
        STATUSES
            .iter()
            .find(|(_, known, _)| *known == number)
            .map_or("LOGGED_MODEL_STATUS_UNSPECIFIED", |(.., name)| name)
    }

    /// Reads a name or a number.
    pub fn read(text: &str) -> Option<Self> {
        let number = text.parse().ok();
        STATUSES.iter().find(|(_, known, name)| *name == text || Some(*known) == number).map(|(status, ..)| *status)
    }
}

/// Is a logged model that somebody wants.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewLoggedModel {
    /// The experiment it is to belong to.
    pub experiment: String,
    /// Its name; one is found if it is empty.
    pub name: String,
    /// What kind of model it is.
    pub kind: String,
    /// The run that made it; empty if nobody says.
    pub source_run: String,
    /// Its parameters.
    pub params: Vec<Pair>,
    /// Its tags.
    pub tags: Vec<Pair>,
}

/// Is a logged model with all that belongs to it.
#[derive(Debug, Clone, PartialEq)]
pub struct LoggedModelShown {
    /// The model.
    pub model: LoggedModel,
    /// Its parameters, by key.
    pub params: Vec<Pair>,
    /// Its tags, by key.
    pub tags: Vec<Pair>,
    /// Every point of its metrics, in the order in which they came.
    pub metrics: Vec<ModelMetric>,
}

pub(super) fn shown(view: &View<'_>, model: LoggedModel) -> Answer<LoggedModelShown> {
    let (params, tags) = (view.logged_model_params(&model.id)?, view.logged_model_tags(&model.id)?);
    Ok(LoggedModelShown { params, tags, metrics: view.logged_model_metrics(&model.id)?, model })
}

/// Returns a logged model, deleted or not.
fn any(view: &View<'_>, id: &str) -> Answer<LoggedModel> {
    view.logged_model(id)?.ok_or_else(|| absent(id))
}

fn absent(id: &str) -> Refused {
    Refused::absent(format!("Logged model with ID '{id}' not found."))
}

/// Returns a logged model that is not deleted.
pub(super) fn active(view: &View<'_>, id: &str) -> Answer<LoggedModel> {
    let model = any(view, id)?;
    if model.stage == Stage::Active { Ok(model) } else { Err(absent(id)) }
}

impl Tracking {
    /// Makes a logged model, whose files are to follow.
    ///
    /// # Errors
    ///
    /// A name that cannot be; an experiment that is not there or deleted; a parameter or a tag that is there twice.
    pub fn create_logged_model(&self, new: NewLoggedModel) -> Answer<LoggedModelShown> {
        if !new.name.is_empty() {
            names::logged_model_name(&new.name)?;
        }
        let experiment = number(&new.experiment)?;
        let (id, made_up, now) = (format!("m-{}", self.new_id()), self.made_up_name(), self.now());
        self.kept.change(move |change| {
            let experiment = active_experiment(change, experiment)?;
            if has_twice(&new.params) || has_twice(&new.tags) {
                return Err(Refused::new(ErrorCode::BadRequest, "A parameter or a tag is given twice."));
            }
            let model = LoggedModel {
                location: below(&experiment.location, &format!("models/{id}/artifacts")),
                id,
                experiment: experiment.id,
                name: if new.name.is_empty() { made_up } else { new.name },
                status: Status::Pending.number(),
                kind: new.kind,
                source_run: Some(new.source_run).filter(|run| !run.is_empty()),
                created: now,
                updated: now,
                stage: Stage::Active,
            };
            change.add_logged_model(&model)?;
            for param in &new.params {
                change.add_logged_model_param(&model.id, param)?;
            }
            new.tags.iter().try_for_each(|tag| change.tag_logged_model(&model.id, tag))?;
            shown(change, model)
        })
    }

    /// Returns a logged model.
    ///
    /// # Errors
    ///
    /// An id that is nobody's; a model that is deleted, unless those are wanted too.
    pub fn logged_model(&self, id: &str, with_deleted: bool) -> Answer<LoggedModelShown> {
        self.kept.view(|view| shown(view, if with_deleted { any(view, id)? } else { active(view, id)? }))
    }

    /// Says how a logged model stands from now on. One that becomes ready is sealed.
    ///
    /// - `by`: who says so, in the form of `types::Principal`.
    ///
    /// # Errors
    ///
    /// An id that is nobody's; a sealed model that is to be anything but ready.
    pub fn set_logged_model_status(&self, id: String, status: Status, by: String) -> Answer<LoggedModelShown> {
        let now = self.now();
        self.kept.change(move |change| {
            let model = any(change, &id)?;
            match (change.seal(&id)?, status) {
                (Some(_), Status::Ready) => {}
                (Some(_), Status::Pending | Status::UploadFailed) => {
                    let message = format!("Model '{id}' is ready and sealed: it cannot be taken back.");
                    return Err(Refused::new(ErrorCode::PermissionDenied, message).because(Code::ModelSealed));
                }
                (None, Status::Ready) => seals::seal(change, &model, &by, now)?,
                (None, Status::Pending | Status::UploadFailed) => {}
            }
            change.set_logged_model_status(&id, status.number(), now)?;
            shown(change, any(change, &id)?)
        })
    }

    /// Deletes a logged model, also one that is deleted; its files stay.
    ///
    /// # Errors
    ///
    /// An id that is nobody's.
    pub fn delete_logged_model(&self, id: String) -> Answer<()> {
        let now = self.now();
        self.kept.change(move |change| {
            any(change, &id)?;
            Ok(change.delete_logged_model(&id, now)?)
        })
    }

    /// Sets tags of a logged model.
    ///
    /// # Errors
    ///
    /// An id that is nobody's.
    pub fn tag_logged_model(&self, id: String, tags: Vec<Pair>) -> Answer<()> {
        self.kept.change(move |change| {
            any(change, &id)?;
            Ok(tags.iter().try_for_each(|tag| change.tag_logged_model(&id, tag))?)
        })
    }

    /// Removes a tag of a logged model.
    ///
    /// # Errors
    ///
    /// An id that is nobody's; a key that it has no tag of.
    pub fn untag_logged_model(&self, id: String, key: String) -> Answer<()> {
        self.kept.change(move |change| {
            any(change, &id)?;
            if change.untag_logged_model(&id, &key)? {
                return Ok(());
            }
            Err(Refused::absent(format!("No tag with key '{key}' found for model with ID '{id}'.")))
        })
    }

    /// Adds parameters to a logged model, all of them or none.
    ///
    /// # Errors
    ///
    /// An id that is nobody's; a parameter that it has.
    pub fn log_model_params(&self, id: String, params: Vec<Pair>) -> Answer<()> {
        self.kept.change(move |change| {
            any(change, &id)?;
            for param in &params {
                if !change.add_logged_model_param(&id, param)? {
                    let message = format!("The model {id} has a parameter '{}' already.", param.key);
                    return Err(Refused::new(ErrorCode::BadRequest, message));
                }
            }
            Ok(())
        })
    }
}
