//! `countersign model deploy`, `undeploy`, `running` and `report`: what is to run where, and what does.

use std::path::Path;

use evidence::model_signature::Entry;
use reqwest::Method;
use serde_json::{Value, json};
use types::heartbeat::Heartbeat;
use types::{Code, Digest, seal};

use super::answer::{instant, list, text};
use super::{Done, host};
use crate::cli::{DeployArgs, ReportArgs, RunningArgs, UndeployArgs};
use crate::client::{Client, segment};
use crate::error::{CliError, Exit};
use crate::model_folder::{Passed, Walked};
use crate::output::{self, BAD, FAINT, GOOD, NOTE, paint};

/// Is what MLflow's client writes beside the files of a model that it has downloaded.
const BESIDE: [&str; 1] = ["registered_model_meta"];

/// Says which version is to run at a target.
pub async fn deploy(client: &Client, args: &DeployArgs, as_json: bool) -> Done {
    let body = json!({ "version": args.number, "reason": args.reason });
    let done = client.send(Method::PUT, &target(&args.name, &args.to), Some(&body)).await?;
    let told = format!("{} version {} is to run at {}", args.name, args.number, args.to);
    say_moved(&told, &done, as_json);
    Ok(Exit::Done)
}

/// Says that nothing is to run at a target any more.
pub async fn undeploy(client: &Client, args: &UndeployArgs, as_json: bool) -> Done {
    let path = format!("{}/undeploy", target(&args.name, &args.from));
    let done = client.post(&path, &json!({ "reason": args.reason })).await?;
    say_moved(&format!("{} is to run at {} no more", args.name, args.from), &done, as_json);
    Ok(Exit::Done)
}

fn say_moved(told: &str, done: &Value, as_json: bool) {
    if as_json {
        return output::say_json(done);
    }
    let action = text(done, "action");
    let how = if action.is_empty() { "already".to_owned() } else { paint(FAINT, action) };
    output::say(format!("{} {told} {how}", paint(GOOD, "ok")));
}

/// Tells which version is to run where, and which does; fails if something runs that nobody decided.
pub async fn running(client: &Client, args: &RunningArgs, as_json: bool) -> Done {
    let query = args.name.as_ref().map_or_else(String::new, |name| format!("?model={}", segment(name)));
    let found = client.get(&format!("/v1/deployments{query}")).await?;
    if as_json {
        output::say_json(&found);
    } else if list(&found, "deployments").next().is_none() {
        output::say("nothing is to run anywhere, and no host says that it runs anything");
    } else {
        output::table(&list(&found, "deployments").map(row).collect::<Vec<_>>());
    }
    let wrong = list(&found, "deployments").filter(|one| is_around_the_road(one)).count();
    if wrong == 0 {
        return Ok(Exit::Done);
    }
    let message = format!("{wrong} of the targets run what nobody decided");
    Err(CliError::new(Exit::Failed, Code::DeploymentDiffers, message))
}

/// Says whether a target runs what nobody decided.
fn is_around_the_road(one: &Value) -> bool {
    matches!(text(one, "state").as_str(), "other-version" | "other-files" | "undeclared" | "mixed-versions")
}

/// Writes a target in the columns of a table.
pub fn row(one: &Value) -> Vec<String> {
    let declared = text(one, "declared");
    let declared =
        if declared.is_empty() { "none is to run".to_owned() } else { format!("version {declared} is to run") };
    let state = text(one, "state");
    let style = match state.as_str() {
        "as-declared" => GOOD,
        _ if is_around_the_road(one) => BAD,
        _ => NOTE,
    };
    let seen = one.get("seen").map_or_else(|| "nothing is known of what runs".to_owned(), seen);
    let is_proved = one.get("proved").and_then(Value::as_bool) == Some(true);
    let proved = if is_proved { "the sealed files" } else { "" };
    let fails = list(one, "witnesses").filter(|witness| witness.get("says").is_some());
    let says = fails.map(|witness| paint(FAINT, format!("{}: {}", text(witness, "probe"), text(witness, "says"))));
    let says = says.collect::<Vec<_>>().join("; ");
    vec![text(one, "model"), text(one, "target"), declared, paint(style, state), seen, proved.to_owned(), says]
}

fn seen(seen: &Value) -> String {
    let version = text(seen, "version");
    let others: Vec<String> = list(seen, "others").map(|other| format!(" and {other}")).collect();
    let runs = match version.as_str() {
        "" => "nothing runs".to_owned(),
        version if others.is_empty() => format!("version {version} runs"),
        version => format!("versions {version}{} run at once", others.concat()),
    };
    let (by, at) = (text(seen, "by"), instant(seen, "at"));
    match text(seen, "means").as_str() {
        "signed" => format!("{runs}, signed by the host, sent by {by} at {at}"),
        "probed" => format!("{runs}, probed at {at}"),
        "cluster" => format!("{runs}, says the cluster at {at}"),
        _ => format!("{runs}, says {by} at {at}"),
    }
}

/// Tells what runs here.
pub async fn report(client: &Client, args: &ReportArgs, as_json: bool) -> Done {
    let digest = args.folder.as_deref().map(digest).transpose()?;
    let said = Heartbeat {
        target: args.target.clone(),
        model: args.name.clone(),
        version: args.number,
        digest,
        at: 0,
        counter: 0,
    };
    let signed = args.host_key.as_deref().map(|file| host::signed(file, said)).transpose()?;
    let body = json!({ "version": args.number, "digest": digest, "signed": signed });
    let found = client.post(&format!("{}/observed", target(&args.name, &args.target)), &body).await?;
    if as_json {
        output::say_json(&found);
    } else {
        output::table(&[row(&found)]);
    }
    Ok(Exit::Done)
}

/// Computes the digest of a model's files as its seal has it.
///
/// # Errors
///
/// `file-unusable` for what cannot be read or is no file.
fn digest(folder: &Path) -> Result<Digest, CliError> {
    let walked = Walked::over(folder, &Passed::beside(&BESIDE), true)?;
    let mut text = String::new();
    for (path, entry) in &walked.entries {
        let Entry::File(digest) = entry else {
            return Err(CliError::machine(format!("`{path}` in `{}` is no file", folder.display())));
        };
        let place = if path == "." { folder.to_owned() } else { folder.join(path) };
        let size = std::fs::metadata(&place)
            .map_err(|error| CliError::machine(format!("`{}` cannot be read: {error}", place.display())))?
            .len();
        text.push_str(&seal::line(digest, size, path));
    }
    Ok(Digest::plain(text.as_bytes()))
}

/// Returns the path of a target.
fn target(name: &str, target: &str) -> String {
    format!("/v1/models/{}/deployments/{}", segment(name), segment(target))
}
