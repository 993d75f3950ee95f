//! `countersign agent`: autonomy levels given by hand.

use serde_json::{Value, json};

use super::Done;
use super::answer::{instant, items, text};
use super::span::after;
use crate::cli::AgentCommand;
use crate::client::Client;
use crate::error::Exit;
use crate::output;

/// Runs the command.
pub async fn run(client: &Client, command: &AgentCommand, as_json: bool) -> Done {
    match command {
        AgentCommand::Levels => list(client, as_json).await,
        AgentCommand::Level { agent, class, level, reason, span, environments } => {
            let body = json!({
                "agent": agent, "class": class, "level": level, "reason": reason,
                "environments": environments, "expires_at": after(span)?,
            });
            let given = client.post("/v1/levels", &body).await?;
            if as_json {
                output::say_json(&given);
            } else {
                output::say(format!("{agent} is {level} for {class} until {}", instant(&given, "expires_at")));
            }
            Ok(Exit::Done)
        }
    }
}

async fn list(client: &Client, as_json: bool) -> Done {
    let levels = client.get("/v1/levels").await?;
    if as_json {
        output::say_json(&levels);
        return Ok(Exit::Done);
    }
    let row = |level: &Value| {
        vec![
            text(level, "agent"),
            text(level, "class"),
            text(level, "level"),
            format!("until {}", instant(level, "expires_at")),
            text(level, "reason"),
        ]
    };
    output::table(&items(&levels).iter().map(row).collect::<Vec<_>>());
    Ok(Exit::Done)
}
