//! `countersign login`: a link that logs a browser in to the console, once.

use serde_json::{Value, json};

use super::Done;
use crate::client::Client;
use crate::error::Exit;
use crate::output;

/// Runs the command.
pub async fn run(client: &Client, as_json: bool) -> Done {
    let link = client.post("/v1/login/links", &json!({})).await?;
    if as_json {
        output::say_json(&link);
    } else {
        output::say(link.get("url").and_then(Value::as_str).unwrap_or_default());
        output::tell("It logs one browser in, within ten minutes.");
    }
    Ok(Exit::Done)
}
