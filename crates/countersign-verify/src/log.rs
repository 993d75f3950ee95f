//! Checking a published log: signature, every tile, every record, every session.

use std::path::Path;

use evidence::Standing;
use evidence::walk::Walk;
use tlog::CheckError;
use tlog::checkpoint::Checkpoint;
use tlog::key::VerifierKey;
use types::Code;

use crate::Ended;
use crate::told::{code, say, say_json, word};

/// Checks a folder of tiles against the log's key, which a folder cannot vouch for itself.
pub(crate) fn check(folder: &Path, key: Option<&VerifierKey>, json: bool) -> Ended {
    let Some(key) = key else {
        let why = "a published log is checked against a key you trust: give --key";
        return Ended::Unusable(Code::UsageInvalid, why.into());
    };
    let Ok(note) = std::fs::read(folder.join("checkpoint")) else {
        return Ended::Unusable(Code::EvidenceMissing, format!("`{}` holds no checkpoint", folder.display()));
    };
    let checkpoint = match Checkpoint::open(&note, key) {
        Ok((checkpoint, _)) => checkpoint,
        Err(error) => return fails(Standing::Broken, &format!("the checkpoint: {error}"), json),
    };
    let mut walk = Walk::new();
    let mut wrong = None;
    let fetch = |path: &tlog::TilePath| std::fs::read(folder.join(path.to_string())).ok();
    let visit = |_: u64, entry: &[u8]| {
        if wrong.is_none() {
            wrong = walk.take(entry).err();
        }
    };
    let checked = tlog::check_tree_with(checkpoint.size, &checkpoint.root, fetch, visit);
    if let Some(error) = wrong {
        return fails(Standing::Broken, &error.to_string(), json);
    }
    if let Err(error) = checked {
        let missing = matches!(error, CheckError::Missing(_));
        return fails(if missing { Standing::Missing } else { Standing::Broken }, &error.to_string(), json);
    }
    let walked = walk.finish();
    if json {
        let origin = &checkpoint.origin;
        say_json(
            &serde_json::json!({ "standing": "holds", "origin": origin, "root": checkpoint.root.to_string(), "walk": walked }),
        );
        return Ended::Checked(Standing::Holds);
    }
    say(&format!("log        {}, {} records", checkpoint.origin, checkpoint.size));
    say(&format!("root       {}", checkpoint.root));
    say("signature  holds");
    say("records    every tile, every record and every session holds");
    for (kind, count) in &walked.kinds {
        say(&format!("           {kind} {count}"));
    }
    for (action, index) in &walked.open_intents {
        say(&format!("finding    {action} was permitted in record {index} and has no outcome in this log"));
    }
    Ended::Checked(Standing::Holds)
}

fn fails(standing: Standing, why: &str, json: bool) -> Ended {
    let code = code(standing);
    if json {
        say_json(&serde_json::json!({ "standing": standing, "code": code, "why": why }));
    } else {
        say(&format!("{:<10} {why}", word(standing)));
        if let Some(code) = code {
            say(&format!("code       {code}"));
        }
    }
    Ended::Checked(standing)
}
