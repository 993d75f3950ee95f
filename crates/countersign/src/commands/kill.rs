//! `countersign kill` and `countersign switch`.

use serde_json::{Value, json};

use super::Done;
use super::answer::{items, list, text};
use crate::cli::{Kill, SwitchCommand, Target};
use crate::client::{Client, segment};
use crate::error::{CliError, Exit};
use crate::output;

async fn target(client: &Client, target: &Target) -> Result<Value, CliError> {
    Ok(match target {
        Target { agent: Some(agent), .. } => json!({ "agent": agent }),
        Target { tool: Some(tool), .. } => json!({ "tool": tool }),
        Target { class: Some(class), .. } => json!({ "class": class }),
        // Only the server knows which tenant it serves.
        Target { .. } => json!({ "tenant": client.get("/v1/switches").await?.get("tenant") }),
    })
}

/// Sets a switch and says what is still in flight.
pub async fn kill(client: &Client, args: &Kill, as_json: bool) -> Done {
    let body = json!({ "target": target(client, &args.target).await?, "reason": args.reason });
    let wait_ms = args.wait.saturating_mul(1_000);
    let killed = client.post(&format!("/v1/switches?wait_ms={wait_ms}"), &body).await?;
    let drained = killed.get("drained").and_then(Value::as_bool).unwrap_or(false);
    if as_json {
        output::say_json(&killed);
    } else {
        output::say(output::paint(output::BAD, "armed: nothing new leaves"));
        if killed.get("known") == Some(&Value::Bool(false)) {
            output::say(output::paint(output::NOTE, "the bundle knows nothing of that name; is it misspelt?"));
        }
        for flight in list(&killed, "in_flight") {
            output::say(format!("  in flight: {}", output::json_text(&flight.to_string())));
        }
        output::say(if drained {
            "drained: nothing is in flight"
        } else {
            "not drained: what is listed has left and not come back"
        });
    }
    Ok(if drained { Exit::Done } else { Exit::Undetermined })
}

/// Lists or lifts switches.
pub async fn switch(client: &Client, command: &SwitchCommand, as_json: bool) -> Done {
    match command {
        SwitchCommand::List => {
            let switches = client.get("/v1/switches").await?;
            if as_json {
                output::say_json(&switches);
                return Ok(Exit::Done);
            }
            let record = |switch: &Value| match switch.pointer("/receipt/index") {
                Some(index) => format!("record {index}"),
                None => "not recorded yet".to_owned(),
            };
            let row =
                |switch: &Value| vec![text(switch, "key"), text(switch, "by"), record(switch), text(switch, "reason")];
            output::table(&items(&switches).iter().map(row).collect::<Vec<_>>());
        }
        SwitchCommand::Clear { switch, reason } => {
            let body = json!({ "reason": reason });
            let path = format!("/v1/switches/{}", segment(switch));
            client.send(reqwest::Method::DELETE, &path, Some(&body)).await?;
            output::tell(format!("{} is lifted", types::text::escape(switch, false)));
        }
    }
    Ok(Exit::Done)
}
