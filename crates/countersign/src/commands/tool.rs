//! `countersign tool`: reviewed definitions.

use serde_json::{Value, json};
use types::ToolName;
use types::text::escape;

use super::Done;
use super::answer::{items, list as list_of, text};
use crate::cli::ToolCommand;
use crate::client::{Client, segment};
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
                output::say(format!("{} is pinned as {definition}", escape(&tool.to_string(), false)));
            }
            Ok(Exit::Done)
        }
    }
}

fn path(tool: &ToolName) -> String {
    format!("/v1/tools/{}", segment(&tool.to_string()))
}

fn or_dash(tool: &Value, name: &str) -> String {
    Some(text(tool, name)).filter(|text| !text.is_empty()).unwrap_or_else(|| "-".into())
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
    let row = |tool: &Value| vec![text(tool, "tool"), standing(tool).to_owned(), or_dash(tool, "listed")];
    output::table(&items(&tools).iter().map(row).collect::<Vec<_>>());
    Ok(Exit::Done)
}

async fn show(client: &Client, name: &ToolName, as_json: bool) -> Done {
    let tool = client.get(&path(name)).await?;
    if as_json {
        output::say_json(&tool);
        return Ok(Exit::Done);
    }
    output::say(format!("{} is {}", escape(&name.to_string(), false), standing(&tool)));
    output::say(format!("reviewed  {}", or_dash(&tool, "reviewed")));
    output::say(format!("listed    {}", or_dash(&tool, "listed")));
    let row = |part: &Value| {
        let who = match text(part, "why").as_str() {
            "schema" => "the tool's schema says so".to_owned(),
            "name" => "its name says so".to_owned(),
            _ => "the catalogue says so".to_owned(),
        };
        vec![format!("secret    {}", text(part, "side")), escape(&text(part, "place"), false), who]
    };
    output::table(&list_of(&tool, "secrets").map(row).collect::<Vec<_>>());
    match tool.get("definition").and_then(Value::as_str) {
        Some(definition) => output::say(output::json_text(definition)),
        None => output::tell("its server has not listed it since the start; call any tool of it, or list its tools"),
    }
    Ok(Exit::Done)
}
