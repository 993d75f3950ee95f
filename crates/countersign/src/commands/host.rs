//! `countersign host`: keys of hosts, and what is signed with them.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use evidence::heartbeat::{HostSigner, read, write};
use ledger::Clock as _;
use ledger::port::draw;
use serde_json::{Value, json};
use types::heartbeat::{Heartbeat, key_id};

use super::Done;
use super::answer::{instant, list, text};
use crate::cli::HostCommand;
use crate::client::{Client, segment};
use crate::error::{CliError, Exit};
use crate::machine::{SystemClock, SystemRandom};
use crate::output::{self, BAD, FAINT, GOOD, paint};

/// Runs the command.
pub async fn run(client: impl FnOnce() -> Result<Client, CliError>, command: &HostCommand, as_json: bool) -> Done {
    match command {
        HostCommand::Keygen { file } => keygen(file, as_json),
        HostCommand::Enroll { target, public_key, reason } => {
            let body = json!({ "target": target, "public_key": public_key.trim(), "reason": reason });
            let key = client()?.post("/v1/host-keys", &body).await?;
            if as_json {
                output::say_json(&key);
            } else {
                output::say(format!("{} {} signs for {target}", paint(GOOD, "ok"), text(&key, "id")));
            }
            Ok(Exit::Done)
        }
        HostCommand::Revoke { id, reason } => {
            let path = format!("/v1/host-keys/{}", segment(id));
            client()?.send(reqwest::Method::DELETE, &path, Some(&json!({ "reason": reason }))).await?;
            output::tell(format!("{id} is revoked"));
            Ok(Exit::Done)
        }
        HostCommand::List => {
            let keys = client()?.get("/v1/host-keys").await?;
            if as_json {
                output::say_json(&keys);
            } else {
                output::table(&list(&keys, "keys").map(row).collect::<Vec<_>>());
            }
            Ok(Exit::Done)
        }
    }
}

fn row(key: &Value) -> Vec<String> {
    let is_revoked = !text(key, "revoked").is_empty();
    let standing = if is_revoked { paint(BAD, "revoked") } else { paint(GOOD, "live") };
    let by = format!("enrolled by {} at {}", text(key, "by"), instant(key, "at"));
    vec![text(key, "target"), text(key, "id"), standing, paint(FAINT, by)]
}

fn unusable(path: &Path, error: impl std::fmt::Display) -> CliError {
    CliError::machine(format!("`{}` cannot be used: {error}", path.display()))
}

/// Makes a key, whose secret half stays in its file.
fn keygen(file: &Path, as_json: bool) -> Done {
    let secret = draw::<32>(&SystemRandom);
    let mut made = fs::OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(file)
        .map_err(|error| unusable(file, error))?;
    writeln!(made, "{}", write(&secret)).and_then(|()| made.sync_all()).map_err(|error| unusable(file, error))?;
    let public = HostSigner::of(&secret).public();
    if as_json {
        output::say_json(&json!({ "id": key_id(&public), "public_key": write(&public) }));
    } else {
        output::say(write(&public));
        output::tell(format!("{} is its id; the secret half stays in {}", key_id(&public), file.display()));
    }
    Ok(Exit::Done)
}

/// Signs what this host says, with a counter that is higher than any before.
///
/// # Errors
///
/// `file-unusable` if the key cannot be read, or the counter beside it not be kept.
pub fn signed(file: &Path, said: Heartbeat) -> Result<Value, CliError> {
    let held = fs::read_to_string(file).map_err(|error| unusable(file, error))?;
    let secret = read::<32>(held.trim()).ok_or_else(|| unusable(file, "it holds no key of a host"))?;
    let signer = HostSigner::of(&secret);
    let at = SystemClock.wall().0;
    let counter = next_counter(&beside(file), u64::try_from(at).unwrap_or(0))?;
    let heartbeat = Heartbeat { at, counter, ..said };
    let (key, signature) = (key_id(&signer.public()), signer.sign(&heartbeat));
    Ok(json!({ "key": key, "counter": counter, "at": at, "signature": signature }))
}

/// Names the file of the counter, beside that of the key.
fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".counter");
    name.into()
}

/// Returns the next counter, kept before it is used. It is no lower than the time, so that a lost file holds up nobody.
fn next_counter(file: &Path, now: u64) -> Result<u64, CliError> {
    let last = match fs::read_to_string(file) {
        Ok(text) => text.trim().parse::<u64>().map_err(|error| unusable(file, error))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => 0,
        Err(error) => return Err(unusable(file, error)),
    };
    let next = last.saturating_add(1).max(now);
    let writing = file.with_extension("counter.writing");
    let mut made = fs::File::create(&writing).map_err(|error| unusable(&writing, error))?;
    writeln!(made, "{next}").and_then(|()| made.sync_all()).map_err(|error| unusable(&writing, error))?;
    fs::rename(&writing, file).map_err(|error| unusable(file, error))?;
    Ok(next)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_counter_rises_though_the_clock_is_set_back_or_the_file_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key.counter");
        assert_eq!(next_counter(&file, 100).unwrap(), 100);
        assert_eq!(next_counter(&file, 50).unwrap(), 101);
        fs::remove_file(&file).unwrap();
        assert_eq!(next_counter(&file, 200).unwrap(), 200);
        fs::write(&file, "many").unwrap();
        assert!(next_counter(&file, 200).is_err(), "what cannot be read is no beginning");
    }
}
