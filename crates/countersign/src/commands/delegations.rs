//! `countersign approvals delegate`, `delegations` and `end-delegation`: votes in others' hands.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Done;
use super::answer::{instant, items, text};
use crate::cli::{DelegateArgs, EndDelegationArgs};
use crate::client::Client;
use crate::error::{CliError, Exit};
use crate::output::{self, GOOD, paint};

/// Gives a delegation.
pub async fn give(client: &Client, args: &DelegateArgs, as_json: bool) -> Done {
    let wrong = |_| CliError::usage(format!("`{}` is not an instant such as `2026-12-24T18:00:00Z`", args.until));
    let until = args.until.parse::<Timestamp>().map_err(wrong)?.as_millisecond();
    let body = json!({ "to": args.to, "group": args.group, "expires_at": until, "reason": args.reason });
    let given = client.post("/v1/delegations", &body).await?;
    if as_json {
        output::say_json(&given);
    } else {
        let until = instant(&given, "expires_at");
        output::say(format!(
            "{} {} votes for {} until {until}",
            paint(GOOD, "ok"),
            text(&given, "to"),
            text(&given, "from")
        ));
    }
    Ok(Exit::Done)
}

/// Lists the delegations that hold.
pub async fn list(client: &Client, as_json: bool) -> Done {
    let given = client.get("/v1/delegations").await?;
    if as_json {
        output::say_json(&given);
        return Ok(Exit::Done);
    }
    let found = items(&given);
    if found.is_empty() {
        output::tell("Nobody votes for anybody else.");
    }
    let row = |given: &Value| {
        let group = text(given, "group");
        let of = if group.is_empty() { String::new() } else { format!("for profiles of {group}") };
        let until = format!("until {}", instant(given, "expires_at"));
        vec![text(given, "from"), format!("to {}", text(given, "to")), until, of, text(given, "reason")]
    };
    output::table(&found.iter().map(row).collect::<Vec<_>>());
    Ok(Exit::Done)
}

/// Takes a delegation back.
pub async fn end(client: &Client, args: &EndDelegationArgs, as_json: bool) -> Done {
    let body = json!({ "to": args.to, "from": args.from, "reason": args.reason });
    client.post("/v1/delegations/end", &body).await?;
    if as_json {
        output::say_json(&json!({ "to": args.to, "ended": true }));
    } else {
        output::say(format!("{} {} no longer votes in that place", paint(GOOD, "ok"), args.to));
    }
    Ok(Exit::Done)
}
