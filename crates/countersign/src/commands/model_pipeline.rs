//! `countersign model pipeline`: where a version stands in the pipeline that drives it.

use serde_json::Value;

use super::Done;
use super::answer::{instant, list, text};
use crate::cli::PipelineArgs;
use crate::client::{Client, segment};
use crate::error::{CliError, Exit};
use crate::output::{self, BAD, BOLD, FAINT, GOOD, NOTE, paint};

/// Runs the command.
pub async fn run(client: &Client, args: &PipelineArgs, as_json: bool) -> Done {
    let (name, number) = match args.of.rsplit_once('/') {
        Some((name, number)) => (name.to_owned(), number.to_owned()),
        None => (args.of.clone(), latest(client, &args.of).await?),
    };
    let path = format!("/v1/models/{}/versions/{}/pipeline", segment(&name), segment(&number));
    let found = client.get(&path).await?;
    if as_json {
        output::say_json(&found);
    } else {
        match found.get("pipeline") {
            Some(pipeline) => told(pipeline).iter().for_each(output::say),
            None => output::tell(format!("no pipeline drives {name} version {number}")),
        }
    }
    let state = found.get("pipeline").map(|pipeline| text(pipeline, "state")).unwrap_or_default();
    Ok(if state == "failed" { Exit::Failed } else { Exit::Done })
}

/// Returns the number of the version that was registered last.
async fn latest(client: &Client, name: &str) -> Result<String, CliError> {
    let path = format!("/api/2.0/mlflow/registered-models/alias?name={}&alias=latest", segment(name));
    let found = client.get(&path).await?;
    Ok(found.get("model_version").map(|version| text(version, "version")).unwrap_or_default())
}

fn told(pipeline: &Value) -> Vec<String> {
    let of = |name: &str| text(pipeline, name);
    let head = format!("{} version {} in pipeline {}", of("model"), of("version"), of("pipeline"));
    let mut lines =
        vec![format!("{} registered by {} at {}", paint(BOLD, head), of("by"), instant(pipeline, "registered"))];
    lines.extend(list(pipeline, "steps").map(step));
    let over = pipeline.get("over").and_then(Value::as_bool) == Some(true);
    lines.push(if over { paint(FAINT, "it is over") } else { paint(NOTE, "it goes on") });
    lines
}

/// Tells what became of a step.
pub(super) fn step(step: &Value) -> String {
    let (state, why, action) = (text(step, "state"), text(step, "why"), text(step, "action"));
    let style = match state.as_str() {
        "done" => GOOD,
        "failed" => BAD,
        _ => NOTE,
    };
    let why = if why.is_empty() { String::new() } else { format!(": {why}") };
    let action = if action.is_empty() { String::new() } else { format!(" {action}") };
    let record = paint(FAINT, format!("{}{action} record {}", instant(step, "at"), text(step, "record")));
    format!("  {} {}{why} {record}", text(step, "step"), paint(style, state))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_step_is_told_with_its_reason() {
        let pipeline = json!({
            "model": "fraud", "version": 2, "pipeline": "fraud", "by": "person:dan", "registered": 0, "over": true,
            "steps": [
                { "step": "register", "state": "done", "at": 0, "record": 5 },
                { "step": "approve", "state": "failed", "why": "person:ben refused it: no", "action": "act_1", "at": 0, "record": 7 },
            ],
        });
        let lines: Vec<String> =
            told(&pipeline).iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect();
        assert_eq!(
            lines,
            [
                "fraud version 2 in pipeline fraud registered by person:dan at 1970-01-01 00:00:00Z",
                "  register done 1970-01-01 00:00:00Z record 5",
                "  approve failed: person:ben refused it: no 1970-01-01 00:00:00Z act_1 record 7",
                "it is over",
            ]
        );
    }
}
