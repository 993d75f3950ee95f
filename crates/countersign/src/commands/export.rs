//! `countersign log export`: evidence for somebody who does not trust us.

use std::collections::BTreeSet;
use std::path::PathBuf;

use control::export::{Order, Wanted, custody, when_published};
use evidence::{Archive, Field};
use ledger::Clock as _;
use serde_json::json;
use tlog::TrustPolicy;
use tlog::key::VerifierKey;
use types::Millis;

use super::Done;
use crate::cli::Export;
use crate::error::{CliError, Exit};
use crate::folder::Folders;
use crate::machine::{self, SystemClock};
use crate::output;

/// Runs the command.
pub async fn run(folders: &Folders, args: &Export, as_json: bool) -> Done {
    check_fields(&args.withhold)?;
    let log = args.log.as_deref();
    let (history, (_, key)) = (folders.history_of(log)?, folders.published_of(log)?);
    let mut custody = custody(&machine::user().unwrap_or_else(|| "an unnamed user".into()), SystemClock.wall());
    custody.withheld = args.withhold.clone();
    let order = Order { wanted: wanted(args, custody.at), with_policy: !args.without_policy, custody };
    let mut archive = when_published(&history, &key, &order).await?;
    attest(folders, &mut archive)?;
    let bytes = archive.to_bytes().map_err(|e| CliError::new(Exit::Failed, e.code(), e.to_string()))?;
    let file = args.output.clone().unwrap_or_else(|| name(&order.wanted));
    std::fs::write(&file, &bytes)
        .map_err(|e| CliError::machine(format!("`{}` cannot be written: {e}", file.display())))?;
    let indices = &archive.manifest.records;
    if as_json {
        let about = archive.manifest.about.to_string();
        output::say_json(&json!({ "file": file, "about": about, "bytes": bytes.len(), "records": indices }));
    } else {
        output::say(format!("{} ({} bytes, {} records)", file.display(), bytes.len(), indices.len()));
        output::tell(format!("check it with: countersign-verify {} --key '{}'", file.display(), key));
    }
    Ok(Exit::Done)
}

/// Names the keys by which a bundle was made, and has the statement key sign that, if there is one.
///
/// # Errors
///
/// As [`Folders::witnesses`] and [`Folders::statement_key_there`].
pub fn attest(folders: &Folders, archive: &mut Archive) -> Result<(), CliError> {
    let policy = folders.witnesses()?;
    let witnesses = policy.iter().flat_map(TrustPolicy::witnesses);
    let cosigners: Vec<VerifierKey> = witnesses.map(|witness| witness.key.clone()).collect();
    let signed = archive.attest(&cosigners, folders.statement_key_there()?.as_ref());
    signed.map_err(|e| CliError::new(Exit::Failed, e.code(), e.to_string()))
}

/// Demands that what is to be withheld are names of fields, or `finding` or `fact`.
///
/// # Errors
///
/// `usage-invalid` with the names there are.
pub fn check_fields(withhold: &[String]) -> Result<(), CliError> {
    let names: Vec<&str> = Field::ALL.iter().map(|f| f.as_str()).chain(["finding", "fact"]).collect();
    match withhold.iter().find(|name| !names.contains(&name.as_str())) {
        Some(unknown) => Err(CliError::usage(format!("`{unknown}` is no field; fields are {}", names.join(", ")))),
        None => Ok(()),
    }
}

/// Reads what is asked for; the command line demands exactly one of them.
fn wanted(args: &Export, now: Millis) -> Wanted {
    if let Some(session) = args.session {
        Wanted::Session(session)
    } else if let Some(agent) = &args.agent {
        Wanted::Agent(agent.clone())
    } else if let Some(from) = args.from {
        let to = args.to.map_or(now.plus(1), |to| Millis(to.as_millisecond()));
        Wanted::Period { from: Millis(from.as_millisecond()), to }
    } else {
        Wanted::Actions(args.actions.iter().copied().collect::<BTreeSet<_>>())
    }
}

/// Names the file after what is in it.
fn name(wanted: &Wanted) -> PathBuf {
    let stem = match wanted {
        Wanted::Actions(actions) => match (actions.first(), actions.len()) {
            (Some(action), 1) => action.to_string(),
            _ => "actions".to_owned(),
        },
        Wanted::Session(session) => session.to_string(),
        Wanted::Agent(agent) => agent.to_string(),
        Wanted::Version(..) => "version".to_owned(),
        Wanted::Period { .. } => "period".to_owned(),
    };
    PathBuf::from(format!("{stem}.evidence"))
}
