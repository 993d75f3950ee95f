//! `countersign saga`: plans carried out, listed, shown.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::Done;
use super::answer::{instant, list, text};
use crate::cli::SagaCommand;
use crate::client::{Client, segment};
use crate::error::{CliError, Exit};
use crate::output::{self, BAD, BOLD, FAINT, GOOD, NOTE, paint};

/// Is how long is between two looks at a saga that is under way.
const LOOK: Duration = Duration::from_millis(200);

/// Runs the command.
pub async fn run(client: &Client, command: &SagaCommand, as_json: bool) -> Done {
    match command {
        SagaCommand::Run { file, no_wait } => {
            let begun = client.post("/v1/sagas", &plan(file)?).await?;
            let ended = if *no_wait { begun } else { followed(client, &begun, as_json).await? };
            if as_json {
                output::say_json(&ended);
            } else if *no_wait {
                tell(&ended);
            } else {
                tell_end(&ended);
            }
            Ok(exit(&ended))
        }
        SagaCommand::List => {
            let all = client.get("/v1/sagas").await?;
            if as_json {
                output::say_json(&all);
                return Ok(Exit::Done);
            }
            let found = members(&all, "sagas");
            if found.is_empty() {
                output::tell("No saga was begun.");
            }
            output::table(&found.into_iter().map(row).collect::<Vec<_>>());
            Ok(Exit::Done)
        }
        SagaCommand::Show { saga } => {
            let saga = client.get(&format!("/v1/sagas/{}", segment(&saga.to_string()))).await?;
            if as_json {
                output::say_json(&saga);
            } else {
                tell(&saga);
            }
            Ok(Exit::Done)
        }
    }
}

fn plan(file: &Path) -> Result<Value, CliError> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| CliError::usage(format!("{} cannot be read: {error}", file.display())))?;
    serde_json::from_str(&text).map_err(|error| CliError::usage(format!("{} is no JSON: {error}", file.display())))
}

/// Waits until a saga is over, and tells each change on standard error.
async fn followed(client: &Client, begun: &Value, as_json: bool) -> Result<Value, CliError> {
    let path = format!("/v1/sagas/{}", segment(&text(begun, "saga")));
    let mut told = String::new();
    loop {
        let saga = client.get(&path).await?;
        let line = format!("{}: {}", text(&saga, "saga"), progress(&saga));
        if line != told && !as_json {
            output::tell(&line);
            told = line;
        }
        if !matches!(text(&saga, "state").as_str(), "asked" | "running" | "turning_back") {
            return Ok(saga);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Says how far a saga is.
fn progress(saga: &Value) -> String {
    let steps = members(saga, "steps");
    let begun = steps.iter().filter(|step| !members(step, "actions").is_empty()).count();
    match text(saga, "state").as_str() {
        "asked" => "is taken on; people are asked for what needs them".to_owned(),
        "running" => format!("step {begun} of {}", steps.len()),
        "turning_back" => format!("is turned back after step {begun} of {}", steps.len()),
        state => word(state).0.to_owned(),
    }
}

/// Says what a state means, and how it looks.
fn word(state: &str) -> (&'static str, anstyle::Style) {
    match state {
        "held" => ("every step was done and holds", GOOD),
        "taken_back" => ("was turned back, and everything is as it was before", NOTE),
        "half" => ("stands HALF DONE: something of it could not be taken back", BAD),
        "refused" => ("was refused, and nothing was done", BAD),
        _ => ("is under way", NOTE),
    }
}

fn members<'a>(value: &'a Value, name: &str) -> Vec<&'a Value> {
    list(value, name).collect()
}

fn row(saga: &Value) -> Vec<String> {
    vec![text(saga, "saga"), text(saga, "agent"), progress(saga), instant(saga, "since")]
}

fn tell(saga: &Value) {
    output::say(paint(BOLD, text(saga, "saga")));
    output::say(format!("  of      {}, since {}", text(saga, "agent"), instant(saga, "begun")));
    output::say(format!("  stands  {}", progress(saga)));
    for (number, step) in members(saga, "steps").iter().enumerate() {
        let arguments = step.get("arguments").map(ToString::to_string).unwrap_or_default();
        output::say(format!("  {}. {} {}", number + 1, text(step, "tool"), output::json_text(&arguments)));
        for action in members(step, "actions") {
            output::say(paint(FAINT, format!("       {}", action.as_str().unwrap_or_default())));
        }
    }
    tell_why(saga);
}

fn tell_end(saga: &Value) {
    let (says, colour) = word(&text(saga, "state"));
    output::say(format!("{} {says}", paint(colour, text(saga, "saga"))));
    tell_why(saga);
}

fn tell_why(saga: &Value) {
    for why in members(saga, "why") {
        output::say(format!("  {} {}", paint(BAD, "why"), why.as_str().unwrap_or_default()));
    }
}

fn exit(saga: &Value) -> Exit {
    match text(saga, "state").as_str() {
        "held" => Exit::Done,
        "taken_back" => Exit::Failed,
        "refused" => Exit::Denied,
        _ => Exit::Undetermined,
    }
}
