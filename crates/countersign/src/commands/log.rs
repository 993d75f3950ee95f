//! `countersign log`: the journal and its published files.

use std::path::PathBuf;
use std::time::Duration;

use control::state::{Grant, Key, Switch};
use evidence::walk::Walk;
use evidence::{Content, RecordKind};
use ledger::history::{Entry, HistoryError};
use ledger::recover::{JOURNAL, LOG};
use ledger::{Folder, History};
use serde_json::json;
use tlog::checkpoint::Checkpoint;
use types::case::CaseState;
use types::{Code, Outcome, Verdict};

use super::Done;
use crate::cli::LogCommand;
use crate::error::{CliError, Exit};
use crate::folder::Folders;
use crate::output::{self, BAD, FAINT, GOOD, NOTE, paint};

/// Runs the command.
pub async fn run(folders: &Folders, command: &LogCommand, as_json: bool) -> Done {
    match command {
        LogCommand::Tail { count, follow } => tail(folders, *count, *follow, as_json).await,
        LogCommand::Check => check(folders, as_json),
        LogCommand::Export { action, output, withhold } => {
            let name = output.clone().unwrap_or_else(|| PathBuf::from(format!("{action}.evidence")));
            export(folders, action, &name, withhold, as_json).await
        }
        LogCommand::Key => {
            output::say(folders.place()?.keys.log.verifier());
            Ok(Exit::Done)
        }
    }
}

fn open(folders: &Folders) -> Result<History, CliError> {
    if !folders.data.join(JOURNAL).exists() {
        let message = format!("there is no journal in `{}`", folders.data.display());
        return Err(CliError::new(Exit::Usage, Code::NotFound, message)
            .hint("`countersign init -- <your MCP server's command>` starts one"));
    }
    let place = folders.place()?;
    Ok(History::open(&place.data, place.keys.tenant)?)
}

async fn tail(folders: &Folders, count: u64, follow: bool, as_json: bool) -> Done {
    let history = open(folders)?;
    let mut next = history.size()?.saturating_sub(count);
    loop {
        let size = history.size()?;
        for entry in history.range(next, size)? {
            if as_json {
                output::say_json(&json!({ "index": entry.index, "leaf": entry.leaf, "summary": summary(&entry) }));
            } else {
                line(&entry);
            }
        }
        next = size;
        if !follow {
            return Ok(Exit::Done);
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

fn summary(entry: &Entry) -> String {
    let Some(content) = &entry.content else { return "erased".into() };
    let principal = content.get::<types::Principal>(evidence::Field::Principal).ok().flatten().map(|p| p.to_string());
    let tool = content.get::<types::ToolName>(evidence::Field::Tool).ok().flatten().map(|t| t.to_string());
    let reason = content.get::<String>(evidence::Field::Reason).ok().flatten().map(|r| types::text::escape(&r, false));
    let case = content.get::<types::CaseId>(evidence::Field::Case).ok().flatten().map(|case| case.to_string());
    let what = what(entry, content);
    [principal, what, tool, case, reason].into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// Says in a word or two what a record reports, where its kind alone does not say it.
fn what(entry: &Entry, content: &Content) -> Option<String> {
    match entry.leaf.kind {
        RecordKind::Grant => {
            let grant = content.get::<Grant>(evidence::Field::Body).ok().flatten()?;
            Some(format!("{} {} for {}", grant.agent, grant.level, grant.class))
        }
        RecordKind::Key => {
            let key = content.get::<Key>(evidence::Field::Body).ok().flatten()?;
            Some(format!("for {}", key.holder))
        }
        RecordKind::Switch => {
            let switch = content.get::<Switch>(evidence::Field::Body).ok().flatten()?;
            let word = if entry.leaf.status == Some(0) { "lifted" } else { "set" };
            Some(format!("{} {word}", switch.target.key()))
        }
        RecordKind::Outcome => {
            let outcome = content.get::<Outcome>(evidence::Field::Body).ok().flatten()?;
            Some(outcome.status.as_str().to_owned())
        }
        RecordKind::CaseEnded => {
            let states = [CaseState::Expired, CaseState::Void, CaseState::Withdrawn];
            let state = states.into_iter().find(|state| entry.leaf.status == Some(*state as u8))?;
            Some(state.as_str().to_owned())
        }
        _ => None,
    }
}

fn line(entry: &Entry) {
    let verdict = match entry.leaf.verdict {
        Some(0) => paint(GOOD, Verdict::Allow.as_str()),
        Some(1) => paint(GOOD, Verdict::AllowObserved.as_str()),
        Some(2) => paint(NOTE, "escalate"),
        Some(_) => paint(BAD, Verdict::Deny.as_str()),
        None => String::new(),
    };
    let action = entry.leaf.action.map(|a| a.to_string()).unwrap_or_default();
    let index = paint(FAINT, format!("{:>6}", entry.index));
    let words = [
        index,
        output::time(entry.leaf.at),
        entry.leaf.kind.as_str().to_owned(),
        verdict,
        summary(entry),
        paint(FAINT, action),
    ];
    output::say(words.iter().filter(|w| !w.is_empty()).cloned().collect::<Vec<_>>().join("  "));
}

/// Holds the database against the files: every record, every tile, the root, the signature.
fn check(folders: &Folders, as_json: bool) -> Done {
    let broken = |why: String| CliError::new(Exit::Failed, Code::JournalMismatch, why);
    let place = folders.place()?;
    let reader = store::Reader::open(&folders.data.join(JOURNAL))?;
    let folder = Folder::open(folders.data.join(LOG)).map_err(|e| broken(e.to_string()))?;
    let note = folder.read("checkpoint").map_err(|e| broken(e.to_string()))?;
    let note =
        note.ok_or_else(|| CliError::new(Exit::Undetermined, Code::EvidenceMissing, "nothing is published yet"))?;
    let (checkpoint, _) =
        Checkpoint::open(&note, place.keys.log.verifier()).map_err(|e| broken(format!("the checkpoint: {e}")))?;
    let bar = progress(checkpoint.size, as_json);
    let mut walk = Walk::new();
    let mut wrong: Option<String> = None;
    let mut chunk: Vec<Vec<u8>> = Vec::new();
    let mut start = 0;
    let fetch = |path: &tlog::TilePath| folder.read(&path.to_string()).ok().flatten();
    let visit = |index: u64, entry: &[u8]| {
        if index >= start + chunk.len() as u64 {
            start = index;
            chunk = reader.leaves(index, index + 4_096).unwrap_or_default();
        }
        let stored = usize::try_from(index - start).ok().and_then(|i| chunk.get(i));
        if wrong.is_none() && stored.is_none_or(|leaf| leaf.as_slice() != entry) {
            wrong = Some(format!("record {index} is not the same in the database and in the files"));
        }
        if wrong.is_none() {
            wrong = walk.take(entry).err().map(|e| e.to_string());
        }
        bar.set_position(index + 1);
    };
    tlog::check_tree_with(checkpoint.size, &checkpoint.root, fetch, visit).map_err(|e| broken(e.to_string()))?;
    bar.finish_and_clear();
    if let Some(why) = wrong {
        return Err(broken(why));
    }
    let walked = walk.finish();
    let size = reader.head()?.size;
    if as_json {
        output::say_json(
            &json!({ "records": size, "published": checkpoint.size, "root": checkpoint.root.to_string(), "walk": walked }),
        );
    } else {
        output::say(format!(
            "{} {} records in the database, {} of them published, all the same",
            paint(GOOD, "ok"),
            size,
            checkpoint.size
        ));
        output::say(format!("   root {}", checkpoint.root));
        if !walked.open_intents.is_empty() {
            output::say(paint(
                NOTE,
                format!("   {} permitted actions have no outcome in the published log", walked.open_intents.len()),
            ));
        }
    }
    Ok(Exit::Done)
}

fn progress(size: u64, quiet: bool) -> indicatif::ProgressBar {
    if quiet { indicatif::ProgressBar::hidden() } else { indicatif::ProgressBar::new(size) }
}

async fn export(
    folders: &Folders,
    action: &types::ActionId,
    file: &PathBuf,
    withhold: &[String],
    as_json: bool,
) -> Done {
    let place = folders.place()?;
    let history = open(folders)?;
    let indices: Vec<u64> = history.of_action(action)?.iter().map(|entry| entry.index).collect();
    if indices.is_empty() {
        return Err(CliError::new(Exit::Failed, Code::NotFound, format!("the journal has no record of {action}")));
    }
    let names: Vec<&str> = evidence::Field::ALL.iter().map(|f| f.as_str()).chain(["finding", "fact"]).collect();
    if let Some(unknown) = withhold.iter().find(|name| !names.contains(&name.as_str())) {
        return Err(CliError::usage(format!("`{unknown}` is no field; fields are {}", names.join(", "))));
    }
    let open = |name: &str| !withhold.iter().any(|w| w == name);
    let about = format!("action {action}");
    let mut archive = history.export(&about, &indices, place.keys.log.verifier(), open);
    for _ in 0..20 {
        if !matches!(archive, Err(HistoryError::Unpublished { .. } | HistoryError::Files(_))) {
            break;
        }
        // A running server publishes within a second.
        tokio::time::sleep(Duration::from_millis(150)).await;
        archive = history.export(&about, &indices, place.keys.log.verifier(), open);
    }
    let bytes = archive?.to_bytes().map_err(|e| CliError::new(Exit::Failed, e.code(), e.to_string()))?;
    std::fs::write(file, &bytes)
        .map_err(|e| CliError::machine(format!("`{}` cannot be written: {e}", file.display())))?;
    if as_json {
        output::say_json(&json!({ "file": file, "bytes": bytes.len(), "records": indices }));
    } else {
        output::say(format!("{} ({} bytes, {} records)", file.display(), bytes.len(), indices.len()));
        output::tell(format!(
            "check it with: countersign-verify {} --key '{}'",
            file.display(),
            place.keys.log.verifier()
        ));
    }
    Ok(Exit::Done)
}
