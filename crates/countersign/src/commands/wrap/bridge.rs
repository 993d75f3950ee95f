//! Carries frames between standard input and output and whoever serves the data folder.
//!
//! The client's session outlives the server it began on: when that one ends, the session is opened again, with the
//! client's own `initialize`, on the next. A call that can have had its effect is never sent twice.

use std::sync::Arc;

use connectors::mcp::{CallError, Connection, Limits, Wiring, connect_stateful, connect_stateless};
use gateway::lines::{Line, Lines};
use tokio::io::BufReader;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;
use types::Code;
use types::jsonrpc::{Frame, FrameKind, RpcId};

use super::LINE_BYTES_MAX;
use super::host::Host;
use crate::error::{CliError, Exit};

/// Limits how often one request is sent to yet another server.
const SENDS_MAX: usize = 3;

/// Is one live connection to a server.
#[derive(Clone)]
struct Link {
    connection: Arc<Connection>,
    wiring: Arc<Wiring>,
    /// Counts the connections of this bridge.
    number: u64,
}

/// Is what is needed to open the session again.
struct Session {
    host: Host,
    link: Option<Link>,
    opened: u64,
    /// The params of the client's `initialize`; absent where every request stands for itself.
    initialize: Option<String>,
    /// The client's `notifications/initialized`, once it came.
    initialized: Option<Frame>,
    /// The client has left, and nothing is opened for it any more.
    over: bool,
}

/// Carries frames of one client.
pub(super) struct Bridge {
    session: Arc<Mutex<Session>>,
}

impl Bridge {
    /// Builds a bridge without a connection.
    pub(super) fn new(host: Host) -> Self {
        let session = Session { host, link: None, opened: 0, initialize: None, initialized: None, over: false };
        Self { session: Arc::new(Mutex::new(session)) }
    }

    /// Carries frames until the client closes its end.
    ///
    /// # Errors
    ///
    /// As [`Host::reach`] if no server can be reached for the client's first message.
    pub(super) async fn run(&self) -> Result<(), CliError> {
        let (out, lines) = mpsc::channel(64);
        let writer = tokio::spawn(write(lines));
        let carried = self.carry_all(&out).await;
        self.session.lock().await.end().await;
        drop(out);
        let _ = writer.await;
        carried
    }

    async fn carry_all(&self, out: &mpsc::Sender<String>) -> Result<(), CliError> {
        let mut input = Lines::new(BufReader::new(tokio::io::stdin()), LINE_BYTES_MAX);
        let mut opened = false;
        while let Ok(Some(line)) = input.next().await {
            let frame = match read(line) {
                Ok(Some(frame)) => frame,
                Ok(None) => continue,
                Err(refusal) => {
                    say(out, &refusal).await;
                    continue;
                }
            };
            let carried = self.carry(frame, out).await;
            if !opened {
                carried?;
                opened = true;
            }
        }
        Ok(())
    }

    /// Takes one frame from the client.
    async fn carry(&self, frame: Frame, out: &mpsc::Sender<String>) -> Result<(), CliError> {
        match frame.kind().clone() {
            FrameKind::Request { id, method } if method == "initialize" => self.initialize(&id, &frame, out).await,
            FrameKind::Request { .. } => {
                let opened = self.session.lock().await.link(None, out).await.map(drop);
                tokio::spawn(Errand { session: Arc::clone(&self.session), out: out.clone() }.run(frame));
                opened
            }
            _ => {
                self.pass(frame, out).await;
                Ok(())
            }
        }
    }

    /// Opens a session; one without `initialize` that the client has only asked what there is gives way to it.
    async fn initialize(&self, id: &RpcId, frame: &Frame, out: &mpsc::Sender<String>) -> Result<(), CliError> {
        let mut session = self.session.lock().await;
        session.shut().await;
        session.initialize = Some(frame.member("params").unwrap_or("{}").to_owned());
        match session.link(None, out).await {
            Ok(link) => {
                say(out, &Frame::result(id, link.connection.hello())).await;
                Ok(())
            }
            Err(error) => {
                say(out, &failure(id, &error)).await;
                Err(error)
            }
        }
    }

    /// Passes on a notification, or the client's answer to a request of the server's.
    async fn pass(&self, frame: Frame, out: &mpsc::Sender<String>) {
        let mut session = self.session.lock().await;
        if frame.method() == Some("notifications/initialized") {
            session.initialized = Some(frame.clone());
        }
        let link = session.link(None, out).await;
        drop(session);
        let sent = match link {
            Ok(link) => link.connection.send(frame).await.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = sent {
            tracing::warn!(%error, "a message could not be carried");
        }
    }

    /// Ends the session, and the server if it is this process's own.
    pub(super) async fn close(&self) {
        let mut session = self.session.lock().await;
        session.end().await;
        session.host.close().await;
    }
}

impl Session {
    /// Returns the connection, opened anew if there is none, or if it is the one that was lost, or if its server has gone:
    /// whoever listens there then is not to be sent the agent's key.
    async fn link(&mut self, lost: Option<u64>, out: &mpsc::Sender<String>) -> Result<Link, CliError> {
        let live = |link: &Link| Some(link.number) != lost && self.host.lives();
        self.link = self.link.take().filter(live);
        if let Some(link) = &self.link {
            return Ok(link.clone());
        }
        if self.over {
            return Err(CliError::new(Exit::Failed, Code::ShuttingDown, "the client has left"));
        }
        let wiring = Arc::new(self.host.reach().await?);
        let connection = Arc::new(self.connect(&wiring).await.map_err(|e| {
            CliError::new(Exit::Failed, e.code(), format!("the server on the data folder cannot be used: {e}"))
        })?);
        if let Some(running) = self.host.attached() {
            connection.only_while(move || running.lives());
        }
        if let Some(frame) = self.initialized.clone()
            && let Err(error) = connection.send(frame).await
        {
            tracing::warn!(%error, "the session could not be opened again");
        }
        if let Some(frames) = connection.unsolicited() {
            drop(pump(frames, out.clone()));
        }
        self.opened += 1;
        let link = Link { connection, wiring, number: self.opened };
        self.link = Some(link.clone());
        Ok(link)
    }

    async fn connect(&self, wiring: &Wiring) -> Result<Connection, connectors::mcp::ConnectError> {
        match &self.initialize {
            Some(params) => connect_stateful(wiring, params, &Limits::default()).await,
            None => connect_stateless(wiring, &Limits::default()).await,
        }
    }

    /// Closes the connection for good.
    async fn end(&mut self) {
        self.over = true;
        self.shut().await;
    }

    /// Closes the connection.
    async fn shut(&mut self) {
        if let Some(link) = self.link.take() {
            link.connection.close().await;
        }
    }
}

/// Carries one request and its answer.
struct Errand {
    session: Arc<Mutex<Session>>,
    out: mpsc::Sender<String>,
}

impl Errand {
    async fn run(self, frame: Frame) {
        let Some(id) = frame.id().cloned() else { return };
        let mut lost = None;
        for sends in 1..=SENDS_MAX {
            let link = self.session.lock().await.link(lost, &self.out).await;
            let link = match link {
                Ok(link) => link,
                Err(error) => return say(&self.out, &failure(&id, &error)).await,
            };
            let error = match self.send(&link, &frame).await {
                Ok(answer) => return say(&self.out, &answer).await,
                Err(error) => error,
            };
            let gone = self.is_gone(&link, &error).await;
            if !gone || sends == SENDS_MAX || !may_repeat(&frame, &error) {
                return say(&self.out, &unanswered(&id, &error, gone)).await;
            }
            lost = Some(link.number);
        }
    }

    async fn send(&self, link: &Link, frame: &Frame) -> Result<Frame, CallError> {
        let (events, interim) = mpsc::channel::<Frame>(64);
        let pumping = pump(interim, self.out.clone());
        let answer = link.connection.request(frame.clone(), Vec::new(), events).await;
        let _ = pumping.await;
        answer
    }

    /// Says whether a server is lost to this session, and lets go of it if so.
    async fn is_gone(&self, link: &Link, error: &CallError) -> bool {
        let mut session = self.session.lock().await;
        let gone = matches!(error, CallError::Closed(_)) || !session.host.holds(&link.wiring).await;
        if gone && session.link.as_ref().is_some_and(|current| current.number == link.number) {
            session.link = None;
        }
        gone
    }
}

/// Reads a line; one that is blank says nothing, and for one that is no message there is an answer.
fn read(line: Line) -> Result<Option<Frame>, Frame> {
    let refused = |number, code: Code, message: &str| {
        Frame::error(None, number, message, Some(&serde_json::json!({ "code": code }).to_string()))
    };
    let Line::Text(bytes) = line else {
        let message = format!("the message is longer than {LINE_BYTES_MAX} bytes");
        return Err(refused(-32600, Code::PayloadTooLarge, &message));
    };
    let text =
        String::from_utf8(bytes).map_err(|_| refused(-32700, Code::JsonMalformed, "the message is not UTF-8 text"))?;
    if text.trim().is_empty() {
        return Ok(None);
    }
    let frame = Frame::parse(text, LINE_BYTES_MAX);
    frame.map(Some).map_err(|error| refused(error.rpc_code(), error.code(), &error.to_string()))
}

/// A request that never left us may be sent again, and so may one that only asks what there is.
fn may_repeat(frame: &Frame, error: &CallError) -> bool {
    let method = frame.method().unwrap_or_default();
    let asks = matches!(method, "ping" | "server/discover" | "logging/setLevel" | "tasks/get" | "tasks/result")
        || method.ends_with("/list");
    asks || !error.in_doubt()
}

fn unanswered(id: &RpcId, error: &CallError, gone: bool) -> Frame {
    let message = if gone && error.in_doubt() {
        "the Countersign process that carried this call has ended, so its outcome is not known here; \
         `countersign log tail` shows what was recorded, and a call that was waiting for approval can be repeated"
            .to_owned()
    } else {
        error.to_string()
    };
    coded(id, error.code(), &message)
}

fn failure(id: &RpcId, error: &CliError) -> Frame {
    let hint = error.hint.as_ref().map_or_else(String::new, |hint| format!("; {hint}"));
    coded(id, error.code, &format!("{}{hint}", error.message))
}

fn coded(id: &RpcId, code: Code, message: &str) -> Frame {
    Frame::error(Some(id), -32603, message, Some(&serde_json::json!({ "code": code }).to_string()))
}

async fn say(out: &mpsc::Sender<String>, frame: &Frame) {
    // A client that is gone hears nothing more.
    let _ = out.send(frame.text().to_owned()).await;
}

fn pump(mut frames: mpsc::Receiver<Frame>, out: mpsc::Sender<String>) -> JoinHandle<()> {
    tokio::spawn(async move {
        while let Some(frame) = frames.recv().await {
            say(&out, &frame).await;
        }
    })
}

async fn write(mut lines: mpsc::Receiver<String>) {
    use tokio::io::AsyncWriteExt as _;
    let mut stdout = tokio::io::stdout();
    while let Some(line) = lines.recv().await {
        let written = stdout.write_all(format!("{}\n", line.replace(['\n', '\r'], " ")).as_bytes()).await;
        if written.is_err() || stdout.flush().await.is_err() {
            return;
        }
    }
}
