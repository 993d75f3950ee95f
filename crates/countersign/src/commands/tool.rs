//! `countersign tool`: reviewed definitions.

use serde_json::{Value, json};
use types::ToolName;

use super::Done;
use super::agent::items;
use crate::cli::ToolCommand;
use crate::client::Client;
use crate::error::Exit;
use crate::output;

/// Runs the command.
pub async fn run(client: &Client, command: &ToolCommand, as_json: bool) -> Done {
    match command {
        ToolCommand::List => list(client, as_json).await,
        ToolCommand::Show { tool } => show(client, tool, as_json).await,
        ToolCommand::Pin { tool, definition, reason } => {
            let review = json!({ "definition": definition, "reason": reason });
            let pinned = client.post(&format!("{}/pin", path(tool)), &review).await?;
            if as_json {
                output::say_json(&pinned);
            } else {
                output::say(format!("{tool} is pinned as {definition}"));
            }
            Ok(Exit::Done)
        }
    }
}

fn path(tool: &ToolName) -> String {
    format!("/v1/tools/{}", tool.to_string().replace('%', "%25").replace('/', "%2F"))
}

fn standing(tool: &Value) -> &'static str {
    match (tool.get("reviewed"), tool.get("listed"), tool.get("quarantined")) {
        (_, _, Some(Value::Bool(true))) => "changed",
        (Some(Value::String(_)), _, _) => "reviewed",
        (_, Some(Value::String(_)), _) => "not reviewed",
        _ => "not listed",
    }
}

async fn list(client: &Client, as_json: bool) -> Done {
    let tools = client.get("/v1/tools").await?;
    if as_json {
        output::say_json(&tools);
        return Ok(Exit::Done);
    }
    let row = |tool: &Value| {
        let text = |name: &str| tool.get(name).and_then(Value::as_str).unwrap_or("-").to_owned();
        vec![text("tool"), standing(tool).to_owned(), text("listed")]
    };
    output::table(&items(&tools).iter().map(row).collect::<Vec<_>>());
    Ok(Exit::Done)
}

async fn show(client: &Client, name: &ToolName, as_json: bool) -> Done {
    let tool = client.get(&path(name)).await?;
    if as_json {
        output::say_json(&tool);
        return Ok(Exit::Done);
    }
    let text = |member: &str| tool.get(member).and_then(Value::as_str);
    output::say(format!("{name} is {}", standing(&tool)));
    output::say(format!("reviewed  {}", text("reviewed").unwrap_or("-")));
    output::say(format!("listed    {}", text("listed").unwrap_or("-")));
    match text("definition") {
        Some(definition) => output::say(output::json_text(definition)),
        None => output::tell("its server has not listed it since the start; call any tool of it, or list its tools"),
    }
    Ok(Exit::Done)
}
