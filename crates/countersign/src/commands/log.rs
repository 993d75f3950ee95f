//! `countersign log`: the journal and its published files.

use std::time::Duration;

use control::records::{self, Line};
use evidence::walk::Walk;
use ledger::recover::{JOURNAL, LOG};
use ledger::{Folder, History};
use serde_json::json;
use tlog::checkpoint::Checkpoint;
use types::{Code, Verdict};

use super::{Done, export, log_keys, logs, receipt, timestamp, witness};
use crate::cli::{Cli, LogCommand};
use crate::error::{CliError, Exit};
use crate::folder::Folders;
use crate::output::{self, FAINT, GOOD, NOTE, paint};

/// Runs the command.
pub async fn run(cli: &Cli, command: &LogCommand) -> Done {
    let (folders, as_json) = (&cli.folders(), cli.json);
    match command {
        LogCommand::Tail { count, follow, log } => {
            tail(&folders.history_of(log.as_deref())?, *count, *follow, as_json).await
        }
        LogCommand::Check => check(folders, as_json),
        LogCommand::Export(args) => export::run(folders, args, as_json).await,
        LogCommand::WitnessRequest { witness, old, output } => {
            witness::request(folders, witness, *old, output, as_json)
        }
        LogCommand::WitnessAnswer { request, answers } => witness::answer(folders, request, answers, as_json),
        LogCommand::Logs(command) => logs::run(cli, command).await,
        LogCommand::TimestampRequest { output } => timestamp::request(folders, output, as_json),
        LogCommand::TimestampAnswer { request, answer } => timestamp::answer(folders, request, answer, as_json),
        LogCommand::Keys(command) => log_keys::run(cli, command).await,
        LogCommand::Receipt(args) => receipt::run(folders, args, as_json).await,
        LogCommand::Key { statement, pem } => {
            let log = folders.keys_there()?.log;
            let keys = if *statement { vec![folders.statement_key()?.verifier().clone()] } else { log.verifiers() };
            for key in &keys {
                output::say(if *pem { evidence::cose_receipt::public_pem(key) } else { key.to_string() });
            }
            Ok(Exit::Done)
        }
    }
}

async fn tail(history: &History, count: u64, follow: bool, as_json: bool) -> Done {
    let mut next = history.size()?.saturating_sub(count);
    loop {
        let size = history.size()?;
        for entry in history.range(next, size)? {
            if as_json {
                let summary = records::summary(&entry);
                output::say_json(&json!({ "index": entry.index, "leaf": entry.leaf, "summary": summary }));
            } else {
                line(&Line::from(entry));
            }
        }
        next = size;
        if !follow {
            return Ok(Exit::Done);
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

fn line(record: &Line) {
    let verdict = record.verdict.map(|rank| output::verdict(&Verdict::from_rank(rank))).unwrap_or_default();
    let action = record.action.map(|a| a.to_string()).unwrap_or_default();
    let index = paint(FAINT, format!("{:>6}", record.index));
    let words =
        [index, output::time(record.at), record.kind.to_owned(), verdict, record.summary.clone(), paint(FAINT, action)];
    output::say(words.iter().filter(|w| !w.is_empty()).cloned().collect::<Vec<_>>().join("  "));
}

/// Holds the database against the files: every record, every tile, the root, the signature.
fn check(folders: &Folders, as_json: bool) -> Done {
    let broken = |why: String| CliError::new(Exit::Failed, Code::JournalMismatch, why);
    let keys = folders.keys_there()?;
    let reader = store::Reader::open(&folders.data.join(JOURNAL))?;
    let folder = Folder::at(folders.data.join(LOG));
    let note = folder.read("checkpoint").map_err(|e| broken(e.to_string()))?;
    let note =
        note.ok_or_else(|| CliError::new(Exit::Undetermined, Code::EvidenceMissing, "nothing is published yet"))?;
    let (checkpoint, _) =
        Checkpoint::open(&note, &keys.log.verifier()).map_err(|e| broken(format!("the checkpoint: {e}")))?;
    let bar = output::progress(checkpoint.size, as_json);
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
    let (history, _) = folders.history()?;
    if let Some(index) = history.foreign_content()? {
        return Err(broken(format!("the content of record {index} is not the one that its leaf commits to")));
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
