//! `countersign policy on-call --ics` and `--import`: schedules as calendars.

use std::collections::BTreeMap;
use std::path::Path;

use control::calendars::{self, Exception};
use jiff::Timestamp;
use ledger::Clock as _;
use serde_json::json;
use types::bundle::BundleData;
use types::{Code, Millis, PersonId, ScheduleId};

use super::Done;
use super::on_call::instant;
use crate::cli::OnCall;
use crate::error::{CliError, Exit};
use crate::machine::SystemClock;
use crate::output;

/// Is how much a calendar covers if its end is not said, in milliseconds: 12 weeks.
const COVERED_MS: i64 = 12 * 7 * 86_400_000;

/// Prints a schedule as a calendar.
pub fn export(bundle: &BundleData, schedule: &ScheduleId, args: &OnCall, as_json: bool) -> Done {
    let now = SystemClock.wall();
    let from = args.from.as_deref().map(instant).transpose()?.unwrap_or(now);
    let to = args.to.as_deref().map(instant).transpose()?.unwrap_or_else(|| from.plus(COVERED_MS));
    let text = calendars::write(bundle, schedule, (from, to), now)?;
    if as_json {
        output::say_json(&json!({ "schedule": schedule, "calendar": text }));
    } else {
        output::say(text.strip_suffix('\n').unwrap_or(&text));
    }
    Ok(Exit::Done)
}

/// Prints the events of a calendar as overrides of a schedule.
pub fn import(bundle: &BundleData, schedule: &ScheduleId, file: &Path, args: &OnCall, as_json: bool) -> Done {
    let text = std::fs::read_to_string(file).map_err(|e| {
        CliError::new(Exit::Failed, Code::FileUnusable, format!("`{}` cannot be read: {e}", file.display()))
    })?;
    let called = args.people.iter().map(|text| meant(text)).collect::<Result<BTreeMap<_, _>, _>>()?;
    let found = calendars::read(bundle, schedule, &text, &called)?;
    if as_json {
        let overrides = found.iter().map(|e| json!({ "person": e.person, "from": utc(e.from), "to": utc(e.to) }));
        output::say_json(&json!({ "schedule": schedule, "overrides": overrides.collect::<Vec<_>>() }));
    } else if found.is_empty() {
        output::tell("The calendar has no events.");
    } else {
        output::say(found.iter().map(|exception| toml(schedule, exception)).collect::<Vec<_>>().join("\n\n"));
    }
    Ok(Exit::Done)
}

/// Reads `TEXT=PERSON`.
fn meant(text: &str) -> Result<(String, PersonId), CliError> {
    let wrong = || CliError::usage(format!("`{text}` is not `TEXT=PERSON`, such as `ana@example.com=ana`"));
    let (called, person) = text.rsplit_once('=').ok_or_else(wrong)?;
    Ok((called.trim().to_lowercase(), person.parse().map_err(|_| wrong())?))
}

fn toml(schedule: &ScheduleId, exception: &Exception) -> String {
    let Exception { person, from, to } = exception;
    format!(
        "[[schedules.\"{schedule}\".overrides]]\nperson = \"{person}\"\nfrom = \"{}\"\nto = \"{}\"",
        utc(*from),
        utc(*to)
    )
}

fn utc(at: Millis) -> String {
    Timestamp::from_millisecond(at.0).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}
