//! `countersign passkey`: the keys with which people log in and sign their votes.

use ledger::Clock as _;
use serde_json::{Value, json};
use types::Millis;

use super::Done;
use super::answer::{instant, items, text};
use crate::cli::PasskeyCommand;
use crate::client::Client;
use crate::error::Exit;
use crate::machine::SystemClock;
use crate::output;

/// Says whether votes can be signed with a passkey; an invitation ends at the instant it says.
fn standing(passkey: &Value, now: Millis) -> String {
    let at = |name: &str| passkey.get(name).and_then(Value::as_i64);
    if at("revoked").is_some() {
        "revoked".to_owned()
    } else if at("enrolled_at").is_some() {
        format!("enrolled {}", instant(passkey, "enrolled_at"))
    } else if at("until").is_some_and(|end| now.0 < end) {
        format!("invited until {}", instant(passkey, "until"))
    } else {
        "invitation ended".to_owned()
    }
}

/// Runs the command.
pub async fn run(client: &Client, command: &PasskeyCommand, as_json: bool) -> Done {
    match command {
        PasskeyCommand::Invite { person, reason } => {
            let body = json!({ "person": person, "reason": reason });
            let made = client.post("/v1/passkeys/invitations", &body).await?;
            if as_json {
                output::say_json(&made);
            } else {
                output::say(text(&made, "token"));
                output::tell(format!(
                    "Give it to {person} alone: it enrols one passkey until {}, is shown this once and nowhere stored in the clear.",
                    instant(&made, "until")
                ));
            }
        }
        PasskeyCommand::List => {
            let passkeys = client.get("/v1/passkeys").await?;
            if as_json {
                output::say_json(&passkeys);
            } else {
                let now = SystemClock.wall();
                let row = |passkey: &Value| {
                    let by = format!("invited by {}", text(passkey, "invited_by"));
                    vec![text(passkey, "id"), text(passkey, "person"), standing(passkey, now), by]
                };
                output::table(&items(&passkeys).iter().map(row).collect::<Vec<_>>());
            }
        }
        PasskeyCommand::Revoke { id, reason } => {
            let path = format!("/v1/passkeys/{id}");
            client.send(reqwest::Method::DELETE, &path, Some(&json!({ "reason": reason }))).await?;
            output::tell(format!("{id} is revoked"));
        }
    }
    Ok(Exit::Done)
}
