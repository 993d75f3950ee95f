//! What can be moved in the registry of models: what it is decided on, and how it is made.
//!
//! What a move is decided on is written by the server itself from what is kept, so no caller can make it up; and it is looked at again in
//! the very change that makes the move, so what people approved is what happens, or nothing does.

use models::names::Stage as VersionStage;
use serde_json::{Map, Value, json};
use store::tracking::{Change, ModelVersion, MoveKind, Pair, RegisteredModel, TrackingError, View};
use types::{ActionId, Code};

use super::deployments::{deploy_model, undeploy_model};
use super::evaluations::{seal_of, standing};
use super::model_versions::{
    delete_model_alias, delete_model_version, model_version, move_model_version, set_model_alias,
};
use super::registered_models::{delete_registered_model, registered_model, rename_registered_model};
use super::webhook_events::is_prompt;
use super::{Answer, ErrorCode, Refused, Tracking};
use crate::keys::Holder;

/// Is something that somebody wants moved, as they sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Move {
    /// An alias is to name a version.
    SetAlias {
        /// The model's name.
        model: String,
        /// The alias.
        alias: String,
        /// The version's number.
        version: String,
    },
    /// An alias is to name nothing any more.
    DeleteAlias {
        /// The model's name.
        model: String,
        /// The alias.
        alias: String,
    },
    /// A version is to be put into a stage.
    TransitionStage {
        /// The model's name.
        model: String,
        /// The version's number.
        version: String,
        /// The stage.
        stage: String,
        /// Whether those that are in it go into the archive.
        archive: bool,
    },
    /// A model is to have another name.
    RenameModel {
        /// The model's name.
        model: String,
        /// The name it is to have.
        to: String,
    },
    /// A version is to be deleted, with the aliases that name it.
    DeleteVersion {
        /// The model's name.
        model: String,
        /// The version's number.
        version: String,
    },
    /// A model is to be deleted, with all of its versions.
    DeleteModel {
        /// The model's name.
        model: String,
    },
    /// A version is to run at a target.
    Deploy {
        /// The model's name.
        model: String,
        /// Where.
        target: String,
        /// The version's number.
        version: String,
    },
    /// No version of a model is to run at a target any more.
    Undeploy {
        /// The model's name.
        model: String,
        /// Where.
        target: String,
    },
}

/// Is a decision that a move is made by.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Decided {
    /// The action.
    pub(crate) action: ActionId,
    /// What was decided on.
    pub(crate) arguments: Value,
}

impl Move {
    /// Returns the name of the tool that the catalogue has for it; one of `types::bundle::REGISTRY_TOOLS`.
    pub(crate) fn tool(&self) -> &'static str {
        match self {
            Self::SetAlias { .. } => "set_alias",
            Self::DeleteAlias { .. } => "delete_alias",
            Self::TransitionStage { .. } => "transition_stage",
            Self::RenameModel { .. } => "rename_model",
            Self::DeleteVersion { .. } => "delete_version",
            Self::DeleteModel { .. } => "delete_model",
            Self::Deploy { .. } => "deploy",
            Self::Undeploy { .. } => "undeploy",
        }
    }

    /// Reads a move from the tool's name and what was decided on; nothing of what is no move.
    pub(crate) fn read(tool: &str, arguments: &Value) -> Option<Self> {
        let text = |name: &str| arguments.get(name).and_then(Value::as_str).map(str::to_owned);
        let (model, version) = (text("model")?, arguments.get("version").and_then(Value::as_i64));
        let version = version.map(|number| number.to_string());
        Some(match tool {
            "set_alias" => Self::SetAlias { model, alias: text("alias")?, version: version? },
            "delete_alias" => Self::DeleteAlias { model, alias: text("alias")? },
            "transition_stage" => {
                let archive = arguments.get("archive").and_then(Value::as_bool)?;
                Self::TransitionStage { model, version: version?, stage: text("stage")?, archive }
            }
            "rename_model" => Self::RenameModel { model, to: text("to")? },
            "delete_version" => Self::DeleteVersion { model, version: version? },
            "delete_model" => Self::DeleteModel { model },
            "deploy" => Self::Deploy { model, target: text("target")?, version: version? },
            "undeploy" => Self::Undeploy { model, target: text("target")? },
            _ => return None,
        })
    }

    fn make(&self, change: &Change<'_>, mover: &super::model_history::Mover) -> Answer<()> {
        match self {
            Self::SetAlias { model, alias, version } => set_model_alias(change, mover, model, alias, version),
            Self::DeleteAlias { model, alias } => delete_model_alias(change, mover, model, alias),
            Self::TransitionStage { model, version, stage, archive } => {
                move_model_version(change, mover, (model, version), stage, *archive)
            }
            Self::RenameModel { model, to } => rename_registered_model(change, mover, model, to),
            Self::DeleteVersion { model, version } => delete_model_version(change, mover, model, version),
            Self::DeleteModel { model } => delete_registered_model(change, mover, model),
            Self::Deploy { model, target, version } => deploy_model(change, mover, model, target, version),
            Self::Undeploy { model, target } => undeploy_model(change, mover, model, target),
        }
    }

    /// Writes what this is decided on; it can be made as things are.
    fn arguments(&self, view: &View<'_>) -> Answer<Value> {
        let (Self::SetAlias { model, .. }
        | Self::DeleteAlias { model, .. }
        | Self::TransitionStage { model, .. }
        | Self::RenameModel { model, .. }
        | Self::DeleteVersion { model, .. }
        | Self::DeleteModel { model }
        | Self::Deploy { model, .. }
        | Self::Undeploy { model, .. }) = self;
        let model = registered_model(view, model)?;
        let mut all = Map::new();
        let mut say = |name: &str, value: Value| all.insert(name.to_owned(), value);
        say("model", json!(model.name));
        say("prompt", json!(is_prompt(&model.tags)));
        match self {
            Self::SetAlias { alias, version, .. } => {
                let version = model_version(view, &model.name, version)?;
                say("alias", json!(alias));
                say("from", json!(view.alias(model.seq, alias)?));
                say(
                    "rollback",
                    json!(view.named_before(model.seq, MoveKind::AliasMoved, alias)?.contains(&version.number)),
                );
                of_version(view, &model, &version, &mut all)?;
            }
            Self::DeleteAlias { alias, .. } => {
                say("alias", json!(alias));
                say("from", json!(view.alias(model.seq, alias)?));
            }
            Self::TransitionStage { version, stage, archive, .. } => {
                let version = model_version(view, &model.name, version)?;
                let to = models::names::stage(stage)?;
                say("stage", json!(to.name()));
                say("archive", json!(archive));
                say("archived", json!(archived(view, &version, to, *archive)?));
                of_version(view, &model, &version, &mut all)?;
            }
            Self::RenameModel { to, .. } => {
                say("to", json!(to));
                say("aliases", aliases(&model, |_| true));
            }
            Self::DeleteVersion { version, .. } => {
                of_version(view, &model, &model_version(view, &model.name, version)?, &mut all)?;
            }
            Self::DeleteModel { .. } => {
                let latest = view.latest_versions(model.seq)?.into_iter().map(|version| version.number).max();
                say("aliases", aliases(&model, |_| true));
                say("latest", json!(latest));
            }
            Self::Deploy { target, version, .. } => {
                let version = model_version(view, &model.name, version)?;
                let before = view.named_before(model.seq, MoveKind::DeploymentMoved, target)?;
                say("target", json!(target));
                say("from", json!(view.deployed(model.seq, target)?));
                say("rollback", json!(before.contains(&version.number)));
                of_version(view, &model, &version, &mut all)?;
            }
            Self::Undeploy { target, .. } => {
                say("target", json!(target));
                say("from", json!(view.deployed(model.seq, target)?));
            }
        }
        all.retain(|_, value| !value.is_null());
        Ok(Value::Object(all))
    }
}

fn aliases(model: &RegisteredModel, of: impl Fn(i64) -> bool) -> Value {
    model.aliases.iter().filter(|alias| of(alias.number)).map(|alias| json!(alias.alias)).collect()
}

/// Returns the numbers of the versions that a stage would put into the archive.
fn archived(view: &View<'_>, version: &ModelVersion, to: VersionStage, archive: bool) -> Answer<Vec<i64>> {
    let others = if archive { view.versions_in(version.model, to)? } else { Vec::new() };
    Ok(others.iter().filter(|other| other.seq != version.seq).map(|other| other.number).collect())
}

/// Says what is known of a version.
fn of_version(
    view: &View<'_>,
    model: &RegisteredModel,
    version: &ModelVersion,
    all: &mut Map<String, Value>,
) -> Answer<()> {
    let seal = seal_of(view, version)?;
    let [passed, failed] = standing(view, version, seal.as_ref().map(|seal| seal.digest))?;
    let run = if version.run.is_empty() { None } else { view.run(&version.run)? };
    let known = [
        ("version", json!(version.number)),
        ("stage_before", json!(version.stage.name())),
        ("aliases", aliases(model, |number| number == version.number)),
        ("source", json!(version.source)),
        ("made_by", json!(view.maker_of_version(model.seq, version.number)?)),
        ("sealed", json!(seal.is_some())),
        ("seal", json!(seal.as_ref().map(|seal| seal.digest.to_string()))),
        ("logged_model", json!(seal.map(|seal| seal.model))),
        ("run", json!(run.as_ref().map(|run| &run.id))),
        ("run_status", json!(run.map(|run| run.status))),
        ("passed", json!(passed)),
        ("failed", json!(failed)),
        ("gaps", json!(Tracking::gap_names(view, version)?)),
        ("tags", json!(tags(&version.tags))),
        ("model_tags", json!(tags(&model.tags))),
    ];
    all.extend(known.map(|(name, value)| (name.to_owned(), value)));
    Ok(())
}

/// Writes tags as policies compare them.
fn tags(tags: &[Pair]) -> Vec<String> {
    let mut texts: Vec<String> = tags.iter().map(|tag| format!("{}={}", tag.key, tag.value)).collect();
    texts.sort();
    texts
}

/// Says how trying a move ended: nothing of it stays.
enum Tried {
    Would(Option<Value>),
    Refused(Refused),
}

impl From<TrackingError> for Tried {
    fn from(error: TrackingError) -> Self {
        Self::Refused(error.into())
    }
}

impl Tracking {
    /// Makes a move and takes it back: returns what it would be decided on; nothing, if it would move nothing.
    ///
    /// # Errors
    ///
    /// What making it would be refused with.
    pub(crate) fn try_move(&self, who: &Holder, wanted: Move) -> Answer<Option<Value>> {
        let mover = self.mover(who, None);
        let tried = self.kept.change(move |change| {
            let made = || {
                // Before it is looked at, as the words of a refusal are those of the move.
                let arguments = wanted.arguments(change);
                wanted.make(change, &mover)?;
                Ok(if mover.has_moved() { Some(arguments?) } else { None })
            };
            Err::<(), Tried>(made().map_or_else(Tried::Refused, Tried::Would))
        });
        match tried {
            Ok(()) | Err(Tried::Would(None)) => Ok(None),
            Err(Tried::Would(would)) => Ok(would),
            Err(Tried::Refused(refused)) => Err(refused),
        }
    }

    /// Makes a move that was decided, or one that moves nothing.
    ///
    /// # Errors
    ///
    /// What it is refused with; `state-conflict` if things are not as they were when it was decided.
    pub(crate) fn make_move(&self, who: &Holder, wanted: Move, decided: Option<Decided>) -> Answer<()> {
        let mover = self.mover(who, decided.as_ref().map(|decided| decided.action));
        self.change_registry(move |change| {
            let arguments = wanted.arguments(change);
            wanted.make(change, &mover)?;
            let stands = match &decided {
                Some(decided) => arguments? == decided.arguments,
                None => !mover.has_moved(),
            };
            if stands { Ok(()) } else { Err(overtaken()) }
        })
    }
}

fn overtaken() -> Refused {
    let message = "What was decided on has changed meanwhile: nothing was moved. Ask again.";
    Refused::new(ErrorCode::PermissionDenied, message).because(Code::StateConflict)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use types::bundle::REGISTRY_TOOLS;

    use super::*;

    #[test]
    fn every_move_is_read_from_what_it_is_decided_on() {
        let text = str::to_owned;
        let all = [
            Move::SetAlias { model: text("m"), alias: text("a"), version: text("2") },
            Move::DeleteAlias { model: text("m"), alias: text("a") },
            Move::TransitionStage { model: text("m"), version: text("2"), stage: text("Production"), archive: true },
            Move::RenameModel { model: text("m"), to: text("n") },
            Move::DeleteVersion { model: text("m"), version: text("2") },
            Move::DeleteModel { model: text("m") },
            Move::Deploy { model: text("m"), target: text("eu"), version: text("2") },
            Move::Undeploy { model: text("m"), target: text("eu") },
        ];
        let arguments = json!({
            "model": "m", "alias": "a", "version": 2, "stage": "Production", "archive": true, "to": "n", "target": "eu",
        });
        let tools: Vec<&str> = all.iter().map(Move::tool).collect();
        assert_eq!(tools, REGISTRY_TOOLS);
        for one in &all {
            assert_eq!(Move::read(one.tool(), &arguments).as_ref(), Some(one));
        }
        assert_eq!(Move::read("register", &arguments), None);
        assert_eq!(Move::read("set_alias", &json!({ "model": "m", "alias": "a", "version": "2" })), None);
    }
}
