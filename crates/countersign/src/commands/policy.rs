//! `countersign policy`: check, test and activate a bundle.

use std::path::PathBuf;

use control::bundles::{Became, FileChange, Side, difference, trials};
use serde_json::{Value, json};
use types::text::escape;
use types::{Digest, Millis};

use super::Done;
use crate::cli::PolicyCommand;
use crate::client::Client;
use crate::error::{CliError, Exit};
use crate::folder::{Folders, load_bundle, read_bundle};
use crate::output::{self, BAD, GOOD, paint};

/// Runs the command.
pub async fn run(
    folders: &Folders,
    command: &PolicyCommand,
    client: impl FnOnce() -> Result<Client, CliError>,
    as_json: bool,
) -> Done {
    let place = |folder: &Option<PathBuf>| folder.clone().unwrap_or_else(|| folders.bundle.clone());
    match command {
        PolicyCommand::Check { folder } => check(&place(folder), as_json),
        PolicyCommand::Test { folder } => test(&place(folder), as_json),
        PolicyCommand::History => history(&client()?, as_json).await,
        PolicyCommand::Diff { folder, from } => {
            diff(read_bundle(&place(folder))?, from.as_ref(), &client()?, as_json).await
        }
        PolicyCommand::OnCall(args) => super::on_call::run(folders, args, client, as_json).await,
        PolicyCommand::Authority { review: true, days } => super::authority::review(&client()?, *days, as_json).await,
        PolicyCommand::Authority { review: false, .. } => super::authority::map(&client()?, as_json).await,
        PolicyCommand::Activate { folder, reason } => {
            let files = read_bundle(&place(folder))?;
            let body = json!({ "files": files.0, "reason": reason });
            let answer = client()?.post("/v1/bundles", &body).await?;
            if as_json {
                output::say_json(&answer);
            } else {
                let number = |name: &str| answer.get(name).and_then(serde_json::Value::as_u64).unwrap_or(0);
                let digest = answer.get("bundle").and_then(serde_json::Value::as_str).unwrap_or_default();
                output::say(format!("{} {digest} is active", paint(GOOD, "ok")));
                output::say(format!(
                    "   {} open cases are asked again under it, {} ended",
                    number("reopened"),
                    number("ended")
                ));
            }
            Ok(Exit::Done)
        }
    }
}

async fn history(client: &Client, as_json: bool) -> Done {
    let answer = client.get("/v1/bundles").await?;
    if as_json {
        output::say_json(&answer);
        return Ok(Exit::Done);
    }
    for one in answer.get("activations").and_then(Value::as_array).into_iter().flatten() {
        let text = |name: &str| one.get(name).and_then(Value::as_str).unwrap_or("erased");
        let at = one.get("at").and_then(Value::as_i64).map(|at| output::time(Millis(at))).unwrap_or_default();
        let short: String = text("bundle").chars().take(16).collect();
        output::say(format!("{at}  {short}  {}  {}", text("by"), text("reason")));
    }
    Ok(Exit::Done)
}

/// Says what differs between a bundle of the history, the one in force unless another is named, and a folder's.
async fn diff(files: control::bundles::BundleFiles, from: Option<&Digest>, client: &Client, as_json: bool) -> Done {
    let from = match from {
        Some(digest) => digest.to_string(),
        None => {
            let active = client.get("/v1/bundles/active").await?;
            active.get("digest").and_then(Value::as_str).unwrap_or_default().to_owned()
        }
    };
    let answer = client.get(&format!("/v1/bundles/{from}")).await?;
    let old = answer.get("files").cloned().unwrap_or_default();
    let old = serde_json::from_value(old).map_err(|e| CliError::machine(format!("the server's answer: {e}")))?;
    let found = difference(&old, &files.0);
    if as_json {
        output::say_json(&json!({ "from": from, "to": files.digest(), "files": found }));
        return Ok(Exit::Done);
    }
    if found.is_empty() {
        output::say(format!("nothing differs from {}", from.chars().take(16).collect::<String>()));
    }
    found.iter().for_each(say_change);
    Ok(Exit::Done)
}

fn word(became: Became) -> &'static str {
    match became {
        Became::Added => "added",
        Became::Removed => "removed",
        Became::Changed => "changed",
    }
}

fn say_change(file: &FileChange) {
    output::say(format!("{} {}", word(file.became), escape(&file.path, false)));
    for (at, hunk) in file.hunks.iter().enumerate() {
        if at > 0 {
            output::say("     …");
        }
        for line in hunk {
            let text = escape(&line.text, false);
            output::say(match line.side {
                Side::Both => format!("{:>5}   {text}", line.number),
                Side::Old => paint(BAD, format!("{:>5} - {text}", line.number)),
                Side::New => paint(GOOD, format!("{:>5} + {text}", line.number)),
            });
        }
    }
}

fn check(folder: &std::path::Path, as_json: bool) -> Done {
    let bundle = load_bundle(read_bundle(folder)?)?;
    let data = bundle.data();
    if as_json {
        output::say_json(&json!({ "bundle": bundle.digest(), "name": data.head.name, "tools": data.tools.len() }));
    } else {
        output::say(format!("{} bundle `{}` {}", paint(GOOD, "ok"), data.head.name, bundle.digest().short(16)));
        let policies = bundle.policy_texts().count();
        output::say(format!(
            "   {} tools, {} agents, {} people, {policies} policy files",
            data.tools.len(),
            data.agents.len(),
            data.people.len()
        ));
    }
    Ok(Exit::Done)
}

fn test(folder: &std::path::Path, as_json: bool) -> Done {
    let bundle = load_bundle(read_bundle(folder)?)?;
    let reports = trials(&bundle)?;
    let failed = reports.iter().filter(|report| !report.passed).count();
    if as_json {
        let list: Vec<_> = reports.iter().map(|r| json!({ "name": r.name, "passed": r.passed, "verdict": r.verdict.as_str(), "findings": r.findings })).collect();
        output::say_json(&json!({ "tests": list, "failed": failed }));
    } else {
        for report in &reports {
            let mark = if report.passed { paint(GOOD, "ok  ") } else { paint(BAD, "fail") };
            output::say(format!("{mark} {} → {}", report.name, report.verdict));
            for finding in report.findings.iter().filter(|_| !report.passed) {
                output::say(format!("       {} {}: {}", finding.stage, finding.code, finding.detail));
            }
        }
        output::say(format!("{} passed, {failed} failed", reports.len() - failed));
    }
    Ok(if failed == 0 { Exit::Done } else { Exit::Failed })
}
