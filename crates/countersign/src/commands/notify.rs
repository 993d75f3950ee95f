//! `countersign notify`: who is told that people are asked, and whether they were.

use std::collections::BTreeSet;

use control::notifications::whom;
use ledger::Clock as _;
use ledger::port::draw;
use notify::event::Body;
use notify::send::Sender;
use notify::{Event, Settings, Target};
use policy::Bundle;
use serde_json::{Value, json};
use types::Code;

use super::Done;
use super::answer::{instant, list, text};
use crate::cli::NotifyCommand;
use crate::client::{Client, segment};
use crate::error::{CliError, Exit};
use crate::folder::{Folders, load_bundle};
use crate::machine::{SystemClock, SystemRandom};
use crate::{notifications, output};

/// Runs the command.
pub async fn run(
    folders: &Folders,
    command: &NotifyCommand,
    client: impl Fn() -> Result<Client, CliError>,
    as_json: bool,
) -> Done {
    match command {
        NotifyCommand::Check => check(folders, as_json),
        NotifyCommand::Test { target } => test(folders, target, as_json).await,
        NotifyCommand::Status { target, state, limit } => {
            let mut path = format!("/v1/notifications?limit={limit}");
            for (name, value) in [("target", target.as_deref()), ("state", state.map(|state| state.as_str()))] {
                path.extend(value.map(|value| format!("&{name}={}", segment(value))));
            }
            status(&client()?.get(&path).await?, as_json)
        }
    }
}

fn settings(folders: &Folders) -> Result<Settings, CliError> {
    notifications::settings(folders)?.ok_or_else(|| {
        let message = format!("there is no `{}`, so nobody is told of anything", folders.notify.display());
        CliError::new(Exit::Usage, Code::NotifyInvalid, message)
            .hint("docs/guides/notify.md shows one for each kind: webhook, slack, teams, email")
    })
}

fn check(folders: &Folders, as_json: bool) -> Done {
    let settings = settings(folders)?;
    let bundle = load_bundle(folders.bundle_files()?)?;
    let (unreached, unknown) = (unreached(&settings, &bundle), unknown(&settings, &bundle));
    if as_json {
        let targets: Vec<Value> = settings.targets.iter().map(target_json).collect();
        output::say_json(&json!({ "targets": targets, "unreached": unreached, "unknown": unknown }));
        return Ok(Exit::Done);
    }
    let row = |target: &Target| {
        let events = target.events.iter().map(|event| event.as_str()).collect::<Vec<_>>().join(", ");
        vec![target.name.clone(), target.channel.kind().to_owned(), events, for_whom(target)]
    };
    output::table(&settings.targets.iter().map(row).collect::<Vec<_>>());
    for name in unknown {
        output::tell(output::paint(output::NOTE, format!("no profile of the bundle is or asks {name}")));
    }
    for name in unreached {
        output::tell(output::paint(output::NOTE, format!("no target is told when {name}")));
    }
    Ok(Exit::Done)
}

fn for_whom(target: &Target) -> String {
    let names: Vec<&str> = target.groups.iter().chain(&target.profiles).map(String::as_str).collect();
    if names.is_empty() { "everybody".to_owned() } else { names.join(", ") }
}

fn target_json(target: &Target) -> Value {
    json!({
        "name": target.name, "kind": target.channel.kind(), "events": target.events, "groups": target.groups,
        "profiles": target.profiles, "per_minute": target.per_minute,
    })
}

/// Names each profile with its group for which no target is told that people are asked.
fn unreached(settings: &Settings, bundle: &Bundle) -> Vec<String> {
    let profiles = bundle.data().profiles.iter().map(|(id, profile)| (id, whom(profile)));
    let missed = profiles.filter(|(id, whom)| !whom.iter().any(|name| settings.reaches(name, id.as_str())));
    missed.map(|(id, whom)| format!("`{id}` asks `{}`", whom.join("`, `"))).collect()
}

/// Names each group and profile of the settings that the bundle does not have: a slip of the pen reaches nobody.
fn unknown(settings: &Settings, bundle: &Bundle) -> BTreeSet<String> {
    let profiles = &bundle.data().profiles;
    let has_group = |name: &String| profiles.values().any(|profile| whom(profile).contains(name));
    let has_profile = |name: &String| profiles.keys().any(|id| id.as_str() == name);
    let mut unknown = BTreeSet::new();
    for target in &settings.targets {
        unknown.extend(target.groups.iter().filter(|name| !has_group(name)).map(|name| format!("the group `{name}`")));
        let missing = target.profiles.iter().filter(|name| !has_profile(name));
        unknown.extend(missing.map(|name| format!("the profile `{name}`")));
    }
    unknown
}

async fn test(folders: &Folders, name: &str, as_json: bool) -> Done {
    let settings = settings(folders)?;
    let target = settings.target(name).ok_or_else(|| {
        let known: Vec<&str> = settings.targets.iter().map(|target| target.name.as_str()).collect();
        CliError::usage(format!("there is no target `{name}`; there are {}", known.join(", ")))
    })?;
    let running = folders.running().map(|running| running.url);
    let base = settings.link.clone().or(running).unwrap_or_else(|| "http://127.0.0.1:7717".to_owned());
    let now = SystemClock.wall();
    let id = format!("test_{}", hex::encode(draw::<16>(&SystemRandom)));
    let event = Event { id: id.clone(), at: now, link: base.clone(), body: Body::Test };
    let status = Sender::new(base).send(target, &event, now).await?;
    if as_json {
        output::say_json(&json!({ "target": name, "id": id, "status": status }));
    } else {
        let answer = status.map_or_else(String::new, |status| format!(", with status {status}"));
        output::say(format!("`{name}` has taken {id}{answer}"));
    }
    Ok(Exit::Done)
}

fn status(answer: &Value, as_json: bool) -> Done {
    let targets: Vec<&Value> = list(answer, "targets").collect();
    if as_json {
        output::say_json(answer);
    } else if targets.is_empty() {
        output::tell("nobody is told of anything: there is no notify.toml, or the server has not read it yet");
    } else {
        output::table(&targets.iter().map(|target| target_row(target)).collect::<Vec<_>>());
        let notices: Vec<Vec<String>> = list(answer, "notices").map(notice_row).collect();
        if !notices.is_empty() {
            output::say("");
            output::table(&notices);
        }
    }
    let bad = |target: &&&Value| matches!(text(target, "health").as_str(), "failing" | "stopped");
    Ok(if targets.iter().any(|target| bad(&target)) { Exit::Failed } else { Exit::Done })
}

fn target_row(target: &Value) -> Vec<String> {
    let health = text(target, "health");
    let style = match health.as_str() {
        "working" => output::GOOD,
        "unused" => output::NOTE,
        _ => output::BAD,
    };
    let count = |name: &str| format!("{} {name}", text(target, name));
    let why = target.get("last_failure").filter(|_| matches!(health.as_str(), "failing" | "stopped"));
    vec![
        output::paint(style, &health),
        text(target, "name"),
        text(target, "kind"),
        count("waiting"),
        count("sent"),
        count("dead"),
        why.map_or_else(String::new, |why| format!("{}: {}", text(why, "code"), text(why, "says"))),
    ]
}

fn notice_row(notice: &Value) -> Vec<String> {
    let more = notice.get("more").and_then(Value::as_u64).filter(|more| *more > 0);
    vec![
        instant(notice, "at"),
        text(notice, "state"),
        text(notice, "target"),
        text(notice, "event"),
        format!("{}{}", text(notice, "id"), more.map_or_else(String::new, |more| format!(" and {more} more"))),
        format!("{} attempts", text(notice, "attempts")),
        text(notice, "code"),
    ]
}
