//! `countersign tool`: reviewed definitions.

use serde_json::json;

use super::Done;
use crate::cli::ToolCommand;
use crate::client::Client;
use crate::error::Exit;
use crate::output;

/// Runs the command.
pub async fn run(client: &Client, command: &ToolCommand, as_json: bool) -> Done {
    let ToolCommand::Pin { tool, reason } = command;
    let pinned = client.post(&format!("/v1/tools/{tool}/pin"), &json!({ "reason": reason })).await?;
    if as_json {
        output::say_json(&pinned);
    } else {
        output::say(format!("{tool} is pinned as it is listed now"));
    }
    Ok(Exit::Done)
}
