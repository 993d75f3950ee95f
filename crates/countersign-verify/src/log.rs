//! Checking a published log, as a folder of tiles.

use std::path::{Path, PathBuf};

use evidence::{LogReport, Standing, Trust, published};
use serde_json::json;
use types::Code;

use crate::Ended;
use crate::told::{code, line, say, say_json};

/// Checks a folder of tiles for a reader who trusts somebody, since a folder cannot vouch for itself; `earlier` are
/// signed checkpoints that the reader has kept.
pub(crate) fn check(folder: &Path, trust: &Trust, earlier: &[PathBuf], json: bool) -> Ended {
    if *trust == Trust::Nobody {
        let why = "a published log is checked against a key you trust: give --key or --policy";
        return Ended::Unusable(Code::UsageInvalid, why.into());
    }
    let mut kept = Vec::new();
    for path in earlier {
        match std::fs::read(path) {
            Ok(note) => kept.push(note),
            Err(error) => {
                return Ended::Unusable(Code::FileUnusable, format!("`{}` cannot be read: {error}", path.display()));
            }
        }
    }
    let read = |name: &str| std::fs::read(folder.join(name)).ok();
    let Some(report) = published::check(&read, trust, &kept) else {
        return Ended::Unusable(Code::EvidenceMissing, format!("`{}` holds no checkpoint", folder.display()));
    };
    let standing = report.standing();
    if json {
        say_json(&json!({ "standing": standing, "code": code(standing), "reason": report.reason(), "report": report }));
    } else {
        tell(&report, standing);
    }
    Ended::Checked(standing)
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
    for (action, index) in report.walk.iter().flat_map(|walk| &walk.open_intents) {
        say(&format!("finding    {action} was permitted in record {index} and has no outcome in this log"));
    }
    report.unproven.iter().for_each(|what| say(&format!("{:<10} {what}", "not proved")));
    if let Some(code) = code(standing) {
        say(&format!("code       {code}"));
    }
}
