//! Registered models and their versions that are taken over: with their numbers, and without aliases and stages, which are decided here.

use models::source::{self, Claim, Reference};
use models::{artifact, names};
use store::tracking::{MoveKind, NameHeld, NewModelVersion};
use types::Digest;
use types::imports::{ModelVersion, RegisteredModel};

use super::{ImportState, Taker, differs, once, pairs};
use crate::tracking::model_history::About;
use crate::tracking::registered_models::{PROMPT, registered_model};
use crate::tracking::{Answer, Refused, below, seals};

impl Taker<'_> {
    pub(super) fn registered_model(&self, one: &RegisteredModel, said: Digest) -> Answer<ImportState> {
        names::model_name(&one.name)?;
        names::model_name_fits(&one.name)?;
        once(&one.tags)?;
        one.tags.iter().try_for_each(|(key, value)| names::registered_model_tag(key, value))?;
        if self.known("registered-model", &one.name, said)?.is_some() {
            return Ok(ImportState::Present);
        }
        let other = || differs(format!("A registered model named '{}'", one.name));
        if self.change.name_held(&one.name)?.is_some_and(|held| held.last > 0) {
            return Err(other());
        }
        let seq = self.change.add_registered_model(&one.name, &one.description, one.created)?.ok_or_else(other)?;
        self.change.hold_name(&one.name, NameHeld { model: seq, last: one.last.max(0) })?;
        pairs(&one.tags).iter().try_for_each(|tag| self.change.tag_registered_model(seq, tag))?;
        self.change.touch_registered_model(seq, one.updated)?;
        self.mover.note(self.change, MoveKind::ModelMade, (seq, &one.name), About::default())?;
        self.mark("registered-model", &one.name, said, Some(said))?;
        Ok(ImportState::Taken)
    }

    pub(super) fn model_version(&self, one: &ModelVersion, said: Digest) -> Answer<ImportState> {
        let id = format!("{}/{}", one.name, one.number);
        once(&one.tags)?;
        one.tags.iter().try_for_each(|(key, value)| names::model_version_tag(key, Some(value)))?;
        if one.number < 1 {
            return Err(Refused::invalid(format!("'{}' is no number of a version.", one.number)));
        }
        if self.known("model-version", &id, said)?.is_some() {
            return Ok(ImportState::Present);
        }
        self.marked("registered-model", &one.name)?;
        let model = registered_model(self.change, &one.name)?.seq;
        if self.change.has_number(model, one.number)? {
            return Err(differs(format!("Version {} of '{}'", one.number, one.name)));
        }
        let location = self.location(one)?;
        let seq = self.change.add_model_version(NewModelVersion {
            model,
            number: one.number,
            now: one.created,
            description: &one.description,
            source: &one.source,
            location: &location,
            run: &one.run,
            run_link: &one.run_link,
        })?;
        pairs(&one.tags).iter().try_for_each(|tag| self.change.tag_model_version(seq, tag))?;
        seals::seal_of_run(self.change, &one.run, &location, (self.mover.by(), self.mover.at))?;
        self.change.describe_model_version(seq, Some(&one.description), one.updated)?;
        self.change.hold_name(&one.name, NameHeld { model, last: one.number })?;
        let about = About { number: Some(one.number), after: Some(&one.source), ..About::default() };
        self.mover.note(self.change, MoveKind::VersionMade, (model, &one.name), about)?;
        self.mark("model-version", &id, said, Some(said))?;
        Ok(ImportState::Taken)
    }

    /// Says below which address the files of a version are: within what was taken over with it, or elsewhere.
    fn location(&self, one: &ModelVersion) -> Answer<String> {
        if one.tags.iter().any(|(key, value)| key == PROMPT && value.to_lowercase() == "true") {
            source::prompt(&one.source)?;
            return Ok(one.source.clone());
        }
        source::no_host(&one.source)?;
        match source::reference(&one.source)? {
            Some(Reference::Logged(id)) => return self.of_model(&id, None),
            Some(Reference::Version { name, number }) => {
                let version = number.parse().map_or(Ok(None), |number| self.change.model_version(&name, number))?;
                return Ok(version.map_or_else(|| one.source.clone(), |version| version.location));
            }
            Some(Reference::Latest { .. } | Reference::Alias { .. }) => return Ok(one.source.clone()),
            None => {}
        }
        match &one.path {
            Some(path) if one.model.is_empty() => {
                self.marked("run", &one.run)?;
                within(crate::tracking::run(self.change, &one.run)?.location, path)
            }
            Some(path) => self.of_model(&one.model, Some(path)),
            None => match source::claim(&one.source, source::Owner::Run, &one.run)? {
                Claim::Free => Ok(one.source.clone()),
                Claim::Within => Err(source::outside(&one.source, source::Owner::Run).into()),
            },
        }
    }

    /// Returns where a logged model's files are that was taken over; one that was not is named as it was.
    fn of_model(&self, id: &str, path: Option<&str>) -> Answer<String> {
        let Some(path) = path else {
            let model = self.change.logged_model(id)?;
            return Ok(model.map_or_else(|| format!("models:/{id}"), |model| model.location));
        };
        self.marked("logged-model", id)?;
        let gone = || Refused::absent(format!("Logged model with ID '{id}' not found."));
        within(self.change.logged_model(id)?.ok_or_else(gone)?.location, path)
    }
}

/// Puts a path below an address; it does not climb out.
fn within(location: String, path: &str) -> Answer<String> {
    let path = artifact::path(path)?;
    Ok(if path.key().is_empty() { location } else { below(&location, path.key()) })
}
