//! `countersign reconcile`: what changed systems around the road, and what was done and is not there.

use serde_json::{Value, json};

use super::Done;
use super::answer::text;
use crate::cli::Reconcile;
use crate::client::{Client, segment};
use crate::error::{CliError, Exit};
use crate::output::{self, BAD, FAINT, GOOD, paint};

/// Runs the command.
pub async fn run(client: &Client, args: &Reconcile, as_json: bool) -> Done {
    let listed = client.get("/v1/systems").await?;
    let systems = listed.get("systems").and_then(Value::as_array).cloned().unwrap_or_default();
    let wanted = |system: &&Value| args.server.as_ref().is_none_or(|server| text(system, "server") == server.as_str());
    let names: Vec<String> = systems.iter().filter(wanted).map(|system| text(system, "server")).collect();
    if names.is_empty() {
        let which = args.server.as_ref().map_or_else(String::new, |server| format!(" of `{server}`"));
        let hint = "a tool that lists what changed has `audit = true` in its server's catalogue";
        return Err(CliError::usage(format!("the catalogue has no tool{which} that lists what changed")).hint(hint));
    }
    let mut held = Vec::new();
    if args.list {
        held.extend(systems.iter().filter(wanted).filter_map(|system| system.get("held").cloned()));
    } else {
        for name in &names {
            held.push(client.post(&format!("/v1/systems/{}/reconciliation", segment(name)), &json!({})).await?);
        }
    }
    let found = held.iter().any(|held| !bypasses(held).is_empty());
    if as_json {
        output::say_json(&json!({ "systems": held }));
    } else {
        held.iter().for_each(tell);
    }
    Ok(if found { Exit::Failed } else { Exit::Done })
}

fn bypasses(held: &Value) -> Vec<Value> {
    held.get("found").and_then(Value::as_array).cloned().unwrap_or_default()
}

fn tell(held: &Value) {
    let (server, found) = (text(held, "server"), bypasses(held));
    let compared = held.get("compared").and_then(Value::as_u64).unwrap_or_default();
    if found.is_empty() {
        let says = format!("{server}: what changed it and what was done are the same; {compared} compared");
        return output::say(format!("{} {says}", paint(GOOD, "ok")));
    }
    output::say(format!("{} {server} and the journal differ; {compared} compared", paint(BAD, "!!")));
    for one in &found {
        let what = one.get("what").and_then(Value::as_array).cloned().unwrap_or_default();
        let what = what.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ");
        let (at, by, key) = (text(one, "at"), text(one, "by"), text(one, "key"));
        let by = if by.is_empty() { "somebody whom it does not name".to_owned() } else { by };
        output::say(match text(one, "gap").as_str() {
            "rewound" => format!("  {what}: it was restored, or its list was cut; all of it is compared again"),
            "missing" => format!("  {key} called {what} and was done, and the system has nothing of it"),
            "unknown-key" => {
                format!("  {by} changed {what} under `{key}`, which is no action of the journal  {}", paint(FAINT, &at))
            }
            _ => format!("  {by} changed {what} around the road  {}", paint(FAINT, &at)),
        });
    }
}
