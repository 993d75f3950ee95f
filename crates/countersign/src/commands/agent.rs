//! `countersign agent`: autonomy levels given by hand.

use serde_json::{Value, json};
use types::Millis;

use super::Done;
use crate::cli::AgentCommand;
use crate::client::Client;
use crate::error::{CliError, Exit};
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
                output::say(format!("{agent} is {level} for {class} until {}", expiry(&given)));
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
    let text = |level: &Value, name: &str| level.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let row = |level: &Value| {
        vec![
            text(level, "agent"),
            text(level, "class"),
            text(level, "level"),
            format!("until {}", expiry(level)),
            text(level, "reason"),
        ]
    };
    output::table(&items(&levels).iter().map(row).collect::<Vec<_>>());
    Ok(Exit::Done)
}

const HOUR_MS: i64 = 3_600_000;

/// Returns the list in an answer, whether it stands alone or under a name.
pub fn items(answer: &Value) -> Vec<Value> {
    let list = answer.as_array().or_else(|| answer.as_object().and_then(|o| o.values().find_map(Value::as_array)));
    list.cloned().unwrap_or_default()
}

fn expiry(level: &Value) -> String {
    let at = level.get("expires_at").or_else(|| level.get("expires")).and_then(Value::as_i64);
    at.map_or_else(|| "?".into(), |ms| output::time(Millis(ms)))
}

/// Returns the instant a span such as `30d`, `12h`, `15m` or `90s` from now, in milliseconds since the epoch.
///
/// # Errors
///
/// `usage-invalid` if the text is no such span.
pub fn after(span: &str) -> Result<i64, CliError> {
    use ledger::Clock as _;
    let unit = span.chars().last().unwrap_or_default();
    let count: Option<i64> = span.strip_suffix(unit).and_then(|n| n.parse().ok()).filter(|n| *n > 0);
    let ms = match unit {
        's' => Some(1_000),
        'm' => Some(60_000),
        'h' => Some(3_600_000),
        'd' => Some(86_400_000),
        _ => None,
    };
    match (count, ms) {
        // The next full hour, so that saying the same again within the hour is the same request.
        (Some(count), Some(ms)) => {
            let end = crate::machine::SystemClock.wall().plus(count.saturating_mul(ms)).0;
            Ok(if ms < HOUR_MS { end } else { end.div_euclid(HOUR_MS).saturating_add(1).saturating_mul(HOUR_MS) })
        }
        _ => Err(CliError::usage(format!("`{span}` is no span: write 30d, 12h, 15m or 90s"))),
    }
}
