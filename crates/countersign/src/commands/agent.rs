//! `countersign agent`: autonomy levels given by hand, the epochs of an agent, and what is usual for it.

use serde_json::{Value, json};

use super::Done;
use super::answer::{instant, items, text};
use super::span::after;
use crate::cli::AgentCommand;
use crate::client::{Client, segment};
use crate::error::Exit;
use crate::output;

/// Runs the command.
pub async fn run(client: &Client, command: &AgentCommand, as_json: bool) -> Done {
    match command {
        AgentCommand::Levels => list(client, as_json).await,
        AgentCommand::Baseline { agent } => baseline(client, agent.as_str(), as_json).await,
        AgentCommand::Epochs { agent } => epochs(client, agent.as_str(), as_json).await,
        AgentCommand::Level { agent, class, level, reason, span, environments, epoch } => {
            let body = json!({
                "agent": agent, "class": class, "level": level, "reason": reason,
                "environments": environments, "expires_at": after(span)?, "epoch": epoch,
            });
            let given = client.post("/v1/levels", &body).await?;
            if as_json {
                output::say_json(&given);
            } else {
                let (until, epoch) = (instant(&given, "expires_at"), text(&given, "epoch"));
                output::say(format!("{agent} is {level} for {class} in its epoch {epoch} until {until}"));
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
            format!("in epoch {}", text(level, "epoch")),
            format!("until {}", instant(level, "expires_at")),
            text(level, "reason"),
        ]
    };
    output::table(&items(&levels).iter().map(row).collect::<Vec<_>>());
    Ok(Exit::Done)
}

async fn epochs(client: &Client, agent: &str, as_json: bool) -> Done {
    let told = client.get(&format!("/v1/agents/{}/epochs", segment(agent))).await?;
    if as_json {
        output::say_json(&told);
        return Ok(Exit::Done);
    }
    let known = items(&told);
    if known.is_empty() {
        output::tell("That agent has named nothing of what it runs, so it acts in its first epoch.");
    }
    let row = |epoch: &Value| {
        let named = |name: &str| epoch.get(name).map_or_else(|| "-".to_owned(), |_| text(epoch, name));
        let since = format!("since {}", instant(epoch, "since"));
        vec![format!("epoch {}", text(epoch, "epoch")), since, named("model"), named("prompt")]
    };
    output::table(&known.iter().map(row).collect::<Vec<_>>());
    Ok(Exit::Done)
}

async fn baseline(client: &Client, agent: &str, as_json: bool) -> Done {
    let told = client.get(&format!("/v1/baselines?agent={}", segment(agent))).await?;
    if as_json {
        output::say_json(&told);
        return Ok(Exit::Done);
    }
    let known = items(&told);
    if known.is_empty() {
        output::tell("Nothing was learned of that agent.");
    }
    output::table(&known.iter().map(usual).collect::<Vec<_>>());
    Ok(Exit::Done)
}

fn usual(known: &Value) -> Vec<String> {
    let bound = |name: &str, unit: &str| match known.get(name) {
        Some(bound) => format!("{bound}{unit}"),
        None => "?".to_owned(),
    };
    vec![
        text(known, "class"),
        text(known, "baseline"),
        format!("{} of {} hours", text(known, "hours"), text(known, "hours_min")),
        format!("{} calls this hour, usual up to {}", text(known, "volume"), bound("volume_max", "")),
        format!("failures up to {}", bound("errors_bp_max", " bp")),
        format!("answers within {}", bound("pace_ms_max", " ms")),
        known.get("amounts").and_then(Value::as_array).into_iter().flatten().map(amount).collect::<Vec<_>>().join("  "),
        format!("{} resources", text(known, "resources")),
        list_of(known, "tools").collect::<Vec<_>>().join(" "),
    ]
}

fn amount(amount: &Value) -> String {
    format!("{} from {} to {}", text(amount, "pointer"), text(amount, "least"), text(amount, "most"))
}

fn list_of<'a>(known: &'a Value, name: &str) -> impl Iterator<Item = &'a str> {
    known.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}
