//! `countersign wrap`: a governed MCP server over stdio.
//!
//! Where a server runs on the data folder already, this attaches to it, and takes over when that one ends; else it runs
//! one of its own, so that people can see and decide what the client is waiting for.

mod bridge;
mod host;

use std::sync::Arc;

use gateway::{Selection, serve_stdio};
use tokio::io::{AsyncBufRead, BufReader};
use types::{Code, Identity};

use super::{Done, init};
use crate::cli::{Init, Runs, Wrap};
use crate::error::{CliError, Exit};
use crate::folder::Folders;
use crate::serve::Server;
use bridge::Bridge;
use host::Host;

/// Is the longest line accepted from the client, in bytes.
const LINE_BYTES_MAX: usize = 8 << 20;

/// Is how much of the client's input waits to be read, in bytes.
const INPUT_BYTES: usize = 64 << 10;

/// Runs the command until the client closes its end, or the process is told to stop.
pub async fn run(folders: &Folders, args: &Wrap) -> Done {
    if !folders.bundle.join("bundle.toml").exists() && !args.command.is_empty() {
        set_up(folders, args).await?;
    }
    if host::running(folders).await.is_some() {
        return attach(folders, args).await;
    }
    match host::start(folders).await {
        Ok(server) => embed(folders, args, server).await,
        // Another client's wrap may have been quicker; then there is one to attach to.
        Err(error) if error.code == Code::DataFolderBusy => attach(folders, args).await,
        Err(error) => Err(error),
    }
}

impl Runs {
    /// Returns what is named.
    fn identity(&self) -> Identity {
        Identity { model: self.model.clone(), prompt: self.prompt.clone() }
    }

    /// Returns the headers by which a client of the gateway names it.
    fn headers(&self) -> Vec<(String, String)> {
        let named = [("countersign-model", &self.model), ("countersign-prompt", &self.prompt)];
        named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?))).collect()
    }
}

async fn set_up(folders: &Folders, args: &Wrap) -> Result<(), CliError> {
    let init = Init {
        name: args.server.clone(),
        agent: args.agent.clone(),
        owner: None,
        env: Vec::new(),
        force: false,
        server: args.command.clone(),
    };
    // Standard output belongs to the protocol, so the report goes nowhere.
    init::prepare(folders, &init).await.map(drop)
}

async fn embed(folders: &Folders, args: &Wrap, server: Server) -> Done {
    tracing::info!(url = %server.url, "people decide at this address");
    let caller = control::door::Caller { agent: args.agent.clone(), on_behalf_of: None, anonymous: false };
    let runs = args.runs.identity();
    let selection = args.server.clone().map_or(Selection::All, Selection::One);
    let door = Arc::new(server.control.clone());
    let serving = serve_stdio(door, (caller, runs), selection, input(folders), tokio::io::stdout(), LINE_BYTES_MAX);
    let served = tokio::select! {
        served = serving => served,
        () = crate::serve::told_to_stop() => Ok(()),
    };
    server.stop().await;
    served.map_err(|e| CliError::machine(format!("standard input or output failed: {e}")))?;
    Ok(Exit::Done)
}

/// Reads standard input; once the client has closed it, nobody else attaches to a server that is about to leave.
fn input(folders: &Folders) -> impl AsyncBufRead + Unpin + use<> {
    let (mut ours, theirs) = tokio::io::duplex(INPUT_BYTES);
    let folders = folders.clone();
    tokio::spawn(async move {
        // A client whose input fails is gone like one that closes it.
        let _ = tokio::io::copy(&mut tokio::io::stdin(), &mut ours).await;
        folders.retract();
    });
    BufReader::new(theirs)
}

async fn attach(folders: &Folders, args: &Wrap) -> Done {
    let bridge = Bridge::new(Host::new(folders, args));
    let ended = tokio::select! {
        ended = bridge.run() => ended,
        () = crate::serve::told_to_stop() => Ok(()),
    };
    bridge.close().await;
    ended.map(|()| Exit::Done)
}
