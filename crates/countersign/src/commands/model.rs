//! `countersign model`: which version runs, who moved what, the way back, why a run failed, and what is signed.

use reqwest::Method;
use serde_json::{Value, json};

use super::answer::{instant, list, text};
use super::{
    Done, model_deploy, model_diagnose, model_evaluate, model_import, model_incidents, model_pipeline, model_reproduce,
    model_signature, model_verify, model_why,
};
use crate::cli::{ModelCommand, ModelHistoryArgs, PromoteArgs, RollbackArgs};
use crate::client::{Client, segment};
use crate::error::{CliError, Exit};
use crate::folder::Folders;
use crate::output::{self, FAINT, GOOD, paint};

/// Runs the command.
pub async fn run(
    folders: &Folders,
    command: &ModelCommand,
    client: impl FnOnce() -> Result<Client, CliError>,
    as_json: bool,
) -> Done {
    match command {
        ModelCommand::Why(args) => model_why::run(&client()?, args, as_json).await,
        ModelCommand::Compare(args) => model_why::compare(&client()?, args, as_json).await,
        ModelCommand::Running(args) => model_deploy::running(&client()?, args, as_json).await,
        ModelCommand::Incidents(args) => model_incidents::run(&client()?, args, as_json).await,
        ModelCommand::History(args) => tell(&client()?, args, as_json).await,
        ModelCommand::Promote(args) => promote(&client()?, args, as_json).await,
        ModelCommand::Rollback(args) => roll_back(&client()?, args, as_json).await,
        ModelCommand::Deploy(args) => model_deploy::deploy(&client()?, args, as_json).await,
        ModelCommand::Undeploy(args) => model_deploy::undeploy(&client()?, args, as_json).await,
        ModelCommand::Report(args) => model_deploy::report(&client()?, args, as_json).await,
        ModelCommand::Evaluate(args) => model_evaluate::run(&client()?, args, as_json).await,
        ModelCommand::Pipeline(args) => model_pipeline::run(&client()?, args, as_json).await,
        ModelCommand::Diagnose(args) => model_diagnose::run(&client()?, args, as_json).await,
        ModelCommand::Reproduce(args) => model_reproduce::run(&client()?, args, as_json).await,
        ModelCommand::Signature(args) => model_signature::write(&client()?, args, as_json).await,
        ModelCommand::Import(args) => model_import::run(client, args, as_json).await,
        ModelCommand::Verify(args) => model_verify::run(args, as_json),
        ModelCommand::Key => model_signature::key(folders, as_json),
    }
}

async fn promote(client: &Client, args: &PromoteArgs, as_json: bool) -> Done {
    let body = json!({ "version": args.number, "reason": args.reason });
    let moved = client.send(Method::PUT, &alias(&args.name, &args.alias), Some(&body)).await?;
    say_moved(&args.name, &args.alias, &moved, as_json);
    Ok(Exit::Done)
}

async fn roll_back(client: &Client, args: &RollbackArgs, as_json: bool) -> Done {
    let body = json!({ "version": args.to, "reason": args.reason });
    let moved = client.post(&format!("{}/rollback", alias(&args.name, &args.alias)), &body).await?;
    say_moved(&args.name, &args.alias, &moved, as_json);
    Ok(Exit::Done)
}

async fn tell(client: &Client, args: &ModelHistoryArgs, as_json: bool) -> Done {
    let moves = history(client, args).await?;
    if as_json {
        output::say_json(&json!({ "moves": moves }));
    } else {
        output::table(&moves.iter().map(row).collect::<Vec<_>>());
    }
    Ok(Exit::Done)
}

/// Returns the path of an alias.
fn alias(name: &str, alias: &str) -> String {
    format!("/v1/models/{}/aliases/{}", segment(name), segment(alias))
}

fn say_moved(name: &str, alias: &str, moved: &Value, as_json: bool) {
    if as_json {
        return output::say_json(moved);
    }
    let (version, action) = (moved.get("version").and_then(Value::as_u64).unwrap_or(0), text(moved, "action"));
    let how = if action.is_empty() { "already".to_owned() } else { paint(FAINT, action) };
    output::say(format!("{} {name}@{alias} is version {version} {how}", paint(GOOD, "ok")));
}

/// Reads the whole history, page by page.
async fn history(client: &Client, args: &ModelHistoryArgs) -> Result<Vec<Value>, CliError> {
    let (mut moves, mut after) = (Vec::new(), 0);
    loop {
        let path = format!("/v1/models/{}/history?limit=1000&after={after}", segment(&args.name));
        let page = client.get(&path).await?;
        moves.extend(list(&page, "moves").cloned());
        match page.get("next").and_then(Value::as_i64) {
            Some(next) => after = next,
            None => return Ok(moves),
        }
    }
}

fn row(moved: &Value) -> Vec<String> {
    let behalf = text(moved, "on_behalf_of");
    let behalf = if behalf.is_empty() { behalf } else { format!(" on behalf of {behalf}") };
    let by = format!("{}{behalf}", text(moved, "by"));
    vec![paint(FAINT, instant(moved, "at")), by, text(moved, "name"), told(moved), paint(FAINT, text(moved, "action"))]
}

/// Tells a move in words.
fn told(moved: &Value) -> String {
    let [version, alias, from, to] = ["version", "alias", "from", "to"].map(|name| text(moved, name));
    match (text(moved, "kind").as_str(), from.is_empty(), to.is_empty()) {
        ("model-made", ..) => "made".to_owned(),
        ("model-renamed", ..) => format!("renamed from {from}"),
        ("model-deleted", ..) => "deleted with all of its versions".to_owned(),
        ("version-made", ..) => format!("version {version} made of {to}"),
        ("version-deleted", ..) => format!("version {version} deleted, stage {from}"),
        ("stage-moved", ..) => format!("version {version} from stage {from} to {to}"),
        ("alias-moved", true, _) => format!("alias {alias} set on version {to}"),
        ("alias-moved", false, true) => format!("alias {alias} taken from version {from}"),
        ("alias-moved", false, false) => format!("alias {alias} moved from version {from} to {to}"),
        ("deployment-moved", true, _) => format!("version {to} is to run at {alias}"),
        ("deployment-moved", false, true) => format!("version {from} is to run at {alias} no more"),
        ("deployment-moved", false, false) => format!("version {to} is to run at {alias} instead of {from}"),
        (kind, ..) => kind.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moves_are_told_in_words() {
        for (moved, expected) in [
            (json!({ "kind": "alias-moved", "alias": "champion", "to": "2" }), "alias champion set on version 2"),
            (
                json!({ "kind": "alias-moved", "alias": "champion", "from": "2", "to": "1" }),
                "alias champion moved from version 2 to 1",
            ),
            (json!({ "kind": "alias-moved", "alias": "champion", "from": "1" }), "alias champion taken from version 1"),
            (
                json!({ "kind": "stage-moved", "version": 3, "from": "None", "to": "Production" }),
                "version 3 from stage None to Production",
            ),
            (json!({ "kind": "version-deleted", "version": 3, "from": "Staging" }), "version 3 deleted, stage Staging"),
            (json!({ "kind": "something-else" }), "something-else"),
        ] {
            assert_eq!(told(&moved), expected);
        }
    }
}
