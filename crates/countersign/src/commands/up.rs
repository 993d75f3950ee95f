//! `countersign up`: run the server.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::Done;
use crate::cli::Up;
use crate::error::{CliError, Exit};
use crate::folder::Folders;
use crate::output::{self, BAD, BOLD, FAINT, paint};
use crate::serve::{Options, Server, Signals};

/// Runs the command until it is told to stop.
pub async fn run(dir: &Path, args: &Up, as_json: bool) -> Done {
    if args.anonymous.is_some() && !args.listen.ip().is_loopback() {
        return Err(CliError::usage(
            "--anonymous needs a loopback address: whoever reaches the listener is that agent",
        ));
    }
    let folders = folders(dir, args);
    let options = Options {
        listen: args.listen,
        tenant: args.tenant.clone(),
        anonymous: args.anonymous.clone(),
        public_log: args.public_log,
        passkeys: (args.passkey_host.clone(), args.passkey_origin.clone()),
    };
    let server = Server::start(&folders, options).await?;
    // Before anybody is told that it is ready, so that a signal right then stops it cleanly.
    let signals = Signals::hear()?;
    let login = server.admin_key.as_deref().map(|key| server.login_link(key)).transpose()?;
    if as_json {
        output::say_json(&json!({ "url": server.url, "admin_key": server.admin_key, "login": login }));
    } else {
        output::say(format!("{} {}", paint(BOLD, "countersign"), server.url));
        output::say(format!("  agents     MCP at {}/mcp, with their own bearer key", server.url));
        if let Some(login) = &login {
            output::say(format!("  console    {login}"));
            output::say(paint(
                FAINT,
                "             logs one browser in, within ten minutes; `countersign login` makes another",
            ));
        }
        output::say("  people     `countersign approvals`, `countersign log tail -f`, `countersign doctor`");
        output::say(paint(FAINT, format!("  admin key  {}", folders.keys.join("admin.key").display())));
        if let Some(rolled) = &server.rolled_over {
            let (closed, new) = (&rolled.closed, &rolled.new);
            output::tell(format!(
                "log {} is closed with {} records; a new one begins, signed by {new}",
                closed.number, closed.size
            ));
            output::tell("give that key to whoever verifies the log, and to its witnesses");
        }
        for glass in &server.glasses {
            output::tell(paint(BAD, glass));
        }
        for action in &server.started.in_doubt {
            output::tell(format!("{action} was in flight when the last run stopped: nobody knows whether it happened"));
        }
        if server.started.bundle_differs {
            output::tell(
                "the bundle folder differs from the active bundle; `countersign policy activate` makes it active",
            );
        }
    }
    server.wait(signals).await;
    Ok(Exit::Done)
}

fn folders(dir: &Path, args: &Up) -> Folders {
    let mut folders = Folders::below(dir);
    if let Some(data) = &args.data {
        folders.data.clone_from(data);
        folders.keys = beside(data);
    }
    if let Some(bundle) = &args.bundle {
        folders.bundle.clone_from(bundle);
    }
    if let Some(keys) = &args.keys {
        folders.keys.clone_from(keys);
    }
    folders
}

/// Names the folder beside a data folder in which its keys are.
fn beside(data: &Path) -> PathBuf {
    let mut name = data.file_name().unwrap_or_default().to_owned();
    name.push(".keys");
    data.with_file_name(name)
}
