//! `countersign policy`: check, test and activate a bundle.

use std::path::PathBuf;

use control::bundles::trials;
use serde_json::json;

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
        PolicyCommand::OnCall(args) => super::on_call::run(folders, args, client, as_json).await,
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
