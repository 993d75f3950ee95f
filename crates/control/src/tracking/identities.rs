//! What agents name that is registered: which version of a model or a prompt that is.

use std::collections::BTreeMap;

use models::source::{self, Reference};
use store::tracking::{ModelVersion, View};
use types::{AgentId, Epochs, Identity, IdentityEpoch};

use super::model_sources::latest_in;
use super::model_versions::{model_version, version_of_alias};
use super::registered_models::registered_model;
use super::webhook_events::is_prompt;
use super::{Answer, Refused, Tracking};

/// Is how a version of a registered model is named.
const MODELS: &str = "models:/";

/// Is how a version of a registered prompt is named.
const PROMPTS: &str = "prompts:/";

/// Are the agents that named a version last, by its name and number.
pub(crate) type Agents = BTreeMap<(String, i64), Vec<String>>;

impl Tracking {
    /// Returns what is named with each alias, stage, or name alone put as the version that it means now. What is not named as something that
    /// is registered stays as it is.
    ///
    /// # Errors
    ///
    /// A version that is not there, or is not of that kind.
    pub(crate) fn registered(&self, named: &Identity) -> Answer<Identity> {
        self.kept.view(|view| {
            Ok(Identity {
                model: resolved(view, named.model.as_deref(), MODELS)?,
                prompt: resolved(view, named.prompt.as_deref(), PROMPTS)?,
            })
        })
    }
}

/// Is an agent that names a version: as the model that it runs, or as its prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionUse {
    /// The epoch in which it runs it.
    pub epoch: IdentityEpoch,
    /// No other epoch of that agent has begun since.
    pub newest: bool,
}

impl Tracking {
    /// Returns who names a version: each agent once, by the epoch that began last.
    pub(crate) fn users(&self, name: &str, number: i64) -> Vec<VersionUse> {
        let names = |named: &Option<String>, scheme| {
            named.as_deref().and_then(|named| version_named(named, scheme)) == Some((name, number))
        };
        let is_of = |identity: &Identity| names(&identity.model, MODELS) || names(&identity.prompt, PROMPTS);
        let snapshot = self.views.snapshot();
        let last = |epochs: &Epochs| {
            let epoch = epochs.all().iter().rev().find(|epoch| is_of(&epoch.identity))?;
            Some(VersionUse { newest: epochs.newest() == Some(epoch), epoch: epoch.clone() })
        };
        snapshot.identities.values().filter_map(last).collect()
    }

    /// Returns which agents named which version last.
    pub(crate) fn agents_by_version(&self) -> Agents {
        let mut all = Agents::new();
        for epoch in self.views.snapshot().identities.values().filter_map(Epochs::newest) {
            let Identity { model, prompt } = &epoch.identity;
            let named = [(model, MODELS), (prompt, PROMPTS)];
            for (name, number) in named.iter().filter_map(|(named, scheme)| version_named(named.as_deref()?, scheme)) {
                all.entry((name.to_owned(), number)).or_default().push(epoch.agent.to_string());
            }
        }
        all
    }

    /// Returns the version of a registered model that an agent named last.
    pub(crate) fn model_of_agent(&self, agent: &str) -> Option<(String, i64)> {
        let agent = agent.parse::<AgentId>().ok()?;
        let snapshot = self.views.snapshot();
        let model = snapshot.identities.get(&agent)?.newest()?.identity.model.as_deref()?;
        version_named(model, MODELS).map(|(name, number)| (name.to_owned(), number))
    }
}

/// Says whether something is named as a version that is registered.
pub(crate) fn is_registered(named: &Identity) -> bool {
    let starts = |name: &Option<String>, scheme| name.as_deref().is_some_and(|name| name.starts_with(scheme));
    starts(&named.model, MODELS) || starts(&named.prompt, PROMPTS)
}

/// Returns the name and the number of the version that an agent names, if it is one that is registered.
fn version_named<'a>(named: &'a str, scheme: &str) -> Option<(&'a str, i64)> {
    let (name, number) = named.strip_prefix(scheme)?.rsplit_once('/')?;
    Some((name, number.parse().ok()?))
}

fn resolved(view: &View<'_>, named: Option<&str>, scheme: &str) -> Answer<Option<String>> {
    let Some(rest) = named.and_then(|named| named.strip_prefix(scheme)) else { return Ok(named.map(str::to_owned)) };
    let reference = source::reference(&format!("{MODELS}{rest}"))?;
    let version = match reference {
        Some(Reference::Version { name, number }) => model_version(view, &name, &number)?,
        Some(Reference::Alias { name, alias }) => version_of_alias(view, &name, &alias)?,
        Some(Reference::Latest { name, stage }) => latest_in(view, &registered_model(view, &name)?, stage.as_deref())?,
        Some(Reference::Logged(_)) | None => return Ok(named.map(str::to_owned)),
    };
    of_kind(view, &version, scheme)?;
    Ok(Some(format!("{scheme}{}/{}", version.name, version.number)))
}

fn of_kind(view: &View<'_>, version: &ModelVersion, scheme: &str) -> Answer<()> {
    let (is, wanted) = (is_prompt(&registered_model(view, &version.name)?.tags), scheme == PROMPTS);
    if is == wanted {
        return Ok(());
    }
    let word = if is { "a prompt" } else { "a model" };
    Err(Refused::invalid(format!("'{}' is {word}, and is named otherwise", version.name)))
}
