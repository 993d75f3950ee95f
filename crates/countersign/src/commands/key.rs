//! `countersign key`: bearer keys.

use serde_json::{Value, json};

use super::Done;
use super::agent::{after, items};
use crate::cli::KeyCommand;
use crate::client::Client;
use crate::error::Exit;
use crate::output;

/// Runs the command.
pub async fn run(client: &Client, command: &KeyCommand, as_json: bool) -> Done {
    match command {
        KeyCommand::Create { agent, person, on_behalf_of, span } => {
            let expires = span.as_deref().map(after).transpose()?;
            let body = json!({
                "agent": agent, "person": person, "on_behalf_of": on_behalf_of,
                "expires_at": expires, "reason": "created from the command line",
            });
            let key = client.post("/v1/keys", &body).await?;
            if as_json {
                output::say_json(&key);
            } else {
                output::say(key.get("token").and_then(Value::as_str).unwrap_or_default());
                output::tell("Keep it: it is shown this once and nowhere stored in the clear.");
            }
        }
        KeyCommand::List => {
            let keys = client.get("/v1/keys").await?;
            if as_json {
                output::say_json(&keys);
            } else {
                let text =
                    |key: &Value, name: &str| key.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
                let state =
                    |key: &Value| if key.get("revoked").is_some_and(|r| !r.is_null()) { "revoked" } else { "live" };
                let row = |key: &Value| vec![text(key, "id"), text(key, "holder"), state(key).to_owned()];
                output::table(&items(&keys).iter().map(row).collect::<Vec<_>>());
            }
        }
        KeyCommand::Revoke { id, reason } => {
            client.send(reqwest::Method::DELETE, &format!("/v1/keys/{id}"), Some(&json!({ "reason": reason }))).await?;
            output::tell(format!("{id} is revoked"));
        }
    }
    Ok(Exit::Done)
}
