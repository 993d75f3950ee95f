//! A server over a child's pipes: one message per line in each direction.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Mutex as AsyncMutex, mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use types::jsonrpc::{Frame, FrameError, FrameKind, RpcId};
use types::text::escape;

use super::calls::{Answer, Calls, Ticket};
use super::child::{self, Group, Tail};
use super::error::{CallError, ConnectError};
use super::lines::{Line, Lines};
use super::splice;
use super::wiring::{Limits, Wiring};

/// Is how long a cancelled call may still be answered before it counts as lost.
pub(crate) const GRACE: Duration = Duration::from_secs(2);

/// Is how long the end of a child is awaited once its pipes have failed.
const STATUS_AFTER: Duration = Duration::from_millis(500);

/// Is how long the rest of its error output is awaited after that.
const OUTPUT_AFTER: Duration = Duration::from_millis(200);

/// Is how many skipped lines are reported one by one; a server that logs to its output would flood ours.
const REPORTS_MAX: u64 = 10;

/// Is a running child and the calls in flight over its pipes.
pub(crate) struct Stdio {
    limits: Limits,
    stdin: AsyncMutex<Option<ChildStdin>>,
    calls: Mutex<Calls>,
    unsolicited: mpsc::Sender<Frame>,
    closing: watch::Sender<bool>,
    ended: watch::Receiver<Option<String>>,
    greeted: AtomicBool,
    skipped: AtomicU64,
    tail: Arc<Tail>,
}

impl Stdio {
    /// Starts the child and the tasks that listen to it.
    ///
    /// - `shared`: several clients will use the pipe, so their tokens are kept apart too.
    ///
    /// # Errors
    ///
    /// As [`child::spawn`].
    pub(crate) fn start(
        wiring: &Wiring,
        limits: &Limits,
        shared: bool,
        unsolicited: mpsc::Sender<Frame>,
    ) -> Result<Arc<Self>, ConnectError> {
        let mut child = child::spawn(wiring)?;
        let tail = Arc::new(Tail::new(wiring));
        let (say_ended, ended) = watch::channel(None);
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let stdio = Arc::new(Self {
            limits: limits.clone(),
            stdin: AsyncMutex::new(stdin),
            calls: Mutex::new(Calls::new(shared)),
            unsolicited,
            closing: watch::Sender::new(false),
            ended,
            greeted: AtomicBool::new(false),
            skipped: AtomicU64::new(0),
            tail: tail.clone(),
        });
        let drain = tokio::spawn(async move {
            if let Some(stderr) = stderr {
                tail.drain(stderr).await;
            }
        });
        if let Some(stdout) = stdout {
            tokio::spawn(stdio.clone().listen(stdout));
        }
        tokio::spawn(stdio.clone().supervise(child, drain, say_ended));
        Ok(stdio)
    }

    /// Sends a request and waits for its answer, which carries the request's own id.
    pub(crate) async fn call(
        &self,
        session: u64,
        request: &Frame,
        events: mpsc::Sender<Frame>,
        deadline: Option<Instant>,
    ) -> Answer {
        let ticket = self.calls().open(session, request, events)?;
        if let Err(error) = self.write(&ticket.frame, deadline).await {
            self.calls().close(ticket.wire);
            return Err(error);
        }
        self.wait(ticket, deadline).await
    }

    async fn wait(&self, mut ticket: Ticket, deadline: Option<Instant>) -> Answer {
        let lost = |_| CallError::Unknown("the connection ended".into());
        tokio::select! {
            biased;
            answer = &mut ticket.answer => return answer.unwrap_or_else(|e| Err(lost(e))),
            () = until(deadline) => {
                self.calls().close(ticket.wire);
                self.give_up(ticket.wire).await;
                return Err(CallError::Timeout);
            }
            () = ticket.cancelled.notified() => {}
        }
        if let Ok(answer) = tokio::time::timeout(GRACE, &mut ticket.answer).await {
            return answer.unwrap_or_else(|e| Err(lost(e)));
        }
        self.calls().close(ticket.wire);
        Err(CallError::Unknown("it was cancelled, and the server did not answer".into()))
    }

    async fn give_up(&self, wire: u64) {
        let params = format!("{{\"requestId\":{wire},\"reason\":\"time is up\"}}");
        let frame = Frame::notification("notifications/cancelled", Some(&params));
        // The call has failed already; this only spares the server its work.
        let _ = self.write(&frame, Some(Instant::now() + Duration::from_secs(1))).await;
    }

    /// Sends a notification or an answer.
    pub(crate) async fn send(&self, frame: &Frame, deadline: Option<Instant>) -> Result<(), CallError> {
        self.write(frame, deadline).await
    }

    /// Passes on `notifications/cancelled` for a session's request; one that is not in flight needs none.
    pub(crate) async fn cancel(&self, session: u64, id: &RpcId, frame: &Frame) -> Result<(), CallError> {
        let Some((wire, cancelled)) = self.calls().find(session, id) else { return Ok(()) };
        let params = frame.member("params").unwrap_or("{}");
        let params = splice::replace(params, &["requestId"], &wire.to_string());
        let params = params.map_err(|e| CallError::NotSent(e.to_string()))?;
        let sent = self.write(&frame.with_member("params", &params), Some(Instant::now() + GRACE)).await;
        cancelled.notify_one();
        sent
    }

    /// Says that the hello is over: from now on the client answers for itself.
    pub(crate) fn greeted(&self) {
        self.greeted.store(true, Ordering::Relaxed);
    }

    /// Returns how many lines of output were no message.
    pub(crate) fn skipped(&self) -> u64 {
        self.skipped.load(Ordering::Relaxed)
    }

    /// Returns the end of the error output, fit to be shown to an operator.
    pub(crate) fn tail(&self) -> String {
        self.tail.text()
    }

    /// Shows nothing more of what the server writes beside its answers.
    pub(crate) fn hush(&self) {
        self.tail.hush();
    }

    /// Begins the end: nothing more is written, and the child is asked to go.
    pub(crate) fn shut(&self) {
        self.closing.send_replace(true);
    }

    /// Ends the child and waits until it is gone.
    pub(crate) async fn close(&self) {
        self.shut();
        // The supervisor's own patience bounds this wait.
        let _ = self.ended.clone().wait_for(Option::is_some).await;
    }

    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn closed(&self) {
        let _ = self.closing.subscribe().wait_for(|closing| *closing).await;
    }

    async fn write(&self, frame: &Frame, deadline: Option<Instant>) -> Result<(), CallError> {
        let line = one_line(frame.text());
        if line.len() > self.limits.frame_bytes_max {
            return Err(CallError::NotSent(format!("it is longer than {} bytes", self.limits.frame_bytes_max)));
        }
        let mut stdin = tokio::select! {
            biased;
            () = self.closed() => return Err(CallError::Closed("it was closed".into())),
            stdin = self.stdin.lock() => stdin,
            () = until(deadline) => return Err(CallError::NotSent("the server is not reading".into())),
        };
        let Some(pipe) = stdin.as_mut() else { return Err(CallError::Closed("it was closed".into())) };
        let mut written = 0;
        let failure = tokio::select! {
            biased;
            result = write_counted(pipe, line.as_bytes(), &mut written) => match result {
                Ok(()) => return Ok(()),
                Err(error) => Failure::Pipe(error),
            },
            () = self.closed() => Failure::Other("the connection was closed meanwhile"),
            () = until(deadline) => Failure::Other("the server is not reading"),
        };
        if written > 0 || matches!(failure, Failure::Pipe(_)) {
            // Half a line stands in the pipe, or nothing ever will: whatever followed would be misread or lost.
            *stdin = None;
            self.shut();
        }
        // The supervisor wants the pipe too, and what it learns is the reason given here.
        drop(stdin);
        let reason = match failure {
            Failure::Pipe(error) => self.ending(format!("the server's input failed: {error}")).await,
            Failure::Other(reason) => reason.to_owned(),
        };
        Err(if written == 0 { CallError::NotSent(reason) } else { CallError::Unknown(reason) })
    }

    async fn listen(self: Arc<Self>, stdout: ChildStdout) {
        let mut lines = Lines::new(stdout, self.limits.frame_bytes_max);
        let error = loop {
            match lines.next().await {
                Line::Whole(line) => self.take(line).await,
                Line::TooLong => break Some(CallError::TooLarge { bytes_max: self.limits.frame_bytes_max }),
                Line::End => break None,
            }
        };
        let ours = *self.closing.borrow();
        self.shut();
        let reason = match (&error, ours) {
            (Some(error), _) => error.to_string(),
            (None, true) => "it was closed".to_owned(),
            (None, false) => self.death().await,
        };
        self.calls().end(&reason, &error.unwrap_or_else(|| CallError::Unknown(reason.clone())));
    }

    async fn death(&self) -> String {
        let reason = self.ending("the server closed its output".to_owned()).await;
        tracing::warn!(%reason, stderr = %self.tail(), "an upstream server is gone");
        reason
    }

    // A child whose pipe fails has usually ended; its status says more than the pipe does.
    async fn ending(&self, otherwise: String) -> String {
        let mut ended = self.ended.clone();
        let status = tokio::time::timeout(STATUS_AFTER, ended.wait_for(Option::is_some)).await;
        status.ok().and_then(Result::ok).and_then(|s| s.clone()).unwrap_or(otherwise)
    }

    async fn take(&self, line: Vec<u8>) {
        let text = match String::from_utf8(line) {
            Ok(text) if text.trim().is_empty() => return,
            Ok(text) => text,
            Err(_) => return self.skip("it is not UTF-8"),
        };
        // Servers of 2025-03-26 may answer in batches, which clients of that version must accept.
        let texts = if text.starts_with('[') { splice::items(&text).unwrap_or_default() } else { vec![text] };
        if texts.is_empty() {
            self.skip("it is no message");
        }
        for text in texts {
            match Frame::parse(text.as_str(), self.limits.frame_bytes_max) {
                Ok(frame) => self.route(frame).await,
                Err(error) => self.refuse(&text, &error),
            }
        }
    }

    // An answer that breaks the protocol still ends the call it was meant for.
    fn refuse(&self, text: &str, error: &FrameError) {
        let id = splice::at(text, &["id"]).ok().flatten().and_then(RpcId::from_json);
        let is_answer = splice::at(text, &["method"]) == Ok(None);
        let failed =
            id.filter(|_| is_answer).is_some_and(|id| self.calls().fail(&id, CallError::Invalid(error.to_string())));
        if !failed {
            self.skip(&error.to_string());
        }
    }

    fn skip(&self, reason: &str) {
        let count = self.skipped.fetch_add(1, Ordering::Relaxed) + 1;
        if self.tail.is_hushed() {
            return tracing::warn!(count, "skipped a line of a server's output that is no message");
        }
        if count <= REPORTS_MAX {
            tracing::warn!(count, reason = %escape(reason, false), "skipped a line of a server's output that is no message");
        }
    }

    async fn route(&self, frame: Frame) {
        match frame.kind() {
            FrameKind::Result { .. } | FrameKind::Error { .. } => {
                if !self.calls().answer(&frame) {
                    tracing::debug!(id = ?frame.id(), "an answer to no call in flight");
                }
            }
            FrameKind::Request { id, method } if method == "ping" && !self.greeted.load(Ordering::Relaxed) => {
                // A server may ask for a sign of life before it has said hello, when no client can answer yet.
                let deadline = Some(Instant::now() + GRACE);
                let _ = self.write(&Frame::result(id, "{}"), deadline).await;
            }
            FrameKind::Notification { .. } => match self.owner(&frame) {
                Some((events, own)) => deliver(&events, own),
                None if self.calls().is_late(&frame) => tracing::debug!("dropped the progress of a call given up"),
                None => deliver(&self.unsolicited, frame),
            },
            FrameKind::Request { .. } => deliver(&self.unsolicited, frame),
        }
    }

    fn owner(&self, frame: &Frame) -> Option<(mpsc::Sender<Frame>, Frame)> {
        self.calls().owner(frame)
    }

    async fn supervise(self: Arc<Self>, mut child: Child, drain: JoinHandle<()>, ended: watch::Sender<Option<String>>) {
        let group = Group::of(&child);
        let status = tokio::select! {
            status = child.wait() => status.ok(),
            () = self.closed() => {
                self.stdin.lock().await.take();
                child::stop(&mut child, &group).await
            }
        };
        drop(group);
        // Somebody who left the group may hold the pipe open; then what is there must do.
        let _ = tokio::time::timeout(OUTPUT_AFTER, drain).await;
        let status = status.map_or_else(|| "an unknown status".to_owned(), |status| status.to_string());
        ended.send_replace(Some(format!("the server's process ended with {status}")));
    }
}

enum Failure {
    Pipe(std::io::Error),
    Other(&'static str),
}

// One slow reader must not hold up the answers to all others, so what does not fit is lost.
fn deliver(to: &mpsc::Sender<Frame>, frame: Frame) {
    let Err(error) = to.try_send(frame) else { return };
    let left = matches!(error, TrySendError::Closed(_));
    let method = escape(error.into_inner().method().unwrap_or_default(), false);
    if left {
        tracing::debug!(%method, "dropped a server's message to somebody who has left");
    } else {
        tracing::warn!(%method, "dropped a server's message that nobody reads");
    }
}

/// Waits until the deadline; forever without one.
pub(crate) async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

// JSON strings hold no raw line break, so every one stands between tokens, where a blank means the same.
fn one_line(text: &str) -> String {
    let mut line = text.replace(['\n', '\r'], " ");
    line.push('\n');
    line
}

async fn write_counted(pipe: &mut ChildStdin, mut bytes: &[u8], written: &mut usize) -> std::io::Result<()> {
    while !bytes.is_empty() {
        let count = pipe.write(bytes).await?;
        if count == 0 {
            return Err(std::io::ErrorKind::WriteZero.into());
        }
        *written += count;
        bytes = bytes.get(count..).unwrap_or_default();
    }
    Ok(())
}
