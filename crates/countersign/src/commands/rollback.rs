//! `countersign rollback`: what taking an action back would do, and doing it.

use serde_json::{Value, json};

use super::Done;
use super::answer::text;
use crate::cli::Rollback;
use crate::client::{Client, segment};
use crate::error::Exit;
use crate::output::{self, BAD, BOLD, GOOD, NOTE, paint};

/// Runs the command.
pub async fn run(client: &Client, args: &Rollback, as_json: bool) -> Done {
    let path = format!("/v1/actions/{}/undo", segment(&args.action.to_string()));
    let plan = client.get(&path).await?;
    let Some(reason) = args.reason.as_ref().filter(|_| !args.plan) else {
        if as_json {
            output::say_json(&plan);
        } else {
            tell(&plan);
        }
        return Ok(Exit::Done);
    };
    if !as_json {
        tell(&plan);
    }
    let done = client.post(&path, &json!({ "reason": reason })).await?;
    if as_json {
        output::say_json(&done);
    } else {
        told(&done);
    }
    let restored = done.get("restored") == Some(&Value::Bool(true));
    Ok(if restored { Exit::Done } else { Exit::Undetermined })
}

/// Tells what it would do.
fn tell(plan: &Value) {
    output::say(format!("agent {} called {}", text(plan, "agent"), paint(BOLD, text(plan, "did"))));
    output::say(format!("  before it   {}", output::json_text(&text(plan, "before"))));
    output::say(format!("  it left     {}", output::json_text(&text(plan, "after"))));
    let arguments = plan.get("arguments").map(ToString::to_string).unwrap_or_default();
    output::say(format!("  taken back  {} {}", text(plan, "tool"), output::json_text(&arguments)));
}

/// Tells what came of it.
fn told(done: &Value) {
    let undo = text(done, "undo");
    match done.get("restored").and_then(Value::as_bool) {
        Some(true) => output::say(format!("{} it is as it was before, by {undo}", paint(GOOD, "taken back:"))),
        Some(false) => output::say(format!(
            "{} {undo} ended {}, and it is not as it was before: {}",
            paint(BAD, "not taken back:"),
            text(done, "status"),
            output::json_text(&text(done, "state"))
        )),
        None => output::say(format!(
            "{} {undo} ended {}, and its state cannot be seen",
            paint(NOTE, "unknown:"),
            text(done, "status")
        )),
    }
}
