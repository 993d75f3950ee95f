//! `countersign log witness-request` and `witness-answer`: witnesses that no network reaches, by files.

use std::fs;
use std::path::{Path, PathBuf};

use ledger::Folder;
use ledger::recover::LOG;
use ledger::witnessing::{Answered, Witnessing, WitnessingError, name};
use serde_json::json;
use tlog::{AddCheckpoint, TrustPolicy};
use types::Code;

use super::Done;
use crate::error::{CliError, Exit};
use crate::folder::Folders;
use crate::output;

/// Writes what a witness is asked about the latest checkpoint.
pub fn request(folders: &Folders, witness: &str, old: u64, file: &Path, as_json: bool) -> Done {
    let Exchange { mut witnessing, policy } = exchange(folders)?;
    let Some(witness) = policy.witnesses().iter().find(|known| name(known) == witness) else {
        let names: Vec<String> = policy.witnesses().iter().map(name).collect();
        return Err(CliError::usage(format!("the policy has no witness `{witness}`; it has {}", names.join(", "))));
    };
    let Some(round) = witnessing.begin().map_err(failed)? else {
        let message = "every published record is witnessed already, or nothing is published yet";
        return Err(CliError::new(Exit::Failed, Code::StateConflict, message));
    };
    witnessing.remember(witness, old);
    let request = witnessing.request(&round, witness).map_err(failed)?;
    fs::write(file, request.to_string()).map_err(|e| unusable(file, "written", &e))?;
    if as_json {
        output::say_json(&json!({ "file": file, "records": round.size(), "old": request.old() }));
    } else {
        output::say(format!("{} asks to cosign {} records", file.display(), round.size()));
    }
    Ok(Exit::Done)
}

/// Takes the cosignatures that came back for a request, each in a file of its own.
pub fn answer(folders: &Folders, request: &Path, answers: &[PathBuf], as_json: bool) -> Done {
    let Exchange { mut witnessing, policy } = exchange(folders)?;
    let asked = AddCheckpoint::parse(&read(request)?)
        .map_err(|e| CliError::usage(format!("`{}` is no request to a witness: {e}", request.display())))?;
    let mut round = witnessing.resume(&asked).map_err(failed)?;
    for file in answers {
        let answered = Answered { status: 200, body: read(file)? };
        let mut cosigned = false;
        for witness in policy.witnesses() {
            cosigned |= witnessing.take(&mut round, witness, &answered).is_ok();
        }
        if !cosigned {
            let why = format!("`{}` holds no cosignature by a witness of the policy for that request", file.display());
            return Err(CliError::new(Exit::Failed, Code::EvidenceBroken, why));
        }
    }
    let asked = round.size();
    let witnessed = witnessing.finish(round).map_err(failed)?;
    if as_json {
        output::say_json(&json!({ "witnessed": witnessed, "asked": asked }));
    } else {
        output::say(format!("a quorum has cosigned {witnessed} records; {asked} were asked for"));
    }
    Ok(if witnessed >= asked { Exit::Done } else { Exit::Undetermined })
}

/// Is what both halves of the exchange need.
struct Exchange {
    witnessing: Witnessing,
    policy: TrustPolicy,
}

fn exchange(folders: &Folders) -> Result<Exchange, CliError> {
    let log = folders.keys_there()?.log;
    let policy = folders.witnesses()?.ok_or_else(|| {
        CliError::usage("no witnesses are named")
            .hint("name them in keys/witness.policy (see docs/concepts/witnesses.md)")
    })?;
    let witnessing = Witnessing::new(Folder::at(folders.data.join(LOG)), log, policy.clone());
    Ok(Exchange { witnessing, policy })
}

fn read(file: &Path) -> Result<Vec<u8>, CliError> {
    fs::read(file).map_err(|e| unusable(file, "read", &e))
}

fn unusable(file: &Path, what: &str, error: &std::io::Error) -> CliError {
    CliError::machine(format!("`{}` cannot be {what}: {error}", file.display()))
}

fn failed(error: WitnessingError) -> CliError {
    CliError::new(Exit::Failed, error.code(), error.to_string())
}
