//! Checking a published log: signature, every tile, every record, every session.

use std::path::Path;

use evidence::Standing;
use evidence::walk::Walk;
use tlog::checkpoint::Checkpoint;
use tlog::key::VerifierKey;

use crate::Ended;
use crate::told::{say, say_json};

/// Checks a folder of tiles against the log's key, which a folder cannot vouch for itself.
pub(crate) fn check(folder: &Path, key: Option<&VerifierKey>, json: bool) -> Ended {
    let Some(key) = key else {
        return Ended::Unusable("a published log is checked against a key you trust: give --key".into());
    };
    let Ok(note) = std::fs::read(folder.join("checkpoint")) else {
        return Ended::Unusable(format!("`{}` holds no checkpoint", folder.display()));
    };
    let checkpoint = match Checkpoint::open(&note, key) {
        Ok((checkpoint, _)) => checkpoint,
        Err(error) => return broken(&format!("the checkpoint: {error}"), json),
    };
    let mut walk = Walk::new();
    let mut wrong = None;
    let fetch = |path: &tlog::TilePath| std::fs::read(folder.join(path.to_string())).ok();
    let visit = |_: u64, entry: &[u8]| {
        if wrong.is_none() {
            wrong = walk.take(entry).err();
        }
    };
    if let Err(error) = tlog::check_tree_with(checkpoint.size, &checkpoint.root, fetch, visit) {
        return broken(&error.to_string(), json);
    }
    if let Some(error) = wrong {
        return broken(&error.to_string(), json);
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

fn broken(why: &str, json: bool) -> Ended {
    if json {
        say_json(&serde_json::json!({ "standing": "broken", "why": why }));
    } else {
        say(&format!("BROKEN     {why}"));
    }
    Ended::Checked(Standing::Broken)
}
