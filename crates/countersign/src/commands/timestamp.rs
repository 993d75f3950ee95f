//! `countersign log timestamp-request` and `timestamp-answer`: an authority that no network reaches, by files.

use std::fs;
use std::path::Path;

use ledger::port::draw;
use ledger::recover::LOG;
use ledger::stamping::{Stamping, StampingError};
use ledger::{Clock as _, Folder};
use serde_json::json;
use types::Code;

use super::Done;
use crate::error::{CliError, Exit};
use crate::folder::Folders;
use crate::machine::{SystemClock, SystemRandom};
use crate::{output, timestamps};

/// Writes what an authority is asked about the latest checkpoint.
pub fn request(folders: &Folders, file: &Path, as_json: bool) -> Done {
    let stamping = stamping(folders)?;
    let Some(asked) = stamping.begin(draw(&SystemRandom)).map_err(failed)? else {
        let message = "every record that can be dated is dated already, or nothing is published yet";
        return Err(CliError::new(Exit::Failed, Code::StateConflict, message));
    };
    stamping.put_off(&asked).map_err(failed)?;
    fs::write(file, asked.request()).map_err(|e| unusable(file, "written", &e))?;
    if as_json {
        output::say_json(&json!({ "file": file, "records": asked.size() }));
    } else {
        output::say(format!("{} asks to date {} records", file.display(), asked.size()));
    }
    Ok(Exit::Done)
}

/// Takes the answer to a request.
pub fn answer(folders: &Folders, request: &Path, answer: &Path, as_json: bool) -> Done {
    let stamping = stamping(folders)?;
    let asked = stamping.resume(&read(request)?).map_err(failed)?;
    let stamped = stamping.take(&asked, &read(answer)?, SystemClock.wall()).map_err(failed)?;
    let (time, by) = (stamped.stamp.time(), stamped.stamp.by());
    if as_json {
        output::say_json(&json!({ "records": stamped.size, "at": stamped.stamp.at(), "by": by }));
    } else {
        output::say(format!("{} records were there at {time}, as {by} vouches", stamped.size));
    }
    Ok(Exit::Done)
}

fn stamping(folders: &Folders) -> Result<Stamping, CliError> {
    let log = folders.keys_there()?.log;
    let authorities = timestamps::authorities(folders)?.ok_or_else(|| {
        CliError::usage("no authority is named")
            .hint("put its certificates into keys/tsa.pem (see docs/concepts/timestamps.md)")
    })?;
    Ok(Stamping::new(Folder::at(folders.data.join(LOG)), log, folders.witnesses()?, authorities))
}

fn read(file: &Path) -> Result<Vec<u8>, CliError> {
    fs::read(file).map_err(|e| unusable(file, "read", &e))
}

fn unusable(file: &Path, what: &str, error: &std::io::Error) -> CliError {
    CliError::machine(format!("`{}` cannot be {what}: {error}", file.display()))
}

fn failed(error: StampingError) -> CliError {
    CliError::new(Exit::Failed, error.code(), error.to_string())
}
