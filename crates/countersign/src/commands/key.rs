//! `countersign key`: bearer keys.

use ledger::Clock as _;
use serde_json::{Value, json};
use types::Millis;

use super::Done;
use super::answer::{items, text};
use super::span::after;
use crate::cli::KeyCommand;
use crate::client::Client;
use crate::error::Exit;
use crate::machine::SystemClock;
use crate::output;

/// Says whether a key is good still; it ends at the instant it expires.
fn standing(key: &Value, now: Millis) -> &'static str {
    let expires = key.get("expires_at").and_then(Value::as_i64);
    if key.get("revoked").is_some_and(|at| !at.is_null()) {
        "revoked"
    } else if expires.is_some_and(|end| end <= now.0) {
        "expired"
    } else {
        "live"
    }
}

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
                let now = SystemClock.wall();
                let row = |key: &Value| vec![text(key, "id"), text(key, "holder"), standing(key, now).to_owned()];
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
