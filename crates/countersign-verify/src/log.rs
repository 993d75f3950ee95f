//! Checking a published log: signature, witnesses, every tile, every record, every session, and that it goes on from
//! what was seen of it before.

use std::path::{Path, PathBuf};

use evidence::verify::Check;
use evidence::walk::{Walk, Walked};
use evidence::{Standing, Trust};
use serde::Serialize;
use tlog::checkpoint::Checkpoint;
use tlog::{CheckError, TileReader};
use types::Code;

use crate::Ended;
use crate::told::{code, say, say_json, word};

/// Is what was found of a log.
#[derive(Debug, Default, Serialize)]
struct Report {
    standing: Option<Standing>,
    code: Option<Code>,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    root: Option<String>,
    checks: Vec<Check>,
    #[serde(skip_serializing_if = "Option::is_none")]
    walk: Option<Walked>,
    unproven: Vec<String>,
}

/// Checks a folder of tiles for a reader who trusts somebody, since a folder cannot vouch for itself; `earlier` are
/// signed checkpoints that the reader has kept.
pub(crate) fn check(folder: &Path, trust: &Trust, earlier: &[PathBuf], json: bool) -> Ended {
    if *trust == Trust::Nobody {
        let why = "a published log is checked against a key you trust: give --key or --policy";
        return Ended::Unusable(Code::UsageInvalid, why.into());
    }
    let Some(note) = checkpoint(folder, trust) else {
        return Ended::Unusable(Code::EvidenceMissing, format!("`{}` holds no checkpoint", folder.display()));
    };
    let mut kept = Vec::new();
    for path in earlier {
        match std::fs::read(path) {
            Ok(note) => kept.push(note),
            Err(error) => {
                return Ended::Unusable(Code::FileUnusable, format!("`{}` cannot be read: {error}", path.display()));
            }
        }
    }
    let report = look(folder, &note, trust, &kept);
    let standing = report.standing.unwrap_or(Standing::Missing);
    if json {
        say_json(&serde_json::to_value(&report).unwrap_or_default());
    } else {
        tell(&report, standing);
    }
    Ended::Checked(standing)
}

/// Reads the checkpoint that is worth most to the reader: for a policy the one that was brought before witnesses.
fn checkpoint(folder: &Path, trust: &Trust) -> Option<Vec<u8>> {
    let read = |name: &str| std::fs::read(folder.join(name)).ok();
    let witnessed = matches!(trust, Trust::Policy(_)).then(|| read("checkpoint.witnessed")).flatten();
    witnessed.or_else(|| read("checkpoint"))
}

/// Says how many records are there besides, under a signature that the policy does not take for enough.
fn behind(folder: &Path, checkpoint: &Checkpoint) -> Option<String> {
    let latest = std::fs::read(folder.join("checkpoint")).ok()?;
    let text = String::from_utf8(latest).ok()?;
    let size: u64 = text.lines().nth(1)?.parse().ok()?;
    let more = size.checked_sub(checkpoint.size).filter(|more| *more > 0)?;
    Some(format!("the last {more} records, which no quorum of witnesses has seen yet"))
}

fn look(folder: &Path, note: &[u8], trust: &Trust, earlier: &[Vec<u8>]) -> Report {
    let (checks, checkpoint) = trust.open(note, "");
    let mut report =
        Report { checks, unproven: trust.unproven().map(str::to_owned).into_iter().collect(), ..Report::default() };
    if let Some(checkpoint) = checkpoint {
        report.origin = Some(checkpoint.origin.clone());
        report.root = Some(checkpoint.root.to_string());
        report.unproven.extend(behind(folder, &checkpoint));
        let (tree, walked) = tree(folder, &checkpoint);
        let whole = tree.standing == Standing::Holds;
        report.checks.push(tree);
        report.walk = walked;
        let goes_on = |note: &Vec<u8>| extends(folder, &checkpoint, note, trust);
        report.checks.extend(earlier.iter().filter(|_| whole).map(goes_on));
    }
    report.standing = report.checks.iter().map(|check| check.standing).reduce(Standing::and);
    report.code = report.standing.and_then(code);
    report
}

/// Hashes every tile and every record, and walks the records.
fn tree(folder: &Path, checkpoint: &Checkpoint) -> (Check, Option<Walked>) {
    let claim = format!("every tile, every record and every session of {} records", checkpoint.size);
    let mut walk = Walk::new();
    let mut wrong = None;
    let fetch = |path: &tlog::TilePath| std::fs::read(folder.join(path.to_string())).ok();
    let visit = |_: u64, entry: &[u8]| {
        if wrong.is_none() {
            wrong = walk.take(entry).err();
        }
    };
    let checked = tlog::check_tree_with(checkpoint.size, &checkpoint.root, fetch, visit);
    let failed = |standing, detail: String| (Check { claim: claim.clone(), standing, detail: Some(detail) }, None);
    match (checked, wrong) {
        // What a record says is worth looking at only once it is known to be in the tree.
        (Err(error @ CheckError::Missing(_)), _) => failed(Standing::Missing, error.to_string()),
        (Err(error), _) => failed(Standing::Broken, error.to_string()),
        (Ok(_), Some(error)) => failed(Standing::Broken, error.to_string()),
        (Ok(_), None) => (Check { claim, standing: Standing::Holds, detail: None }, Some(walk.finish())),
    }
}

/// Says whether the log goes on from a checkpoint that the reader has kept.
fn extends(folder: &Path, checkpoint: &Checkpoint, note: &[u8], trust: &Trust) -> Check {
    let say = |size: u64, standing, detail: Option<String>| Check {
        claim: format!("it goes on from the checkpoint of {size} records that you kept"),
        standing,
        detail,
    };
    let (checks, earlier) = trust.open(note, "");
    let Some(earlier) = earlier else {
        let detail = checks.into_iter().find_map(|check| check.detail);
        return Check {
            claim: "the checkpoint that you kept is of this log".into(),
            standing: Standing::Broken,
            detail,
        };
    };
    if earlier.size > checkpoint.size {
        return say(earlier.size, Standing::Broken, Some("the log is shorter than it was".to_owned()));
    }
    let fetch = |path: &tlog::TilePath| std::fs::read(folder.join(path.to_string())).ok();
    match tlog::tree_root(earlier.size, &TileReader::new(checkpoint.size, fetch)) {
        Ok(root) if root == earlier.root => say(earlier.size, Standing::Holds, None),
        Ok(_) => say(earlier.size, Standing::Broken, Some("its records were others then".to_owned())),
        Err(error) => say(earlier.size, Standing::Missing, Some(error.to_string())),
    }
}

fn tell(report: &Report, standing: Standing) {
    let size = report.walk.as_ref().map(|walk| format!(", {} records", walk.records)).unwrap_or_default();
    if let Some(origin) = &report.origin {
        say(&format!("log        {origin}{size}"));
    }
    if let Some(root) = &report.root {
        say(&format!("root       {root}"));
    }
    for check in &report.checks {
        let detail = check.detail.as_ref().map(|d| format!(" ({d})")).unwrap_or_default();
        say(&format!("{:<10} {}{detail}", word(check.standing), check.claim));
    }
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
