//! `countersign policy on-call`: who is on call, and who is next.

use control::on_call;
use jiff::Timestamp;
use jiff::tz::TimeZoneDatabase;
use ledger::Clock as _;
use policy::Bundle;
use serde_json::{Value, json};
use types::{Code, Millis};

use super::Done;
use super::answer::{items, list, text};
use super::calendar;
use crate::cli::OnCall;
use crate::client::Client;
use crate::error::{CliError, Exit};
use crate::folder::{Folders, load_bundle, read_bundle};
use crate::machine::SystemClock;
use crate::output::{self, BAD, BOLD, FAINT, GOOD, paint};

/// Runs the command.
pub async fn run(
    folders: &Folders,
    args: &OnCall,
    client: impl FnOnce() -> Result<Client, CliError>,
    as_json: bool,
) -> Done {
    if let (Some(schedule), true) = (&args.schedule, args.ics || args.import.is_some()) {
        let bundle = bundle(folders, args)?;
        return match &args.import {
            Some(file) => calendar::import(bundle.data(), schedule, file, args, as_json),
            None => calendar::export(bundle.data(), schedule, args, as_json),
        };
    }
    let all = if args.active { client()?.get("/v1/on-call").await? } else { by_folder(folders, args)? };
    let wanted = |duty: &Value| args.schedule.as_ref().is_none_or(|name| text(duty, "schedule") == name.as_str());
    let duties: Vec<Value> = items(&all).into_iter().filter(wanted).collect();
    if let Some(name) = args.schedule.as_ref().filter(|_| duties.is_empty()) {
        return Err(CliError::new(Exit::Usage, Code::NotFound, format!("the bundle has no schedule `{name}`")));
    }
    if as_json {
        output::say_json(&json!({ "schedules": duties }));
        return Ok(Exit::Done);
    }
    if duties.is_empty() {
        output::tell("The bundle has no schedules.");
    }
    duties.iter().for_each(tell);
    Ok(Exit::Done)
}

fn bundle(folders: &Folders, args: &OnCall) -> Result<Bundle, CliError> {
    load_bundle(read_bundle(args.bundle.as_ref().unwrap_or(&folders.bundle))?)
}

fn by_folder(folders: &Folders, args: &OnCall) -> Result<Value, CliError> {
    let bundle = bundle(folders, args)?;
    let at = match &args.at {
        Some(text) => instant(text)?,
        None => SystemClock.wall(),
    };
    Ok(json!({ "schedules": on_call::duties(bundle.data(), at) }))
}

/// Reads an RFC 3339 instant.
pub fn instant(text: &str) -> Result<Millis, CliError> {
    let read = text.parse::<Timestamp>().map(|at| Millis(at.as_millisecond()));
    read.map_err(|_| CliError::usage(format!("`{text}` is not an instant such as `2026-12-24T18:00:00Z`")))
}

fn tell(duty: &Value) {
    let zone = text(duty, "zone");
    output::say(format!("{}  {}", paint(BOLD, text(duty, "schedule")), paint(FAINT, &zone)));
    match duty.get("now") {
        Some(now) => output::say(format!("  now   {}{}", paint(GOOD, text(now, "person")), until(now, &zone))),
        None => output::say(format!("  now   {}", paint(BAD, "nobody"))),
    }
    if let Some(next) = duty.get("next") {
        let from = local(next, "from", &zone);
        output::say(format!("  next  {} from {from}{}", text(next, "person"), until(next, &zone)));
    }
    let profiles: Vec<String> = list(duty, "profiles").filter_map(Value::as_str).map(str::to_owned).collect();
    let asked = if profiles.is_empty() { "by no profile".to_owned() } else { format!("by {}", profiles.join(", ")) };
    output::say(format!("  asked {asked}"));
}

fn until(on_call: &Value, zone: &str) -> String {
    on_call.get("until").map_or_else(String::new, |_| format!(" until {}", local(on_call, "until", zone)))
}

/// Shows an instant by the clock of a schedule's zone, with its offset.
fn local(on_call: &Value, name: &str, zone: &str) -> String {
    let at = on_call.get(name).and_then(Value::as_i64).and_then(|ms| Timestamp::from_millisecond(ms).ok());
    let zone = TimeZoneDatabase::bundled().get(zone).ok();
    let shown = at.zip(zone).map(|(at, zone)| at.to_zoned(zone).strftime("%a %Y-%m-%d %H:%M %:z").to_string());
    shown.unwrap_or_else(|| "?".to_owned())
}
