//! Versions of registered models: made, described, staged, tagged, deleted; and the aliases that name them.

use models::names;
use models::names::{Stage as VersionStage, WebhookEvent};
use serde_json::json;
use store::tracking::{Change, ModelVersion, MoveKind, NameHeld, NewModelVersion, Pair, RegisteredModel, View};

use super::deployments::runs_nowhere;
use super::model_history::{About, Mover, move_alias, move_stage};
use super::model_sources::{Place, note_on_model, place};
use super::registered_models::{PROMPT, drop_aliases, registered_model};
use super::webhook_events::{VersionMade, version_made};
use super::{Answer, Refused, Tracking, seals};
use crate::keys::Holder;

/// Are the stages in which a version is in use, so that another one can take its place.
const ACTIVE: [VersionStage; 2] = [VersionStage::Staging, VersionStage::Production];

/// Is a version with the aliases that name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelVersionShown {
    /// The version.
    pub version: ModelVersion,
    /// The aliases, in order.
    pub aliases: Vec<String>,
}

/// Is a version that somebody wants.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ModelVersionWish {
    /// The model's name.
    pub name: String,
    /// Where its files are.
    pub source: String,
    /// The run that made it; an empty one is one that was named, and is none.
    pub run: Option<String>,
    /// The logged model it is; an empty one is one that was named, and is none.
    pub model: Option<String>,
    /// Its tags.
    pub tags: Vec<Pair>,
    /// Where the run can be looked at.
    pub run_link: String,
    /// What it is.
    pub description: String,
}

impl ModelVersionWish {
    /// Says whether it is a prompt's: of equal tags the last one counts.
    fn is_prompt(&self) -> bool {
        let said = self.tags.iter().rev().find(|tag| tag.key == PROMPT);
        said.is_some_and(|tag| tag.value.to_lowercase() == "true")
    }
}

/// Returns a version that was not deleted.
///
/// - `number`: as it was sent.
pub(super) fn model_version(view: &View<'_>, name: &str, number: &str) -> Answer<ModelVersion> {
    names::model_name(name)?;
    let number = names::version(number)?;
    let found = number.parse().map_or(Ok(None), |number| view.model_version(name, number))?;
    found.ok_or_else(|| Refused::absent(format!("Model Version (name={name}, version={number}) not found")))
}

/// Puts a version together with the aliases that name it.
fn with_aliases(version: ModelVersion, model: &RegisteredModel) -> ModelVersionShown {
    let aliases = model.aliases.iter().filter(|alias| alias.number == version.number);
    ModelVersionShown { aliases: aliases.map(|alias| alias.alias.clone()).collect(), version }
}

/// Does the same with the aliases that there are now.
pub(super) fn shown(view: &View<'_>, version: ModelVersion) -> Answer<ModelVersionShown> {
    let model = registered_model(view, &version.name)?;
    Ok(with_aliases(version, &model))
}

/// Returns a version as it is now.
fn shown_again(view: &View<'_>, name: &str, number: i64) -> Answer<ModelVersionShown> {
    shown(view, model_version(view, name, &number.to_string())?)
}

/// Returns the version that an alias names; the alias `latest` is that of the highest one.
pub(super) fn version_of_alias(view: &View<'_>, name: &str, alias: &str) -> Answer<ModelVersion> {
    names::model_name(name)?;
    names::alias(alias)?;
    let model = registered_model(view, name)?;
    if alias.to_lowercase() == "latest" {
        let latest = view.latest_versions(model.seq)?.into_iter().max_by_key(|version| version.number);
        return latest.ok_or_else(|| Refused::absent(format!("Latest version not found for model {name}.")));
    }
    let unknown = || Refused::invalid(format!("Registered model alias {alias} not found."));
    let number = view.alias(model.seq, alias)?.ok_or_else(unknown)?;
    model_version(view, name, &number.to_string())
}

impl Tracking {
    /// Makes a version. Its number is one that no version of this name ever had.
    ///
    /// # Errors
    ///
    /// A source that cannot be, or is not that of the run or the model it is said to be; a name or a tag that cannot be; a name that
    /// none has.
    pub fn create_model_version(&self, who: &Holder, wish: ModelVersionWish) -> Answer<ModelVersionShown> {
        let mover = self.mover(who, None);
        self.change_registry(move |change| {
            let is_prompt = wish.is_prompt();
            let Place { source, location, run, logged } = place(change, &wish, is_prompt)?;
            let model = registered_model(change, &wish.name)?;
            let given = change.name_held(&wish.name)?.map_or(0, |held| held.last);
            let number = change.highest_number(model.seq)?.max(given).saturating_add(1);
            let seq = change.add_model_version(NewModelVersion {
                model: model.seq,
                number,
                now: mover.at,
                description: &wish.description,
                source: &source,
                location: &location,
                run: &run,
                run_link: &wish.run_link,
            })?;
            change.hold_name(&wish.name, NameHeld { model: model.seq, last: number })?;
            wish.tags.iter().try_for_each(|tag| change.tag_model_version(seq, tag))?;
            change.touch_registered_model(model.seq, mover.at)?;
            match logged {
                Some(logged) => note_on_model(change, &logged, &wish.name, number)?,
                None if is_prompt => {}
                None => seals::seal_of_run(change, &run, &location, (mover.by(), mover.at))?,
            }
            let about = About { number: Some(number), after: Some(&source), ..About::default() };
            mover.note(change, MoveKind::VersionMade, (model.seq, &wish.name), about)?;
            let (tags, description) = (wish.tags.as_slice(), wish.description.as_str());
            let made = VersionMade { name: &wish.name, number, source: &source, run: &run, tags, description };
            let (event, data) = version_made(&made);
            mover.teller.tell(change, event, &data)?;
            shown_again(change, &wish.name, number)
        })
    }

    /// Returns a version.
    ///
    /// # Errors
    ///
    /// A name or a number that cannot be, or that none has.
    pub fn model_version(&self, name: &str, number: &str) -> Answer<ModelVersionShown> {
        self.kept.view(|view| shown(view, model_version(view, name, number)?))
    }

    /// Returns the highest version of each stage that is asked for, with its aliases; of every stage, if none is named.
    ///
    /// # Errors
    ///
    /// A name that cannot be, or that none has; an unknown stage.
    pub fn latest_versions(&self, name: &str, stages: &[String]) -> Answer<Vec<ModelVersionShown>> {
        self.kept.view(|view| {
            let model = registered_model(view, name)?;
            let stages: Vec<VersionStage> = stages.iter().map(|stage| names::stage(stage)).collect::<Result<_, _>>()?;
            let is_asked = |version: &ModelVersion| stages.is_empty() || stages.contains(&version.stage);
            let latest = view.latest_versions(model.seq)?.into_iter().filter(is_asked);
            Ok(latest.map(|version| with_aliases(version, &model)).collect())
        })
    }

    /// Returns the version that an alias names; the alias `latest` is that of the highest one.
    ///
    /// # Errors
    ///
    /// A name or an alias that cannot be, or that none has.
    pub fn model_version_of_alias(&self, name: &str, alias: &str) -> Answer<ModelVersionShown> {
        self.kept.view(|view| shown(view, version_of_alias(view, name, alias)?))
    }

    /// Returns the version that an alias named last before the one it names now, and that is still there.
    ///
    /// # Errors
    ///
    /// A name or an alias that cannot be; an alias that never named another one.
    pub(crate) fn version_before(&self, name: &str, alias: &str) -> Answer<u64> {
        names::alias(alias)?;
        self.kept.view(|view| {
            let model = registered_model(view, name)?;
            let now = view.alias(model.seq, alias)?;
            for number in view.named_before(model.seq, MoveKind::AliasMoved, alias)? {
                if Some(number) != now && view.model_version(name, number)?.is_some() {
                    return Ok(u64::try_from(number).unwrap_or(0));
                }
            }
            Err(Refused::absent(format!(
                "The alias {alias} of {name} never named another version that is still there."
            )))
        })
    }

    /// Returns below which address the files of a version are.
    ///
    /// # Errors
    ///
    /// A name or a number that cannot be, or that none has.
    pub fn model_version_location(&self, name: &str, number: &str) -> Answer<String> {
        self.kept.view(|view| Ok(model_version(view, name, number)?.location))
    }

    /// Says what a version is, or takes that back.
    ///
    /// # Errors
    ///
    /// A name or a number that cannot be, or that none has.
    pub fn describe_model_version(
        &self,
        name: String,
        number: String,
        description: Option<String>,
    ) -> Answer<ModelVersionShown> {
        let now = self.now();
        self.kept.change(move |change| {
            let version = model_version(change, &name, &number)?;
            change.describe_model_version(version.seq, description.as_deref(), now)?;
            shown_again(change, &name, version.number)
        })
    }

    /// Sets a tag of a version.
    ///
    /// # Errors
    ///
    /// A name, a number or a tag that cannot be; a version that is not there.
    pub fn tag_model_version(&self, name: String, number: String, tag: Pair) -> Answer<()> {
        names::model_name(&name)?;
        names::version(&number)?;
        names::model_version_tag(&tag.key, Some(&tag.value))?;
        let teller = self.teller();
        self.change_registry(move |change| {
            change.tag_model_version(model_version(change, &name, &number)?.seq, &tag)?;
            let data = json!({ "name": name, "version": number, "key": tag.key, "value": tag.value });
            let events = [WebhookEvent::ModelVersionTagSet, WebhookEvent::PromptVersionTagSet];
            teller.tell_of(change, &registered_model(change, &name)?, events, &data)
        })
    }

    /// Removes a tag of a version, if it is there.
    ///
    /// # Errors
    ///
    /// A name, a number or a key that cannot be; a version that is not there.
    pub fn untag_model_version(&self, name: String, number: String, key: String) -> Answer<()> {
        names::model_name(&name)?;
        names::version(&number)?;
        names::tag_name(&key, "key")?;
        let teller = self.teller();
        self.change_registry(move |change| {
            change.untag_model_version(model_version(change, &name, &number)?.seq, &key)?;
            let data = json!({ "name": name, "version": number, "key": key });
            let events = [WebhookEvent::ModelVersionTagDeleted, WebhookEvent::PromptVersionTagDeleted];
            teller.tell_of(change, &registered_model(change, &name)?, events, &data)
        })
    }
}

/// Puts a version into a stage, and, if that is wanted, those that are in it into the archive.
///
/// # Errors
///
/// An unknown stage; one in which nothing is in use, where others are to give way; a name or a number that cannot be, or that none has.
pub(super) fn move_model_version(
    change: &Change<'_>,
    mover: &Mover,
    (name, number): (&str, &str),
    stage: &str,
    archive: bool,
) -> Answer<()> {
    let to = names::stage(stage)?;
    if archive && !ACTIVE.contains(&to) {
        return Err(Refused::invalid(format!(
            "Model version transition cannot archive existing model versions because '{stage}' is not an Active stage. \
             Valid stages are ['Staging', 'Production']"
        )));
    }
    let version = model_version(change, name, number)?;
    let others = if archive { change.versions_in(version.model, to)? } else { Vec::new() };
    for other in others.iter().filter(|other| other.seq != version.seq) {
        move_stage(change, mover, other, VersionStage::Archived)?;
    }
    move_stage(change, mover, &version, to)?;
    Ok(change.touch_registered_model(version.model, mover.at)?)
}

/// Deletes a version with the aliases that name it. Its number stays given.
///
/// # Errors
///
/// A name or a number that cannot be, or that none has.
pub(super) fn delete_model_version(change: &Change<'_>, mover: &Mover, name: &str, number: &str) -> Answer<()> {
    names::version(number)?;
    let version = model_version(change, name, number)?;
    let model = registered_model(change, name)?;
    runs_nowhere(change, &model.name, Some(version.number))?;
    drop_aliases(change, mover, &model, |number| number == version.number)?;
    change.delete_model_version(version.seq, mover.at)?;
    change.touch_registered_model(model.seq, mover.at)?;
    let before = Some(version.stage.name());
    let about = About { number: Some(version.number), before, ..About::default() };
    mover.note(change, MoveKind::VersionDeleted, (model.seq, name), about)
}

/// Lets an alias name a version.
///
/// # Errors
///
/// A name, a number or an alias that cannot be; an alias that stands for something already; a version that is not there.
pub(super) fn set_model_alias(change: &Change<'_>, mover: &Mover, name: &str, alias: &str, number: &str) -> Answer<()> {
    names::model_name(name)?;
    names::alias(alias)?;
    names::alias_not_reserved(alias)?;
    let version = model_version(change, name, number)?;
    let model = registered_model(change, name)?;
    move_alias(change, mover, &model, alias, Some(version.number))?;
    let data = json!({ "name": name, "alias": alias, "version": number });
    let events = [WebhookEvent::ModelVersionAliasCreated, WebhookEvent::PromptAliasCreated];
    mover.teller.tell_of(change, &model, events, &data)
}

/// Takes an alias away, if it is there.
///
/// # Errors
///
/// A name or an alias that cannot be; a name that none has.
pub(super) fn delete_model_alias(change: &Change<'_>, mover: &Mover, name: &str, alias: &str) -> Answer<()> {
    names::model_name(name)?;
    names::alias(alias)?;
    let model = registered_model(change, name)?;
    move_alias(change, mover, &model, alias, None)?;
    let events = [WebhookEvent::ModelVersionAliasDeleted, WebhookEvent::PromptAliasDeleted];
    mover.teller.tell_of(change, &model, events, &json!({ "name": name, "alias": alias }))
}
