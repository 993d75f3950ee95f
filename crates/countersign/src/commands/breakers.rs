//! `countersign breakers`: circuits and bulk breakers, and their reset.

use serde_json::{Value, json};

use super::Done;
use super::answer::{instant, list, text};
use crate::cli::BreakersCommand;
use crate::client::Client;
use crate::error::Exit;
use crate::output::{self, GOOD, paint};

/// Lists or resets breakers.
pub async fn run(client: &Client, command: &BreakersCommand, as_json: bool) -> Done {
    match command {
        BreakersCommand::List => show(client, as_json).await,
        BreakersCommand::Reset(args) => {
            let body = json!({
                "breaker": args.breaker, "agent": args.agent, "tool": args.tool, "reason": args.reason,
            });
            client.post("/v1/breakers/reset", &body).await?;
            if as_json {
                output::say_json(&json!({ "breaker": args.breaker, "agent": args.agent, "reset": true }));
            } else {
                output::say(format!("{} the breaker {} of {} is reset", paint(GOOD, "ok"), args.breaker, args.agent));
            }
            Ok(Exit::Done)
        }
    }
}

async fn show(client: &Client, as_json: bool) -> Done {
    let told = client.get("/v1/breakers").await?;
    if as_json {
        output::say_json(&told);
        return Ok(Exit::Done);
    }
    let circuits = list(&told, "circuits").map(circuit);
    let rows: Vec<Vec<String>> = circuits.chain(list(&told, "bulks").map(bulk)).collect();
    if rows.is_empty() {
        output::tell("No breaker has seen anything.");
    }
    output::table(&rows);
    Ok(Exit::Done)
}

fn circuit(circuit: &Value) -> Vec<String> {
    let state = text(circuit, "state");
    let how = match state.as_str() {
        "open" => format!("until {}", instant(circuit, "until")),
        "half_open" => format!("{} probes out", list(circuit, "probes").count()),
        _ => format!("{} failures", count(circuit, "failures")),
    };
    vec![text(circuit, "breaker"), text(circuit, "agent"), text(circuit, "tool"), state, how]
}

fn bulk(bulk: &Value) -> Vec<String> {
    let state = text(bulk, "state");
    let how = match (state.as_str(), bulk.get("until")) {
        ("stopped", Some(_)) => format!("until {}", instant(bulk, "until")),
        ("stopped", None) => "until a person resets it".to_owned(),
        _ => format!("{} permits", count(bulk, "permits")),
    };
    vec![text(bulk, "breaker"), text(bulk, "agent"), "all tools".to_owned(), state, how]
}

fn count(value: &Value, name: &str) -> i64 {
    value.get(name).and_then(Value::as_i64).unwrap_or_default()
}
