//! `countersign wrap`: a governed MCP server over stdio.
//!
//! Where a server runs on the data folder already, this attaches to it; else it runs one of its own, so
//! that people can see and decide what the client is waiting for.

use std::collections::BTreeMap;
use std::sync::Arc;

use connectors::mcp::{Connection, Limits, Wiring, connect_stateful, connect_stateless};
use gateway::{Selection, serve_stdio};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::sync::mpsc;
use types::jsonrpc::{Frame, FrameKind};
use types::{Code, TenantId};

use super::{Done, init};
use crate::cli::{Init, Wrap};
use crate::error::{CliError, Exit};
use crate::folder::{Folders, Running};
use crate::serve::{Options, Server};

/// Is the longest line accepted from the client, in bytes.
const LINE_BYTES_MAX: usize = 8 << 20;

/// Runs the command until the client closes its end.
pub async fn run(folders: &Folders, args: &Wrap) -> Done {
    if !folders.bundle.join("bundle.toml").exists() && !args.command.is_empty() {
        set_up(folders, args).await?;
    }
    match folders.running() {
        Some(running) => attach(folders, args, &running).await,
        None => embed(folders, args).await,
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

async fn embed(folders: &Folders, args: &Wrap) -> Done {
    let tenant = TenantId::new("default").map_err(|e| CliError::usage(e.to_string()))?;
    let loopback = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let options = Options { listen: loopback, tenant, anonymous: None };
    let server = match Server::start(folders, options).await {
        Ok(server) => server,
        // Another client's wrap may have been quicker; then there is one to attach to.
        Err(error) if error.code == Code::DataFolderBusy => return attach_soon(folders, args, error).await,
        Err(error) => return Err(error),
    };
    tracing::info!(url = %server.url, "people decide at this address");
    let caller = control::door::Caller { agent: args.agent.clone(), on_behalf_of: None, anonymous: false };
    let selection = args.server.clone().map_or(Selection::All, Selection::One);
    let stdin = BufReader::new(tokio::io::stdin());
    let door = Arc::new(server.control.clone());
    let served = serve_stdio(door, caller, selection, stdin, tokio::io::stdout(), LINE_BYTES_MAX).await;
    server.stop().await;
    served.map_err(|e| CliError::machine(format!("standard input or output failed: {e}")))?;
    Ok(Exit::Done)
}

async fn attach_soon(folders: &Folders, args: &Wrap, error: CliError) -> Done {
    for _ in 0..20 {
        if let Some(running) = folders.running() {
            return attach(folders, args, &running).await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    Err(error)
}

/// Carries frames between the client and the server that runs already.
async fn attach(folders: &Folders, args: &Wrap, running: &Running) -> Done {
    let file = format!("agent-{}.key", args.agent);
    let key = folders.read_key(&file)?.ok_or_else(|| {
        let message = format!("there is no key for agent `{}` in `{}`", args.agent, folders.keys.display());
        CliError::new(Exit::Failed, Code::Unauthenticated, message)
            .hint(format!("`countersign key create --agent {}` makes one; save it as {file} there", args.agent))
    })?;
    let path = args.server.as_ref().map_or_else(|| "/mcp".to_owned(), |server| format!("/mcp/{server}"));
    let wiring = Wiring {
        command: Vec::new(),
        env: BTreeMap::new(),
        url: Some(format!("{}{path}", running.url)),
        headers: vec![("authorization".into(), format!("Bearer {key}"))],
    };
    Bridge::run(&wiring).await
}

/// Carries frames between standard input and output and one HTTP endpoint.
struct Bridge {
    connection: Arc<Connection>,
    out: mpsc::Sender<String>,
}

impl Bridge {
    async fn run(wiring: &Wiring) -> Done {
        let (out, lines) = mpsc::channel(64);
        let writer = tokio::spawn(write(lines));
        let mut input = BufReader::new(tokio::io::stdin()).lines();
        let mut bridge: Option<Self> = None;
        while let Ok(Some(line)) = input.next_line().await {
            let frame = match Frame::parse(line, LINE_BYTES_MAX) {
                Ok(frame) => frame,
                Err(error) => {
                    let answer = Frame::error(None, error.rpc_code(), &error.to_string(), None);
                    let _ = out.send(answer.text().to_owned()).await;
                    continue;
                }
            };
            match &bridge {
                Some(bridge) => bridge.carry(frame).await,
                None => bridge = Some(Self::open(wiring, frame, out.clone()).await?),
            }
        }
        if let Some(bridge) = &bridge {
            bridge.connection.close().await;
        }
        drop((bridge, out));
        let _ = writer.await;
        Ok(Exit::Done)
    }

    /// Opens the connection the first frame asks for, and carries that frame.
    async fn open(wiring: &Wiring, first: Frame, out: mpsc::Sender<String>) -> Result<Self, CliError> {
        let failed = |e: connectors::mcp::ConnectError| CliError::new(Exit::Failed, e.code(), e.to_string());
        let limits = Limits::default();
        if first.method() != Some("initialize") {
            let connection = Arc::new(connect_stateless(wiring, &limits).await.map_err(failed)?);
            let bridge = Self { connection, out };
            bridge.carry(first).await;
            return Ok(bridge);
        }
        let params = first.member("params").unwrap_or("{}");
        let connection = Arc::new(connect_stateful(wiring, params, &limits).await.map_err(failed)?);
        if let Some(id) = first.id() {
            let _ = out.send(Frame::result(id, connection.hello()).text().to_owned()).await;
        }
        if let Some(mut unsolicited) = connection.unsolicited() {
            let out = out.clone();
            tokio::spawn(async move {
                while let Some(frame) = unsolicited.recv().await {
                    let _ = out.send(frame.text().to_owned()).await;
                }
            });
        }
        Ok(Self { connection, out })
    }

    async fn carry(&self, frame: Frame) {
        if !matches!(frame.kind(), FrameKind::Request { .. }) {
            if let Err(error) = self.connection.send(frame).await {
                tracing::warn!(%error, "a message could not be carried");
            }
            return;
        }
        let (connection, out) = (self.connection.clone(), self.out.clone());
        tokio::spawn(async move {
            let (events, mut interim) = mpsc::channel::<Frame>(64);
            let relay = out.clone();
            let pump = tokio::spawn(async move {
                while let Some(frame) = interim.recv().await {
                    let _ = relay.send(frame.text().to_owned()).await;
                }
            });
            let id = frame.id().cloned();
            let answer = connection.request(frame, Vec::new(), events).await;
            let answer = answer.unwrap_or_else(|error| Frame::error(id.as_ref(), -32603, &error.to_string(), None));
            let _ = pump.await;
            let _ = out.send(answer.text().to_owned()).await;
        });
    }
}

async fn write(mut lines: mpsc::Receiver<String>) {
    let mut stdout = tokio::io::stdout();
    while let Some(line) = lines.recv().await {
        let written = stdout.write_all(format!("{}\n", line.replace(['\n', '\r'], " ")).as_bytes()).await;
        if written.is_err() || stdout.flush().await.is_err() {
            return;
        }
    }
}
