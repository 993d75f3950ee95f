//! `countersign checks`: what must hold after actions, what is watched now, and what is being taken back.

use serde_json::Value;

use super::Done;
use super::answer::text;
use crate::client::Client;
use crate::error::Exit;
use crate::output::{self, BAD, BOLD, FAINT, NOTE, paint};

/// Runs the command.
pub async fn run(client: &Client, as_json: bool) -> Done {
    let all = client.get("/v1/checks").await?;
    if as_json {
        output::say_json(&all);
        return Ok(Exit::Done);
    }
    let list = |name: &str| all.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let (checks, watches) = (list("checks"), list("watches"));
    if checks.is_empty() {
        output::say(paint(NOTE, "the bundle has no `checks.toml`, so nobody looks at what actions have led to"));
    }
    checks.iter().for_each(tell_check);
    if !checks.is_empty() && watches.is_empty() {
        output::say(paint(FAINT, "nothing is watched now"));
    }
    watches.iter().for_each(tell_watch);
    Ok(Exit::Done)
}

fn tell_check(check: &Value) {
    let number = |name: &str| check.get(name).and_then(Value::as_i64).unwrap_or_default();
    let is = |name: &str| check.get(name).and_then(Value::as_bool).unwrap_or_default();
    let looks = match number("looks") {
        1 => "looks once".to_owned(),
        looks => format!("looks {looks} times, every {} ms", number("every_ms")),
    };
    let follows = match (is("undo"), is("stop")) {
        (true, true) => "takes the action back and stops the agent in its class",
        (true, false) => "takes the action back",
        (false, true) => "stops the agent in its class",
        (false, false) => "tells people",
    };
    let (name, way) = (paint(BOLD, text(check, "check")), text(check, "way"));
    let (failures, of_last) = (number("failures"), number("of_last"));
    output::say(format!("{name}  {way}, {looks}; {failures} bad of the last {of_last}: {follows}"));
}

fn tell_watch(watch: &Value) {
    let is_violated = watch.get("violated").and_then(Value::as_bool).unwrap_or_default();
    let word = if is_violated { paint(BAD, "is being taken back") } else { "is watched".to_owned() };
    let (action, check, agent, tool) =
        (text(watch, "action"), text(watch, "check"), text(watch, "agent"), text(watch, "tool"));
    output::say(format!("{action} {word}: {tool} of {agent}, by {check}"));
}
