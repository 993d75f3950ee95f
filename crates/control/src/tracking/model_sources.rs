//! Where the files of a version are, and whose they are.

use models::names;
use models::source::{self, Claim, Owner, Reference};
use store::tracking::{Change, ModelVersion, Pair, RegisteredModel, Stage, View};

use super::model_versions::{ModelVersionWish, model_version, version_of_alias};
use super::registered_models::registered_model;
use super::webhook_events::is_prompt;
use super::{Answer, Refused, logged_models};

/// Is the tag of a logged model that lists the versions it has become.
const VERSIONS: &str = "mlflow.modelVersions";

/// Is where a version's files are, once that was judged.
pub(super) struct Place {
    /// The source, a reference by alias or stage put as the version that it meant.
    pub(super) source: String,
    /// Below which address the files are.
    pub(super) location: String,
    /// The run that made them; may be empty.
    pub(super) run: String,
    /// The logged model that the version is noted on.
    pub(super) logged: Option<String>,
}

/// Judges the source that a version is to have, in the order in which MLflow's server does.
pub(super) fn place(view: &View<'_>, wish: &ModelVersionWish, is_prompt: bool) -> Answer<Place> {
    if is_prompt {
        source::prompt(&wish.source)?;
    }
    source::no_host(&wish.source)?;
    let given = |id: &Option<String>| id.clone().unwrap_or_default();
    let mut place =
        Place { source: wish.source.clone(), location: wish.source.clone(), run: given(&wish.run), logged: None };
    let model = given(&wish.model);
    let mut logged = None;
    if !is_prompt {
        logged = follow(view, wish, &mut place)?;
        judge(view, &place, &model)?;
    }
    names::model_name(&wish.name)?;
    for tag in &wish.tags {
        names::model_version_tag(&tag.key, Some(&tag.value))?;
    }
    if let Some(id) = logged {
        let absent = |refused: Refused| {
            let source = &place.source;
            let said = refused.message;
            Refused::absent(format!(
                "Unable to fetch model from model URI source artifact location '{source}'.Error: {said}"
            ))
        };
        let model = logged_models::active(view, &id).map_err(absent)?;
        place.location = model.location;
        inherit(&mut place.run, model.source_run);
    } else if !model.is_empty() && place.run.is_empty() {
        inherit(&mut place.run, logged_models::active(view, &model)?.source_run);
    }
    place.logged = (!is_prompt && !model.is_empty()).then_some(model);
    Ok(place)
}

fn inherit(run: &mut String, of: Option<String>) {
    if run.is_empty() {
        *run = of.unwrap_or_default();
    }
}

/// Follows a `models:` address: to a version, whose place and run are taken over, or to a logged model, whose id is returned.
fn follow(view: &View<'_>, wish: &ModelVersionWish, place: &mut Place) -> Answer<Option<String>> {
    let reference = match source::reference(&wish.source)? {
        None => return Ok(None),
        Some(Reference::Logged(id)) => return Ok(Some(id)),
        Some(reference) => reference,
    };
    let version = referred(view, &wish.source, reference)?;
    let differs = |given: &Option<String>, own: &str| given.as_ref().is_some_and(|given| given != own);
    if differs(&wish.run, &version.run) || differs(&wish.model, "") {
        return Err(Refused::invalid(format!(
            "Invalid model version source: '{}'. The run_id and model_id request parameters must match the referenced model \
             version.",
            wish.source
        )));
    }
    place.source = format!("models:/{}/{}", version.name, version.number);
    place.location = version.location;
    place.run = version.run;
    Ok(None)
}

fn referred(view: &View<'_>, source: &str, reference: Reference) -> Answer<ModelVersion> {
    let name = match &reference {
        Reference::Version { name, .. } | Reference::Latest { name, .. } | Reference::Alias { name, .. } => {
            name.clone()
        }
        Reference::Logged(_) => return Err(source::unowned(source, Owner::Model).into()),
    };
    let model = registered_model(view, &name)?;
    if is_prompt(&model.tags) {
        return Err(Refused::invalid(format!(
            "Invalid model version source: '{source}'. Prompt versions cannot be used as model version sources."
        )));
    }
    match reference {
        Reference::Version { number, .. } => model_version(view, &name, &number),
        Reference::Alias { alias, .. } => version_of_alias(view, &name, &alias),
        Reference::Latest { stage, .. } => latest_in(view, &model, stage.as_deref()),
        Reference::Logged(_) => latest_in(view, &model, None),
    }
}

/// Returns the latest version of a model, in a stage if one is named.
pub(super) fn latest_in(view: &View<'_>, model: &RegisteredModel, stage: Option<&str>) -> Answer<ModelVersion> {
    let wanted = stage.map(names::stage).transpose()?;
    let is_in = |version: &ModelVersion| wanted.is_none_or(|wanted| version.stage == wanted);
    let latest = view.latest_versions(model.seq)?.into_iter().filter(is_in).max_by_key(|version| version.number);
    let said = stage.map_or_else(String::new, |stage| format!(" and stage '{stage}'"));
    latest.ok_or_else(|| Refused::absent(format!("No versions of model with name '{}'{said} found", model.name)))
}

/// Demands that the files belong to the logged model, or else to the run, that they are said to be of.
fn judge(view: &View<'_>, place: &Place, model: &str) -> Answer<()> {
    let (owner, id) = if model.is_empty() { (Owner::Run, place.run.as_str()) } else { (Owner::Model, model) };
    if source::claim(&place.source, owner, id)? == Claim::Free {
        return Ok(());
    }
    let root = match owner {
        Owner::Run => view.run(id)?.map(|run| run.location),
        Owner::Model => view.logged_model(id)?.filter(|model| model.stage == Stage::Active).map(|model| model.location),
    };
    let root = root.ok_or_else(|| source::unowned(&place.source, owner))?;
    if source::is_within(&place.source, &root) { Ok(()) } else { Err(source::outside(&place.source, owner).into()) }
}

/// Notes on a logged model which version it has become.
pub(super) fn note_on_model(change: &Change<'_>, id: &str, name: &str, number: i64) -> Answer<()> {
    logged_models::active(change, id)?;
    let known = change.logged_model_tags(id)?.into_iter().find(|tag| tag.key == VERSIONS);
    let mut all: Vec<serde_json::Value> =
        known.and_then(|known| serde_json::from_str(&known.value).ok()).unwrap_or_default();
    let one = serde_json::json!({ "name": name, "version": number });
    if !all.contains(&one) {
        all.push(one);
    }
    let value = serde_json::Value::Array(all).to_string();
    Ok(change.tag_logged_model(id, &Pair { key: VERSIONS.to_owned(), value })?)
}
