//! Checking a published log, as a folder of tiles.

use std::path::{Path, PathBuf};

use evidence::{Authorities, LogEvent, LogEventKind, LogReport, Standing, Trust, published, stamped};
use serde_json::json;
use types::Code;

use crate::Ended;
use crate::told::{code, line, say, say_json};

/// Checks a folder of tiles for a reader who trusts somebody, since a folder cannot vouch for itself; `earlier` are
/// signed checkpoints that the reader has kept, and one of `dated_by`, if any are named, must have dated the log.
pub(crate) fn check(
    folder: &Path,
    trust: &Trust,
    dated_by: Option<&Authorities>,
    earlier: &[PathBuf],
    json: bool,
) -> Ended {
    if *trust == Trust::Nobody {
        let why = "a published log is checked against a key you trust: give --key or --policy";
        return Ended::Unusable(Code::UsageInvalid, why.into());
    }
    let kept = match kept(earlier) {
        Ok(kept) => kept,
        Err(ended) => return ended,
    };
    let read = |name: &str| std::fs::read(folder.join(name)).ok();
    let Some(mut report) = published::check(&read, trust, &kept) else {
        return Ended::Unusable(Code::EvidenceMissing, format!("`{}` holds no checkpoint", folder.display()));
    };
    report.unproven.push("decisions: contents not here".to_owned());
    if let Some(dated_by) = dated_by {
        stamped::of_log(&read, dated_by, &mut report);
    }
    let standing = report.standing();
    if json {
        say_json(&json!({ "standing": standing, "code": code(standing), "reason": report.reason(), "report": report }));
    } else {
        tell(&report, standing);
    }
    Ended::Checked(standing)
}

/// Reads the signed checkpoints that the reader has kept.
pub(crate) fn kept(earlier: &[PathBuf]) -> Result<Vec<Vec<u8>>, Ended> {
    let unusable = |path: &Path, error| {
        Ended::Unusable(Code::FileUnusable, format!("`{}` cannot be read: {error}", path.display()))
    };
    earlier.iter().map(|path| std::fs::read(path).map_err(|error| unusable(path, error))).collect()
}

fn tell(report: &LogReport, standing: Standing) {
    let size = report.walk.as_ref().map(|walk| format!(", {} records", walk.records)).unwrap_or_default();
    if let Some(origin) = &report.origin {
        say(&format!("log        {origin}{size}"));
    }
    if let Some(root) = &report.root {
        say(&format!("root       {root}"));
    }
    report.checks.iter().for_each(line);
    for (kind, count) in report.walk.iter().flat_map(|walk| &walk.kinds) {
        say(&format!("           {kind} {count}"));
    }
    for (index, event) in report.walk.iter().flat_map(|walk| &walk.log) {
        say(&format!("finding    record {index}: {}", told_of(event)));
    }
    for (action, index) in report.walk.iter().flat_map(|walk| &walk.open_intents) {
        say(&format!("finding    {action} was permitted in record {index} and has no outcome in this log"));
    }
    report.unproven.iter().for_each(|what| say(&format!("{:<10} {what}", "not proved")));
    if let Some(code) = code(standing) {
        say(&format!("code       {code}"));
    }
}

/// Says what a log tells of itself.
fn told_of(event: &LogEvent) -> String {
    let new = event.new.join(" and ");
    match (event.event, &event.ended) {
        (LogEventKind::Rotated, _) => format!("from here on {new} sign"),
        (LogEventKind::Retired, _) => format!("from here on {new} signs alone"),
        (LogEventKind::Compromised, _) => "the keys of this log may be in other hands; it was frozen here".to_owned(),
        (LogEventKind::Continued, Some(ended)) if ended.lost() > 0 => {
            let last = ended.seen.saturating_sub(1);
            format!(
                "GAP: {} had records {} to {last}, which are lost; {new} goes on",
                event.old.join(" and "),
                ended.found
            )
        }
        (LogEventKind::Closed, _) => "the log is complete: this is its last record".to_owned(),
        (LogEventKind::Began, ended) => {
            let size = ended.as_ref().map_or(0, |ended| ended.found);
            format!("this log begins after that of {}, which was closed with {size} records", event.old.join(" and "))
        }
        (LogEventKind::Archived, _) => format!("the closed log of {} was archived", event.old.join(" and ")),
        (LogEventKind::Deleted, ended) => {
            let size = ended.as_ref().map_or(0, |ended| ended.found);
            format!("the closed log of {} with {size} records was DELETED", event.old.join(" and "))
        }
        (LogEventKind::Erased, _) => format!("contents of the closed log of {} were erased", event.old.join(" and ")),
        (LogEventKind::Continued, _) => format!("{} ended, and {new} goes on", event.old.join(" and ")),
    }
}

#[cfg(test)]
mod tests {
    use evidence::LogEnd;

    use super::*;

    fn continued(found: u64, seen: u64) -> String {
        let ended = Some(LogEnd { found, seen, root: None });
        told_of(&LogEvent { ended, ..LogEvent::of(LogEventKind::Continued, vec!["a+1".into()], vec!["a/2+2".into()]) })
    }

    #[test]
    fn lost_records_are_told_by_their_numbers() {
        assert_eq!(continued(50, 100), "GAP: a+1 had records 50 to 99, which are lost; a/2+2 goes on");
        assert_eq!(continued(50, 50), "a+1 ended, and a/2+2 goes on");
    }
}
