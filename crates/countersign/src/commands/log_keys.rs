//! `countersign log rotate-key`, `retire-key`, `freeze` and `continue`: the keys of the log, its end, and how it goes on.

use control::Control;
use control::late::freeze_closed;
use control::log_keys::TakenUp;
use ledger::rollover;
use ledger::standing::Closing;
use serde_json::{Value, json};
use types::{Code, Principal, TenantId};

use super::Done;
use super::answer::{list, text};
use crate::cli::{Cli, LogKeyCommand};
use crate::client::Client;
use crate::error::{CliError, Exit};
use crate::folder::{Folders, load_bundle};
use crate::output;
use crate::serve;

/// Runs the command.
pub async fn run(cli: &Cli, command: &LogKeyCommand) -> Done {
    let folders = cli.folders();
    let client = || Client::find(&folders, cli.url.clone(), cli.key.clone());
    match command {
        LogKeyCommand::RotateKey { reason } => change(client(), "rotate-key", reason, cli.json).await,
        LogKeyCommand::RetireKey { reason } => change(client(), "retire-key", reason, cli.json).await,
        LogKeyCommand::Freeze { reason, tenant } if cli.url.is_none() && folders.running().is_none() => {
            freeze_here(&folders, cli, reason, tenant).await
        }
        LogKeyCommand::Freeze { reason, .. } => freeze(client(), reason, cli.json).await,
        LogKeyCommand::Continue { reason, accept_gap, tenant } => {
            take_up(&folders, cli, reason, *accept_gap, tenant).await
        }
    }
}

async fn change(client: Result<Client, CliError>, what: &str, reason: &str, as_json: bool) -> Done {
    let changed = client?.post(&format!("/v1/log/{what}"), &json!({ "reason": reason })).await?;
    if as_json {
        output::say_json(&changed);
        return Ok(Exit::Done);
    }
    list(&changed, "signers").filter_map(Value::as_str).for_each(|key| output::say(format!("signs  {key}")));
    output::tell("Give these keys to whoever verifies the log, and have its witnesses enrol the new one.");
    Ok(Exit::Done)
}

async fn freeze(client: Result<Client, CliError>, reason: &str, as_json: bool) -> Done {
    let frozen = client?.post("/v1/log/freeze", &json!({ "reason": reason })).await?;
    tell_frozen(&frozen, as_json)
}

/// Freezes the log where no server runs.
async fn freeze_here(folders: &Folders, cli: &Cli, reason: &str, tenant: &TenantId) -> Done {
    folders.keys_there()?;
    let bundle = load_bundle(folders.bundle_files()?)?;
    let lock = folders.lock()?;
    let config = serve::at_rest(folders, &lock, bundle, tenant)?;
    if rollover::closing(&folders.data)? == Some(Closing::Closed) {
        freeze_closed(&config, &lock, &token(folders, cli)?, reason)?;
        return tell_frozen(
            &json!({ "size": folders.history()?.0.size()?, "witnessed": null, "receipt": null }),
            cli.json,
        );
    }
    let control = Control::open_locked(config, lock)?;
    let Principal::Person(by) = control.holder_of(&token(folders, cli)?)?.principal else {
        return Err(CliError::new(Exit::Denied, Code::Forbidden, "a log is frozen by a person"));
    };
    let frozen = control.freeze_log(&by, reason).await;
    control.close().await;
    let frozen = frozen?;
    let receipt = json!({ "index": frozen.receipt });
    tell_frozen(&json!({ "size": frozen.size, "witnessed": frozen.witnessed, "receipt": receipt }), cli.json)
}

fn tell_frozen(frozen: &Value, as_json: bool) -> Done {
    if as_json {
        output::say_json(frozen);
        return Ok(Exit::Done);
    }
    output::say(output::paint(output::BAD, format!("frozen: the log ends at {} records", text(frozen, "size"))));
    if frozen.get("witnessed").is_some_and(|witnessed| !witnessed.is_null()) {
        output::say(format!("a quorum of witnesses has cosigned {} of them", text(frozen, "witnessed")));
    }
    output::tell("Stop the server; `countersign log continue` goes on under a new key and a new name.");
    Ok(Exit::Done)
}

async fn take_up(folders: &Folders, cli: &Cli, reason: &str, accept_gap: bool, tenant: &TenantId) -> Done {
    folders.keys_there()?;
    let bundle = load_bundle(folders.bundle_files()?)?;
    let lock = folders.lock()?;
    let config = serve::at_rest(folders, &lock, bundle, tenant)?;
    let taken = Control::take_up_anew(config, lock, &token(folders, cli)?, reason, accept_gap).await?;
    if cli.json {
        output::say_json(&json!({ "old": taken.old, "new": taken.new, "end": taken.end, "lost": taken.end.lost() }));
    } else {
        tell_taken_up(&taken);
    }
    Ok(Exit::Done)
}

fn tell_taken_up(taken: &TakenUp) {
    output::say(format!("`{}` ended; its records go on, signed by {}", taken.old, taken.new));
    if taken.end.lost() > 0 {
        let says = format!("records {} to {} of it are lost", taken.end.found, taken.end.seen.saturating_sub(1));
        output::say(output::paint(output::BAD, &says));
    }
    output::tell("Give the new key to whoever verifies the log and to its witnesses, then start the server.");
}

/// Returns the key of the person who does something where no server runs.
///
/// # Errors
///
/// `unauthenticated` if none is given and none lies among the keys.
pub(super) fn token(folders: &Folders, cli: &Cli) -> Result<String, CliError> {
    let key = cli.key.clone().map_or_else(|| folders.read_key("admin.key"), |key| Ok(Some(key)))?;
    key.ok_or_else(|| {
        CliError::new(Exit::Denied, Code::Unauthenticated, "who does this is recorded: give a person's key with --key")
    })
}
