//! `countersign log list`, `close` and `delete`: the tenant's logs.

use control::logs::{self, LogView};
use serde_json::{Value, json};
use types::Millis;

use super::answer::{list, text};
use super::{Done, log_archive};
use crate::cli::{Cli, LogsCommand};
use crate::client::{Client, segment};
use crate::error::Exit;
use crate::folder::Folders;
use crate::output::{self, BAD, FAINT, GOOD, NOTE, paint};

/// Runs the command.
pub async fn run(cli: &Cli, command: &LogsCommand) -> Done {
    let folders = cli.folders();
    let client = || Client::find(&folders, cli.url.clone(), cli.key.clone());
    match command {
        LogsCommand::List if cli.url.is_some() => {
            let answer = client()?.get("/v1/logs").await?;
            show(&list(&answer, "logs").cloned().collect::<Vec<_>>(), cli.json);
            Ok(Exit::Done)
        }
        LogsCommand::List => list_here(&folders, cli.json),
        LogsCommand::Close { reason } => close(&client()?, reason, cli.json).await,
        LogsCommand::Archive(args) => log_archive::run(cli, &folders, args).await,
        LogsCommand::Delete { log, reason } => delete(&client()?, log, reason, cli.json).await,
    }
}

fn list_here(folders: &Folders, as_json: bool) -> Done {
    let (history, keys) = folders.history()?;
    let logs = logs::list(&history, keys.log.verifier().name())?;
    show(&logs.iter().map(as_value).collect::<Vec<_>>(), as_json);
    Ok(Exit::Done)
}

/// Puts a log into JSON as the server does.
fn as_value(log: &LogView) -> Value {
    let mut value = serde_json::to_value(log).unwrap_or_default();
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|_, field| !field.is_null());
        if let Some((record, origin)) = &log.deleted {
            fields.insert("deleted".to_owned(), json!({ "record": record, "origin": origin }));
        }
    }
    value
}

fn show(logs: &[Value], as_json: bool) {
    if as_json {
        output::say_json(&json!({ "logs": logs }));
        return;
    }
    for log in logs {
        line(log);
    }
}

fn line(log: &Value) {
    let time =
        |name: &str| log.get(name).and_then(Value::as_i64).map_or_else(String::new, |at| output::time(Millis(at)));
    let state = text(log, "state");
    let style = if state == "open" { GOOD } else { FAINT };
    let span = format!("{} to {}", time("first"), time("last"));
    let words =
        [text(log, "number"), paint(style, state), format!("{} records", text(log, "size")), span, text(log, "origin")];
    output::say(words.join("  "));
    if log.get("checkpoint").is_some() {
        let held = log.get("witnessed").and_then(Value::as_bool).unwrap_or(false);
        let held = if held { "held by a quorum of witnesses" } else { "held by no quorum of witnesses" };
        output::say(paint(FAINT, format!("   final checkpoint {}, {held}", text(log, "checkpoint"))));
    }
    if log.get("archive").is_some() {
        output::say(paint(FAINT, format!("   archive {}, contents {}", text(log, "archive"), text(log, "contents"))));
    }
    if let Some(deleted) = log.get("deleted") {
        let says =
            format!("   record {} of `{}` says that it was deleted", text(deleted, "record"), text(deleted, "origin"));
        output::say(paint(NOTE, says));
    }
}

async fn close(client: &Client, reason: &str, as_json: bool) -> Done {
    let done = client.post("/v1/log/close", &json!({ "reason": reason })).await?;
    let closed = done.get("closed").and_then(Value::as_bool).unwrap_or(false);
    let exit = if closed { Exit::Done } else { Exit::Undetermined };
    if as_json {
        output::say_json(&done);
        return Ok(exit);
    }
    if !closed {
        output::say(paint(
            NOTE,
            "calls are in flight still; the log is closed as soon as they end, or by the next start",
        ));
        return Ok(exit);
    }
    output::say(paint(BAD, format!("closed: the log is complete with {} records", text(&done, "size"))));
    if done.get("witnessed").is_some() {
        output::say(format!("a quorum of witnesses has cosigned {} of them", text(&done, "witnessed")));
    }
    output::tell(
        "Restart the server: it begins a new log under a new key, with all that is open. Give that key to whoever",
    );
    output::tell("verifies the log, and to its witnesses.");
    Ok(exit)
}

async fn delete(client: &Client, log: &str, reason: &str, as_json: bool) -> Done {
    let done = client.post(&format!("/v1/logs/{}/delete", segment(log)), &json!({ "reason": reason })).await?;
    if as_json {
        output::say_json(&done);
        return Ok(Exit::Done);
    }
    let record = done.get("deleted").map(|deleted| text(deleted, "record")).unwrap_or_default();
    output::say(format!("log {} is deleted; record {record} of the live log says so", text(&done, "number")));
    output::tell(
        "Its final checkpoint stays in data/closed. Contents that are sealed in an archive can be read by nobody now.",
    );
    output::tell("Copies and backups of the data and key folders are not reached: let them expire.");
    Ok(Exit::Done)
}
