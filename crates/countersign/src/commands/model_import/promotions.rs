//! Aliases and stages are decided here: each is proposed as any other, and none that was moved here already.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::{Value, json};
use types::Code;

use super::report::{Outcome, Report};
use crate::client::{Client, segment};
use crate::commands::answer::{list, text};
use crate::error::CliError;

/// Is where something stood at the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// An alias named a version.
    Alias {
        /// The registered model.
        model: String,
        /// The alias.
        alias: String,
        /// The version's number.
        version: i64,
    },
    /// A version was in a stage.
    Stage {
        /// The registered model.
        model: String,
        /// The version's number.
        version: i64,
        /// The stage.
        stage: String,
    },
}

impl Wanted {
    /// Returns the kind as which it is counted.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Alias { .. } => "alias",
            Self::Stage { .. } => "stage",
        }
    }

    fn model(&self) -> &str {
        match self {
            Self::Alias { model, .. } | Self::Stage { model, .. } => model,
        }
    }

    fn id(&self) -> String {
        match self {
            Self::Alias { model, alias, version } => format!("{model}@{alias} on version {version}"),
            Self::Stage { model, version, stage } => format!("{model}/{version} in {stage}"),
        }
    }

    /// Returns what the history calls it.
    fn key(&self) -> String {
        match self {
            Self::Alias { alias, .. } => format!("alias {alias}"),
            Self::Stage { version, .. } => format!("stage {version}"),
        }
    }
}

/// Proposes each, and counts what became of it.
///
/// # Errors
///
/// A server that does not answer.
pub async fn propose(
    client: &Client,
    source: &str,
    mut wanted: Vec<Wanted>,
    report: &mut Report,
) -> Result<(), CliError> {
    // An alias that waits is decided on the stage of its version: that must not move behind it.
    wanted.sort_by_key(|one| matches!(one, Wanted::Alias { .. }));
    let mut moved: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for one in wanted {
        if !moved.contains_key(one.model()) {
            moved.insert(one.model().to_owned(), moved_here(client, one.model()).await?);
        }
        if moved.get(one.model()).is_some_and(|keys| keys.contains(&one.key())) {
            report.count(one.kind(), &one.id(), Outcome::Present);
            continue;
        }
        match ask(client, source, &one).await {
            Ok(_) => report.count(one.kind(), &one.id(), Outcome::Taken),
            Err(error) if error.code == Code::ApprovalPending => {
                let hint = error.hint.map(|hint| format!("; {hint}")).unwrap_or_default();
                report.waits(one.kind(), &one.id(), format!("{}{hint}", error.message));
            }
            Err(error) if error.code == Code::UpstreamUnavailable => return Err(error),
            Err(error) => {
                report.count(one.kind(), &one.id(), Outcome::Refused(format!("{} ({})", error.message, error.code)));
            }
        }
    }
    Ok(())
}

/// Returns the aliases and stages of a model that were moved here before; where they stand now was decided here.
async fn moved_here(client: &Client, model: &str) -> Result<BTreeSet<String>, CliError> {
    let (mut keys, mut after) = (BTreeSet::new(), 0);
    loop {
        let path = format!("/v1/models/{}/history?limit=1000&after={after}", segment(model));
        let page = match client.get(&path).await {
            // One that was refused is not here.
            Err(error) if error.code == Code::NotFound => return Ok(keys),
            page => page?,
        };
        for one in list(&page, "moves") {
            match text(one, "kind").as_str() {
                "alias-moved" => drop(keys.insert(format!("alias {}", text(one, "alias")))),
                "stage-moved" => drop(keys.insert(format!("stage {}", text(one, "version")))),
                _ => {}
            }
        }
        match page.get("next").and_then(Value::as_i64) {
            Some(next) => after = next,
            None => return Ok(keys),
        }
    }
}

async fn ask(client: &Client, source: &str, one: &Wanted) -> Result<Value, CliError> {
    match one {
        Wanted::Alias { model, alias, version } => {
            let path = format!("/v1/models/{}/aliases/{}", segment(model), segment(alias));
            let body = json!({ "version": version, "reason": format!("it stood there at {source}") });
            client.send(Method::PUT, &path, Some(&body)).await
        }
        Wanted::Stage { model, version, stage } => {
            let body = json!({ "name": model, "version": version.to_string(), "stage": stage,
                "archive_existing_versions": false });
            client.post("/api/2.0/mlflow/model-versions/transition-stage", &body).await
        }
    }
}
