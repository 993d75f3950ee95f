//! Registered models: made, described, renamed, deleted, tagged.

use models::names;
use models::names::WebhookEvent;
use serde_json::json;
use store::tracking::{Change, ModelVersion, MoveKind, NameHeld, Pair, RegisteredModel, View};

use super::deployments::runs_nowhere;
use super::model_history::{About, Mover, move_alias};
use super::webhook_events::{is_prompt, model_made};
use super::{Answer, ErrorCode, Refused, Tracking};
use crate::keys::Holder;

/// Is the tag that makes a prompt of a model.
pub(super) const PROMPT: &str = "mlflow.prompt.is_prompt";

/// Is a registered model with the highest version of each stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredModelShown {
    /// The model.
    pub model: RegisteredModel,
    /// The versions.
    pub latest: Vec<ModelVersion>,
}

/// Returns the registered model of a name.
pub(super) fn registered_model(view: &View<'_>, name: &str) -> Answer<RegisteredModel> {
    names::model_name(name)?;
    view.registered_model(name)?.ok_or_else(|| Refused::absent(format!("Registered Model with name={name} not found")))
}

/// Puts a model together with its latest versions.
fn shown(view: &View<'_>, model: RegisteredModel) -> Answer<RegisteredModelShown> {
    Ok(RegisteredModelShown { latest: view.latest_versions(model.seq)?, model })
}

/// Returns a model as it is now.
fn shown_again(view: &View<'_>, name: &str) -> Answer<RegisteredModelShown> {
    shown(view, registered_model(view, name)?)
}

fn has_prompt_tag(tags: &[Pair]) -> bool {
    tags.iter().any(|tag| tag.key == PROMPT)
}

/// Says that a name is taken.
fn taken(old: &RegisteredModel, tags: &[Pair]) -> Refused {
    let called = |tags: &[Pair]| {
        if has_prompt_tag(tags) { ("Prompt", "prompt") } else { ("Registered Model", "registered model") }
    };
    let ((title, new), (_, old_one)) = (called(tags), called(&old.tags));
    let name = &old.name;
    Refused::new(
        ErrorCode::ResourceAlreadyExists,
        if new == old_one {
            format!("{title} (name={name}) already exists.")
        } else {
            let shown = names::quoted(name);
            format!(
                "Tried to create a {new} with name {shown}, but the name is already taken by a {old_one}. MLflow does not \
                 allow creating a model and a prompt with the same name."
            )
        },
    )
}

impl Tracking {
    /// Says whether any model is registered.
    pub(crate) fn has_registered_models(&self) -> Answer<bool> {
        self.kept.view(|view| Ok(view.has_registered_models()?))
    }

    /// Makes a registered model.
    ///
    /// # Errors
    ///
    /// A name or a tag that cannot be; a name that is taken.
    pub fn create_registered_model(
        &self,
        who: &Holder,
        name: String,
        description: String,
        tags: Vec<Pair>,
    ) -> Answer<RegisteredModelShown> {
        names::model_name(&name)?;
        names::model_name_fits(&name)?;
        for tag in &tags {
            names::registered_model_tag(&tag.key, &tag.value)?;
        }
        let mover = self.mover(who, None);
        self.change_registry(move |change| {
            let Some(seq) = change.add_registered_model(&name, &description, mover.at)? else {
                return Err(taken(&registered_model(change, &name)?, &tags));
            };
            change.hold_name(&name, NameHeld { model: seq, last: 0 })?;
            tags.iter().try_for_each(|tag| change.tag_registered_model(seq, tag))?;
            mover.note(change, MoveKind::ModelMade, (seq, &name), About::default())?;
            let (event, data) = model_made(&name, &tags, &description);
            mover.teller.tell(change, event, &data)?;
            shown_again(change, &name)
        })
    }

    /// Returns a registered model.
    ///
    /// # Errors
    ///
    /// A name that cannot be, or that none has.
    pub fn registered_model(&self, name: &str) -> Answer<RegisteredModelShown> {
        self.kept.view(|view| shown_again(view, name))
    }

    /// Says what a model is.
    ///
    /// # Errors
    ///
    /// A name that cannot be, or that none has.
    pub fn describe_registered_model(&self, name: String, description: String) -> Answer<RegisteredModelShown> {
        let now = self.now();
        self.kept.change(move |change| {
            let model = registered_model(change, &name)?;
            change.describe_registered_model(model.seq, &description, now)?;
            shown_again(change, &name)
        })
    }

    /// Sets a tag of a model.
    ///
    /// # Errors
    ///
    /// A name or a tag that cannot be; a name that none has.
    pub fn tag_registered_model(&self, name: String, tag: Pair) -> Answer<()> {
        names::model_name(&name)?;
        names::registered_model_tag(&tag.key, &tag.value)?;
        let teller = self.teller();
        self.change_registry(move |change| {
            change.tag_registered_model(registered_model(change, &name)?.seq, &tag)?;
            // The tag may be what makes a prompt of it.
            if !is_prompt(&registered_model(change, &name)?.tags) {
                return Ok(());
            }
            let data = json!({ "name": name, "key": tag.key, "value": tag.value });
            teller.tell(change, WebhookEvent::PromptTagSet, &data)
        })
    }

    /// Removes a tag of a model, if it is there.
    ///
    /// # Errors
    ///
    /// A name or a key that cannot be; a name that none has.
    pub fn untag_registered_model(&self, name: String, key: String) -> Answer<()> {
        names::model_name(&name)?;
        names::tag_name(&key, "key")?;
        let teller = self.teller();
        self.change_registry(move |change| {
            change.untag_registered_model(registered_model(change, &name)?.seq, &key)?;
            if !is_prompt(&registered_model(change, &name)?.tags) {
                return Ok(());
            }
            teller.tell(change, WebhookEvent::PromptTagDeleted, &json!({ "name": name, "key": key }))
        })
    }
}

/// Renames a model with all of its versions.
///
/// # Errors
///
/// A name that cannot be, or that none has; a new name that is taken, or under which another model had versions: a version's name and
/// number mean one version for ever.
pub(super) fn rename_registered_model(change: &Change<'_>, mover: &Mover, name: &str, new: &str) -> Answer<()> {
    names::new_model_name(new)?;
    names::model_name_fits(new)?;
    let model = registered_model(change, name)?;
    let held = change.name_held(new)?.filter(|held| held.model != model.seq && held.last > 0);
    let exists =
        |why: &str| Refused::new(ErrorCode::ResourceAlreadyExists, format!("Registered Model (name={new}) {why}"));
    if change.registered_model(new)?.is_none() && held.is_some() {
        return Err(exists("was another one with versions of its own, whose numbers are not given to others."));
    }
    if !change.rename_registered_model(model.seq, new, mover.at)? {
        return Err(exists("already exists."));
    }
    change.hold_name(new, NameHeld { model: model.seq, last: change.highest_number(model.seq)? })?;
    if name == new {
        return Ok(());
    }
    let about = About { before: Some(name), after: Some(new), ..About::default() };
    mover.note(change, MoveKind::ModelRenamed, (model.seq, new), about)
}

/// Deletes a model with its versions, tags and aliases. Who moved what of it stays, and so do the numbers that it has given.
///
/// # Errors
///
/// A name that cannot be, or that none has.
pub(super) fn delete_registered_model(change: &Change<'_>, mover: &Mover, name: &str) -> Answer<()> {
    let model = registered_model(change, name)?;
    runs_nowhere(change, &model.name, None)?;
    drop_aliases(change, mover, &model, |_| true)?;
    mover.note(change, MoveKind::ModelDeleted, (model.seq, name), About::default())?;
    Ok(change.delete_registered_model(model.seq)?)
}

/// Removes the aliases of some versions.
pub(super) fn drop_aliases(
    change: &Change<'_>,
    mover: &Mover,
    model: &RegisteredModel,
    of: impl Fn(i64) -> bool,
) -> Answer<()> {
    for alias in model.aliases.iter().filter(|alias| of(alias.number)) {
        move_alias(change, mover, model, &alias.alias, None)?;
    }
    Ok(())
}
