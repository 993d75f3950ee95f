//! `countersign log receipt`: one record with its proof, in a format that software from elsewhere reads.

use std::io::Write as _;
use std::path::Path;

use control::export::logged_when_published;
use evidence::{CoseReceipt, Envelope, Logged, RecordKind, Statement};
use ledger::History;
use serde_json::json;
use tlog::key::VerifierKey;
use types::{ActionId, Code};

use super::Done;
use crate::cli::{Receipt, ReceiptFormat, RecordRef};
use crate::error::{CliError, Exit};
use crate::folder::Folders;
use crate::output;

/// Runs the command.
pub async fn run(folders: &Folders, args: &Receipt, as_json: bool) -> Done {
    if as_json && args.output.is_none() {
        return Err(CliError::usage("--json says what was written, so --output must say where"));
    }
    let log = args.log.as_deref();
    let (history, (_, log_key)) = (folders.history_of(log)?, folders.published_of(log)?);
    let index = match args.of {
        RecordRef::Index(index) => index,
        RecordRef::Action(action) => last_decision(&history, &action)?,
    };
    let logged = match &args.timestamp {
        Some(file) => dated(&history, index, &log_key, args.format, file)?,
        None => logged_when_published(&history, index, &log_key).await?,
    };
    let (bytes, key) = match args.format {
        ReceiptFormat::TlogProof => (logged.tlog_proof(), log_key.to_string()),
        signed => sign(folders, &logged, signed)?,
    };
    if let Some(file) = &args.leaf {
        write(file, logged.leaf())?;
    }
    let Some(file) = &args.output else {
        // A reader that has gone away wants no more.
        let _ = std::io::stdout().lock().write_all(&bytes);
        return Ok(Exit::Done);
    };
    write(file, &bytes)?;
    if as_json {
        output::say_json(&json!({ "file": file, "bytes": bytes.len(), "record": index, "key": key }));
    } else {
        output::say(format!("{} ({} bytes, record {index})", file.display(), bytes.len()));
        output::tell(format!("the key it is checked with: {key}"));
    }
    Ok(Exit::Done)
}

/// Returns a record's proof that leads to a dated checkpoint, and writes the time-stamp of that.
fn dated(
    history: &History,
    index: u64,
    key: &VerifierKey,
    format: ReceiptFormat,
    file: &Path,
) -> Result<Logged, CliError> {
    if format == ReceiptFormat::Cose {
        return Err(CliError::usage("a COSE receipt holds no checkpoint that a time-stamp could be about")
            .hint("take --format tlog-proof or dsse"));
    }
    let found = history.logged_and_dated(index, key).map_err(control::Refusal::from)?;
    let (logged, token) = found.ok_or_else(|| {
        let message = format!("no authority has dated record {index} yet");
        CliError::new(Exit::Undetermined, Code::StateConflict, message)
            .hint("`countersign doctor` says how far the time-stamps are")
    })?;
    write(file, &token)?;
    Ok(logged)
}

/// Finds the record of the decision that stands.
fn last_decision(history: &History, action: &ActionId) -> Result<u64, CliError> {
    let entries = history.of_action(action).map_err(control::Refusal::from)?;
    let decided = entries.iter().rev().find(|entry| entry.leaf.kind == RecordKind::Decided);
    let none = || control::Refusal::plain(Code::NotFound, format!("there is no decision about {action}"));
    Ok(decided.map(|entry| entry.index).ok_or_else(none)?)
}

/// Signs with the statement key, and returns its public half too.
fn sign(folders: &Folders, logged: &Logged, format: ReceiptFormat) -> Result<(Vec<u8>, String), CliError> {
    let key = folders.statement_key()?;
    let failed = |code: Code, why: String| CliError::new(Exit::Failed, code, why);
    let bytes = if format == ReceiptFormat::Cose {
        CoseReceipt::sign(logged, &key).map_err(|e| failed(e.code(), e.to_string()))?.to_bytes()
    } else {
        let statement = Statement::about(logged).map_err(|e| failed(e.code(), e.to_string()))?;
        let envelope = Envelope::sign(statement.to_json().into_bytes(), &key);
        let envelope = envelope.map_err(|e| failed(e.code(), e.to_string()))?;
        format!("{}\n", envelope.to_json()).into_bytes()
    };
    Ok((bytes, key.verifier().to_string()))
}

fn write(file: &Path, bytes: &[u8]) -> Result<(), CliError> {
    std::fs::write(file, bytes).map_err(|e| CliError::machine(format!("`{}` cannot be written: {e}", file.display())))
}
