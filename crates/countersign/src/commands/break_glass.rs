//! `countersign break-glass`: two keys, a short life, and a review.

use serde_json::{Value, json};

use super::Done;
use super::answer::{instant, items, list, text};
use crate::cli::{AskGlass, BreakGlassCommand, StepGlass};
use crate::client::Client;
use crate::error::Exit;
use crate::output::{self, BAD, GOOD, NOTE, paint};

/// Runs the command.
pub async fn run(client: &Client, command: &BreakGlassCommand, as_json: bool) -> Done {
    let answer = match command {
        BreakGlassCommand::Ask(args) => client.post("/v1/break-glass", &asked(args)).await?,
        BreakGlassCommand::Confirm(step) => client.post(&path(step, "confirm"), &why(step)).await?,
        BreakGlassCommand::End(step) => client.post(&path(step, "end"), &why(step)).await?,
        BreakGlassCommand::Review { glass, findings } => {
            client.post(&format!("/v1/break-glass/{glass}/review"), &json!({ "findings": findings })).await?
        }
        BreakGlassCommand::List => return all(client, as_json).await,
    };
    if as_json {
        output::say_json(&answer);
    } else {
        say(&answer);
        if text(&answer, "state") == "asked" {
            let id = text(&answer, "id");
            output::tell(format!("another person confirms it: countersign break-glass confirm {id} --reason …"));
        }
    }
    Ok(Exit::Done)
}

async fn all(client: &Client, as_json: bool) -> Done {
    let answer = client.get("/v1/break-glass").await?;
    if as_json {
        output::say_json(&answer);
        return Ok(Exit::Done);
    }
    let found = items(&answer);
    if found.is_empty() {
        output::tell("No glass is broken, and none awaits its review.");
    }
    found.iter().for_each(say);
    Ok(Exit::Done)
}

fn asked(args: &AskGlass) -> Value {
    let AskGlass { agent, class, tool, environment, minutes, reason } = args;
    let tool = tool.as_ref().map(ToString::to_string);
    json!({
        "agent": agent, "class": class, "tool": tool, "environment": environment, "minutes": minutes, "reason": reason,
    })
}

fn path(step: &StepGlass, what: &str) -> String {
    format!("/v1/break-glass/{}/{what}", step.glass)
}

fn why(step: &StepGlass) -> Value {
    json!({ "reason": step.reason })
}

/// Says how one stands, and which actions ran under it.
fn say(glass: &Value) {
    let state = text(glass, "state");
    let (style, until) = match state.as_str() {
        "asked" => (NOTE, format!("second key until {}", instant(glass, "confirm_until"))),
        "in_force" => (BAD, format!("IN FORCE until {}", instant(glass, "expires_at"))),
        "ended" if glass.get("overdue") == Some(&Value::Bool(true)) => {
            (BAD, format!("review OVERDUE since {}", instant(glass, "review_until")))
        }
        "ended" => (NOTE, format!("review until {}", instant(glass, "review_until"))),
        _ => (GOOD, String::new()),
    };
    let of = |name: &str| glass.get(name).map(|key| text(key, "by")).filter(|by| !by.is_empty());
    let keys: Vec<String> = [of("first"), of("second")].into_iter().flatten().collect();
    let place = Some(text(glass, "environment")).filter(|name| !name.is_empty());
    let what = format!("{}{}", text(glass, "class"), text(glass, "tool"));
    output::say(format!(
        "{}  {}  agent:{} {what} in {}  by {}  {until}",
        text(glass, "id"),
        paint(style, state),
        text(glass, "agent"),
        place.unwrap_or_else(|| "no environment".to_owned()),
        keys.join(" and ")
    ));
    output::say(format!("    {}", text(glass, "reason")));
    for used in list(glass, "actions") {
        let (at, action) = (instant(used, "at"), text(used, "action"));
        output::say(format!("    {at}  {}  {action}  record {}", text(used, "tool"), text(used, "index")));
    }
    if let Some(review) = glass.get("review") {
        output::say(format!("    reviewed by {}: {}", text(review, "by"), text(review, "findings")));
    }
}
