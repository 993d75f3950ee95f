//! `countersign incident serve`: an MCP server that answers from the record.

use std::sync::Arc;

use control::incident::{Incident, Setting};
use gateway::{Selection, serve_stdio};
use ledger::Clock as _;
use replay::incident::{Rules, Run, Seen, compare};
use tokio::io::BufReader;
use types::Code;

use super::super::Done;
use super::input::Input;
use super::{agent, exit, tell};
use crate::cli::{IncidentServe, Recorded};
use crate::error::{CliError, Exit};
use crate::folder::Folders;
use crate::machine::{SystemClock, SystemRandom};
use crate::output;

/// Is the longest line accepted from a client, in bytes.
const LINE_BYTES_MAX: usize = 8 << 20;

/// Runs the command until the client closes its end, or the process is told to stop.
pub(super) async fn run(folders: &Folders, args: &IncidentServe) -> Done {
    let input = Input::read(folders, &args.recorded, |_| Rules::None)?;
    let selection = match &args.server {
        None => Selection::All,
        Some(server) if input.recording.servers().contains(server) => Selection::One(server.clone()),
        Some(server) => {
            let message = format!("the session never called a server `{server}`");
            return Err(CliError::new(Exit::Usage, Code::NotFound, message));
        }
    };
    let incident = Incident::new(input.recording.clone(), setting(&input, &args.recorded));
    match args.listen {
        Some(address) if !address.ip().is_loopback() => {
            return Err(CliError::usage(
                "--listen needs a loopback address: whoever reaches it reads what was recorded",
            ));
        }
        Some(address) => {
            let listener = agent::Listener::start(incident.clone(), address).await?;
            let path = args.server.as_ref().map_or_else(|| "/mcp".to_owned(), |server| format!("/mcp/{server}"));
            output::say(format!("{}{path}", listener.url));
            crate::serve::told_to_stop().await;
            listener.stop().await;
        }
        None => over_stdio(&incident, selection).await?,
    }
    let run = Run { number: 1, made: incident.made(), ended: None, unmet: incident.unmet() };
    let report = compare(&input.recording, &[run], Seen::Server);
    match &args.report {
        Some(file) => {
            let text = serde_json::to_string_pretty(&report).unwrap_or_default();
            std::fs::write(file, format!("{text}\n"))
                .map_err(|e| CliError::machine(format!("`{}` cannot be written: {e}", file.display())))?;
        }
        // Standard output belongs to the protocol.
        None => tell::aside(&report),
    }
    Ok(exit(&report))
}

async fn over_stdio(incident: &Incident, selection: Selection) -> Result<(), CliError> {
    let (door, caller) = (Arc::new(incident.clone()), incident.caller()?);
    let (input, output) = (BufReader::new(tokio::io::stdin()), tokio::io::stdout());
    let serving = serve_stdio(door, (caller, Default::default()), selection, input, output, LINE_BYTES_MAX);
    let served = tokio::select! {
        served = serving => served,
        () = crate::serve::told_to_stop() => Ok(()),
    };
    served.map_err(|e| CliError::machine(format!("standard input or output failed: {e}")))
}

/// Says how a session is played.
pub(super) fn setting(input: &Input, recorded: &Recorded) -> Setting {
    Setting {
        rules: input.rules.clone(),
        hiding: input.hiding.clone(),
        keys: input.keys(),
        nearest: recorded.nearest,
        random: Arc::new(SystemRandom),
        now: SystemClock.wall(),
    }
}
