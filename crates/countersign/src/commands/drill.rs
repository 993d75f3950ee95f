//! `countersign drill`: does what is meant for the worst day, on a good one, and says how it went.

use serde_json::{Value, json};

use super::Done;
use super::answer::text;
use crate::cli::{DrillCommand, DrillKill};
use crate::client::Client;
use crate::error::{CliError, Exit};
use crate::output;

/// Drills what was asked for.
pub async fn run(client: &Client, command: &DrillCommand, as_json: bool) -> Done {
    match command {
        DrillCommand::Kill(args) => kill(client, args, as_json).await,
    }
}

async fn kill(client: &Client, args: &DrillKill, as_json: bool) -> Done {
    let mut body = json!({ "reason": args.reason, "wait_ms": args.wait.saturating_mul(1_000), "hold_ms": args.hold });
    if let (Some(agent), Some(body)) = (&args.agent, body.as_object_mut()) {
        body.insert("agent".into(), json!(agent));
    }
    let report = client.post("/v1/drills", &body).await?;
    if as_json {
        output::say_json(&report);
    } else {
        say(&report);
    }
    exit(&report)
}

fn say(report: &Value) {
    let number = |name: &str| report.get(name).and_then(Value::as_u64);
    let us = |name: &str| number(name).map(|us| format!("{}.{:03} ms", us / 1_000, us % 1_000));
    output::say(format!("armed after {}, recorded in {}", us("armed_us").unwrap_or_default(), index(report, "set")));
    let in_flight = number("in_flight").unwrap_or_default();
    output::say(match us("drained_us") {
        Some(after) => format!("drained after {after}; {in_flight} were in flight"),
        None => output::paint(output::BAD, format!("not drained; {in_flight} were in flight")),
    });
    let (left, watched) = (number("left").unwrap_or_default(), us("watched_us").unwrap_or_default());
    let told = format!("{left} left in the {watched} after it was armed");
    output::say(if left == 0 { told } else { output::paint(output::BAD, &told) });
    output::say(match text(report, "ending").as_str() {
        "lifted" => "the switch is lifted".to_owned(),
        "overtaken" => output::paint(output::NOTE, "the switch is no longer the drill's own, and was left as it is"),
        _ => output::paint(output::NOTE, format!("the switch stays set: {}", stays(report))),
    });
    output::say(format!("recorded in {}", index(report, "receipt")));
}

fn index(report: &Value, name: &str) -> u64 {
    report.pointer(&format!("/{name}/index")).and_then(Value::as_u64).unwrap_or_default()
}

fn stays(report: &Value) -> String {
    let said = report.pointer("/stays/detail").and_then(Value::as_str).unwrap_or_default();
    types::text::escape(said, false)
}

/// Says how the command ends: a drill that has failed comes first, then whether its switch stays.
fn exit(report: &Value) -> Result<Exit, CliError> {
    if report.get("passed") != Some(&Value::Bool(true)) {
        return Ok(Exit::Failed);
    }
    Ok(match text(report, "ending").as_str() {
        "lifted" | "overtaken" => Exit::Done,
        // Whichever stage asks people, what they must approve first is answered with this status.
        _ if report.pointer("/stays/status") == Some(&json!(202)) => Exit::Undetermined,
        _ => Exit::Denied,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_that_waits_for_people_is_told_from_one_that_may_not_be_lifted() {
        let ends = |passed: bool, ending: &str, status: u16| {
            exit(&json!({ "passed": passed, "ending": ending, "stays": { "status": status } })).unwrap()
        };
        assert_eq!([ends(true, "lifted", 0), ends(true, "overtaken", 0)], [Exit::Done, Exit::Done]);
        assert_eq!(ends(true, "stays", 202), Exit::Undetermined);
        assert_eq!(ends(true, "stays", 403), Exit::Denied);
        assert_eq!(ends(false, "stays", 202), Exit::Failed);
    }
}
