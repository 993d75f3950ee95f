//! The listener over standard input and output: one client, one message per line.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use control::door::{Caller, Era, McpDoor};
use tokio::io::{AsyncBufRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use types::jsonrpc::{Frame, FrameError, FrameKind, RpcId};
use types::{Identity, JsonError, ServerName};

use crate::Selection;
use crate::envelope::{self, Envelope};
use crate::fault::Fault;
use crate::lines::{Line, Lines};
use crate::raw::{RawObject, one_line};
use crate::session::Session;
use crate::tasks::Tasks;

/// Is how long requests in flight may still answer once the client has closed its end.
const GRACE: Duration = Duration::from_secs(5);

/// Serves one client until it closes its end: frames come from `reader`, one per line, and go to `writer`.
///
/// When the client has closed its end, what is held is withdrawn, and what is in flight may answer for 5 s more.
///
/// - `runs`: what the client names that it runs.
/// - `line_bytes_max`: the longest line accepted, in bytes; a longer one is answered with an error and skipped.
///
/// # Errors
///
/// What reading or writing fails with.
pub async fn serve_stdio<D, R, W>(
    door: Arc<D>,
    (caller, runs): (Caller, Identity),
    selection: Selection,
    reader: R,
    writer: W,
    line_bytes_max: usize,
) -> io::Result<()>
where
    D: McpDoor,
    R: AsyncBufRead + Unpin,
    W: AsyncWrite + Unpin + Send + 'static,
{
    let (outbox, frames) = mpsc::channel(64);
    let mut writing = tokio::spawn(write_frames(writer, frames));
    let servers = selection.servers(&door.servers());
    let tasks = Arc::default();
    let mut client =
        Client { door, caller, runs, servers, tasks, outbox, session: None, probing: false, work: JoinSet::new() };
    let mut lines = Lines::new(reader, line_bytes_max);
    let ended = loop {
        tokio::select! {
            line = lines.next() => match line {
                Ok(Some(line)) => client.take(line).await,
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            },
            written = &mut writing => break written.unwrap_or_else(|error| Err(io::Error::other(error))),
        }
    };
    client.end().await;
    finish(writing).await;
    ended
}

/// Waits for the last frames to be written.
async fn finish(writing: JoinHandle<io::Result<()>>) {
    if writing.is_finished() {
        return;
    }
    // The reader of a pipe that no longer reads is not worth waiting for.
    let _ = tokio::time::timeout(GRACE, writing).await;
}

async fn write_frames<W: AsyncWrite + Unpin>(mut writer: W, mut frames: mpsc::Receiver<Frame>) -> io::Result<()> {
    while let Some(frame) = frames.recv().await {
        let mut line = one_line(frame.text());
        line.push('\n');
        writer.write_all(line.as_bytes()).await?;
        writer.flush().await?;
    }
    Ok(())
}

struct Client<D: McpDoor> {
    door: Arc<D>,
    caller: Caller,
    runs: Identity,
    servers: Vec<ServerName>,
    tasks: Arc<Tasks>,
    outbox: mpsc::Sender<Frame>,
    session: Option<Arc<Session<D>>>,
    /// The client has only asked what there is, and may still turn to `initialize`.
    probing: bool,
    work: JoinSet<()>,
}

impl<D: McpDoor> Client<D> {
    async fn take(&mut self, line: Line) {
        while self.work.try_join_next().is_some() {}
        let frame = match read(line) {
            Ok(Some(frame)) => frame,
            Ok(None) => return,
            Err(fault) => return self.say(fault.to_frame(None)).await,
        };
        match frame.kind().clone() {
            FrameKind::Request { id, method } => {
                if let Err(fault) = self.request(frame, &id, &method).await {
                    self.say(fault.to_frame(Some(&id))).await;
                }
            }
            FrameKind::Notification { .. } => {
                if let Some(session) = &self.session {
                    session.notify(frame).await;
                }
            }
            FrameKind::Result { .. } | FrameKind::Error { .. } => {
                if let Some(session) = &self.session {
                    session.respond(frame).await;
                }
            }
        }
    }

    async fn request(&mut self, frame: Frame, id: &RpcId, method: &str) -> Result<(), Fault> {
        let session = match (&self.session, method) {
            (None, "ping") => {
                self.say(Frame::result(id, "{}")).await;
                return Ok(());
            }
            (_, "initialize") if Envelope::of_request(&frame)?.is_none() => return self.initialize(frame).await,
            (Some(session), _) => Arc::clone(session),
            (None, _) => self.begin_stateless(&frame).await?,
        };
        self.probing = self.probing && method == "server/discover";
        let flight = session.flights.begin(id)?;
        let outbox = self.outbox.clone();
        self.work.spawn(async move {
            if let Some(reply) = session.serve(frame, None, outbox.clone(), flight).await {
                // A client that is gone hears nothing more.
                let _ = outbox.send(reply.frame).await;
            }
        });
        Ok(())
    }

    async fn initialize(&mut self, frame: Frame) -> Result<(), Fault> {
        match &self.session {
            Some(session) if session.era() == Era::Stateful => {
                return Err(Fault::new(-32600, 400, types::Code::RequestInvalid, "the session is open already"));
            }
            Some(_) if !self.probing => {
                let requested =
                    frame.member("params").and_then(RawObject::parse).and_then(|p| p.string("protocolVersion"));
                return Err(envelope::unsupported(&requested.unwrap_or_default()));
            }
            Some(_) => self.leave().await,
            None => {}
        }
        let (door, caller, servers) = (Arc::clone(&self.door), self.caller.clone(), self.servers.clone());
        let (tasks, outbox) = (Arc::clone(&self.tasks), self.outbox.clone());
        let (session, answer) = Session::initialize(door, (caller, &self.runs), servers, tasks, &frame, outbox).await?;
        self.session = Some(session);
        self.probing = false;
        self.say(answer).await;
        Ok(())
    }

    async fn begin_stateless(&mut self, frame: &Frame) -> Result<Arc<Session<D>>, Fault> {
        let (door, caller, servers) = (Arc::clone(&self.door), self.caller.clone(), self.servers.clone());
        let (tasks, outbox) = (Arc::clone(&self.tasks), self.outbox.clone());
        let session = Session::stateless(door, (caller, &self.runs), servers, tasks, frame, outbox).await?;
        self.probing = true;
        self.session = Some(Arc::clone(&session));
        Ok(session)
    }

    async fn say(&self, frame: Frame) {
        let _ = self.outbox.send(frame).await;
    }

    async fn leave(&mut self) {
        if let Some(session) = self.session.take() {
            session.close().await;
        }
    }

    /// Ends the session: what is held is withdrawn, what is in flight may still answer for a while.
    async fn end(mut self) {
        if let Some(session) = &self.session {
            session.flights.drain();
        }
        let all = async { while self.work.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(GRACE, all).await;
        self.work.shutdown().await;
        self.leave().await;
    }
}

fn read(line: Line) -> Result<Option<Frame>, Fault> {
    let bytes = match line {
        Line::TooLong => return Err(Fault::too_large()),
        Line::Text(bytes) => bytes,
    };
    let malformed = || Fault::frame(&FrameError::Json(JsonError::Malformed(String::new())));
    let text = String::from_utf8(bytes).map_err(|_| malformed())?;
    if text.trim().is_empty() {
        return Ok(None);
    }
    Frame::parse(text, usize::MAX).map(Some).map_err(|error| Fault::frame(&error))
}
