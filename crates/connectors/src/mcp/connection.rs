//! A connection as its users see it, whatever carries it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::value::RawValue;
use tokio::sync::mpsc;
use tokio::time::Instant;
use types::jsonrpc::{Frame, FrameKind, RpcId};

use super::discover::{self, STATELESS_VERSION};
use super::error::{CallError, ConnectError};
use super::http::Http;
use super::listen::listen;
use super::memory::Peer;
use super::splice;
use super::stdio::Stdio;
use super::wiring::{Era, Limits, Wiring};

/// Bounds how many frames outside any request wait for a reader; what comes then over a pipe is lost.
const UNSOLICITED_MAX: usize = 1024;

#[derive(Clone)]
enum Transport {
    Stdio(Arc<Stdio>),
    Http(Arc<Http>),
    Memory(Arc<dyn Peer>),
}

// The tasks of a transport keep it alive; this lets go of it when its last user is gone.
struct Held(Transport);

impl Drop for Held {
    fn drop(&mut self) {
        match &self.0 {
            Transport::Stdio(stdio) => stdio.shut(),
            Transport::Http(http) => http.shut(),
            Transport::Memory(_) => {}
        }
    }
}

/// Is a live connection to one upstream MCP server.
///
/// When the last handle is dropped the connection ends, without waiting; [`Connection::close`] waits.
pub struct Connection {
    held: Arc<Held>,
    era: Era,
    hello: Arc<str>,
    identity: Arc<str>,
    version: Arc<str>,
    request_ms_max: Option<u64>,
    frame_bytes_max: usize,
    session: u64,
    drawn: Arc<AtomicU64>,
    unsolicited: Arc<Mutex<Option<mpsc::Receiver<Frame>>>>,
}

/// Opens a session with `initialize`, whose params are sent exactly as given.
///
/// The caller still owes the server `notifications/initialized`, through [`Connection::send`]; over
/// HTTP the stream for unsolicited frames opens then.
///
/// - `initialize_params`: JSON text.
///
/// # Errors
///
/// Any [`ConnectError`] but [`ConnectError::Version`].
pub async fn connect_stateful(
    wiring: &Wiring,
    initialize_params: &str,
    limits: &Limits,
) -> Result<Connection, ConnectError> {
    if serde_json::from_str::<&RawValue>(initialize_params).is_err() {
        return Err(ConnectError::Invalid("the params of `initialize` are not JSON".into()));
    }
    let opening = Opening::start(wiring, Era::Stateful, limits)?;
    let request = Frame::request(&RpcId::text("countersign-initialize"), "initialize", Some(initialize_params));
    let hello = opening.greet(&request, limits).await?;
    let version = splice::text_at(&hello, &["protocolVersion"]);
    let version = version.ok_or_else(|| ConnectError::Invalid("its hello names no `protocolVersion`".into()))?;
    if let Transport::Http(http) = &opening.held.0 {
        http.agree(&version).map_err(|e| ConnectError::from_call(e, String::new()))?;
    }
    Ok(opening.finish(Era::Stateful, hello, version, limits))
}

/// Opens a connection on which every request stands for itself; its hello is the answer to `server/discover`.
///
/// Several clients may share it, each by a handle of its own: see [`Connection::share`].
///
/// # Errors
///
/// [`ConnectError::Version`] if the server does not speak 2026-07-28; otherwise any other [`ConnectError`].
pub async fn connect_stateless(wiring: &Wiring, limits: &Limits) -> Result<Connection, ConnectError> {
    let opening = Opening::start(wiring, Era::Stateless, limits)?;
    let answer = opening.ask(&discover::request(), limits).await?;
    if discover::verdict(&answer)? != Era::Stateless {
        return Err(ConnectError::Version(format!("it does not speak {STATELESS_VERSION}")));
    }
    let hello = answer.member("result").unwrap_or("{}").to_owned();
    Ok(opening.finish(Era::Stateless, hello, STATELESS_VERSION.to_owned(), limits))
}

struct Opening {
    held: Arc<Held>,
    unsolicited: mpsc::Receiver<Frame>,
    early: mpsc::Sender<Frame>,
}

impl Opening {
    fn start(wiring: &Wiring, era: Era, limits: &Limits) -> Result<Self, ConnectError> {
        let (sender, unsolicited) = mpsc::channel(UNSOLICITED_MAX);
        let early = sender.clone();
        let transport = match &wiring.url {
            Some(_) if !wiring.command.is_empty() => {
                return Err(ConnectError::Wiring("it names both a command and a URL".into()));
            }
            Some(url) => Transport::Http(Http::new(wiring, url, era, limits, sender)?),
            None => Transport::Stdio(Stdio::start(wiring, limits, era == Era::Stateless, sender)?),
        };
        Ok(Self { held: Arc::new(Held(transport)), unsolicited, early })
    }

    async fn ask(&self, request: &Frame, limits: &Limits) -> Result<Frame, ConnectError> {
        let call = call(&self.held.0, 0, request, &[], self.early.clone(), None);
        let answer = tokio::time::timeout(Duration::from_millis(limits.connect_ms_max), call).await;
        let detail = || tail(&self.held.0);
        answer
            .map_err(|_| ConnectError::Timeout { detail: detail() })?
            .map_err(|error| ConnectError::from_call(error, detail()))
    }

    async fn greet(&self, request: &Frame, limits: &Limits) -> Result<String, ConnectError> {
        let answer = self.ask(request, limits).await?;
        match (answer.member("result"), answer.member("error")) {
            (Some(hello), _) => Ok(hello.to_owned()),
            (None, error) => Err(ConnectError::Refused { error: error.unwrap_or_default().to_owned() }),
        }
    }

    fn finish(self, era: Era, hello: String, version: String, limits: &Limits) -> Connection {
        if let Transport::Stdio(stdio) = &self.held.0 {
            stdio.greeted();
        }
        Connection {
            held: self.held,
            era,
            identity: identity_in(&hello).into(),
            hello: hello.into(),
            version: version.into(),
            request_ms_max: limits.request_ms_max,
            frame_bytes_max: limits.frame_bytes_max,
            session: 0,
            drawn: Arc::default(),
            unsolicited: Arc::new(Mutex::new(Some(self.unsolicited))),
        }
    }
}

impl Connection {
    /// Returns a connection of a session to a server in the memory of this process, as a simulation has one.
    ///
    /// - `hello`: what the server would have answered to `initialize`, as JSON text.
    pub fn in_memory(peer: Arc<dyn Peer>, hello: &str, limits: &Limits) -> Self {
        let (early, unsolicited) = mpsc::channel(UNSOLICITED_MAX);
        let version = splice::text_at(hello, &["protocolVersion"]).unwrap_or_default();
        let opening = Opening { held: Arc::new(Held(Transport::Memory(peer))), unsolicited, early };
        opening.finish(Era::Stateful, hello.to_owned(), version, limits)
    }

    /// Returns another handle to the same connection, for another client.
    ///
    /// Request ids are unique within a handle; two handles may use the same ones at the same time.
    pub fn share(&self) -> Self {
        Self {
            held: self.held.clone(),
            era: self.era,
            hello: self.hello.clone(),
            identity: self.identity.clone(),
            version: self.version.clone(),
            request_ms_max: self.request_ms_max,
            frame_bytes_max: self.frame_bytes_max,
            session: self.draw(),
            drawn: self.drawn.clone(),
            unsolicited: self.unsolicited.clone(),
        }
    }

    /// Sends a request and waits for its answer, which carries the request's own id.
    ///
    /// Frames that belong to the request and come before the answer go to `events`: over HTTP all of its
    /// stream, over a pipe its progress and its subscription. Over HTTP a full `events` holds the stream
    /// up; over a pipe what does not fit is lost, because others wait behind it. Dropping the future neither
    /// recalls nor cancels the request: say [`Connection::cancel`].
    ///
    /// - `headers`: of the client's request; only `Mcp-Param-*` passes, and only to a stateless server.
    ///
    /// # Errors
    ///
    /// [`CallError`]; see [`CallError::in_doubt`] for whether the request may have taken effect.
    pub async fn request(
        &self,
        frame: Frame,
        headers: Vec<(String, String)>,
        events: mpsc::Sender<Frame>,
    ) -> Result<Frame, CallError> {
        if !matches!(frame.kind(), FrameKind::Request { .. }) {
            return Err(CallError::NotSent("it is no request".into()));
        }
        let (transport, session, deadline) = (self.held.0.clone(), self.session, self.deadline());
        if let Transport::Memory(peer) = &transport {
            return peer.call(frame).await;
        }
        // A task of its own, so that nobody's impatience can cut a message in two.
        let task = tokio::spawn(async move { call(&transport, session, &frame, &headers, events, deadline).await });
        task.await.unwrap_or_else(|_| Err(CallError::Unknown("the call was aborted".into())))
    }

    /// Sends a notification, or the client's answer to a request of the server's; `notifications/cancelled` as [`Connection::cancel`].
    ///
    /// # Errors
    ///
    /// [`CallError`]; a request is [`CallError::NotSent`].
    pub async fn send(&self, frame: Frame) -> Result<(), CallError> {
        if matches!(frame.kind(), FrameKind::Request { .. }) {
            return Err(CallError::NotSent("a request needs somebody who waits for its answer".into()));
        }
        let connection = self.share_as(self.session);
        let task = tokio::spawn(async move { connection.pass(&frame).await });
        task.await.unwrap_or_else(|_| Err(CallError::Unknown("the message was aborted".into())))
    }

    /// Cancels a request of this handle; one that is not in flight is left alone.
    ///
    /// Says so to the server over a pipe and in a session, and ends the stream of a stateless request. The
    /// request's own future ends with its answer if that still comes within 2 s, else as [`CallError::Unknown`].
    ///
    /// # Errors
    ///
    /// [`CallError`] if the server could not be told.
    pub async fn cancel(&self, id: &RpcId, reason: Option<&str>) -> Result<(), CallError> {
        let reason = reason.map(|r| format!(",\"reason\":{}", serde_json::Value::from(r))).unwrap_or_default();
        let params = format!("{{\"requestId\":{id}{reason}}}");
        self.send(Frame::notification("notifications/cancelled", Some(&params))).await
    }

    /// Hands out the frames the server sends outside any request; `None` after the first call on any handle.
    ///
    /// Over a pipe these are also the server's own requests, whose ids are untouched.
    pub fn unsolicited(&self) -> Option<mpsc::Receiver<Frame>> {
        self.unsolicited.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Sends nothing more over HTTP once `stands` says that the server is gone: whoever has its address then is sent no
    /// credential. A child process cannot be taken for another.
    pub fn only_while(&self, stands: impl Fn() -> bool + Send + Sync + 'static) {
        if let Transport::Http(http) = &self.held.0 {
            http.only_while(stands);
        }
    }

    /// Ends the connection for every handle; calls in flight end as [`CallError::Unknown`].
    ///
    /// Waits until a child is gone, at most 4 s until it is killed, or until a session is deleted, at most 2 s.
    pub async fn close(&self) {
        match &self.held.0 {
            Transport::Stdio(stdio) => stdio.close().await,
            Transport::Http(http) => http.close().await,
            Transport::Memory(_) => {}
        }
    }

    /// Returns the generation of the protocol it speaks.
    pub fn era(&self) -> Era {
        self.era
    }

    /// Returns the protocol version it speaks.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Returns what the server answered to `initialize` or `server/discover`: the result's JSON text, as it came.
    pub fn hello(&self) -> &str {
        &self.hello
    }

    /// Shows nobody what a child writes to its error output from now on: it is about to be sent secrets.
    pub fn hush(&self) {
        if let Transport::Stdio(stdio) = &self.held.0 {
            stdio.hush();
        }
    }

    /// Returns what the server calls itself: `name/version`, either part empty where it says none.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// Returns the end of a child's error output, escaped and without the wiring's secrets, for operators only.
    pub fn error_output(&self) -> String {
        tail(&self.held.0)
    }

    /// Returns how many lines of a child's output were no message.
    pub fn skipped_lines(&self) -> u64 {
        match &self.held.0 {
            Transport::Stdio(stdio) => stdio.skipped(),
            Transport::Http(_) | Transport::Memory(_) => 0,
        }
    }

    pub(crate) fn frame_bytes_max(&self) -> usize {
        self.frame_bytes_max
    }

    /// Draws an id for a request of our own, which neither a client nor the gateway uses.
    pub(crate) fn own_id(&self) -> RpcId {
        RpcId::text(&format!("countersign-link-{}", self.draw()))
    }

    fn draw(&self) -> u64 {
        self.drawn.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn share_as(&self, session: u64) -> Self {
        Self { session, ..self.share() }
    }

    fn deadline(&self) -> Option<Instant> {
        self.request_ms_max.map(|ms| Instant::now() + Duration::from_millis(ms))
    }

    async fn pass(&self, frame: &Frame) -> Result<(), CallError> {
        let (session, deadline) = (self.session, self.deadline());
        match (&self.held.0, cancelled_in(frame)) {
            // Nobody there listens to what is no request.
            (Transport::Memory(_), _) => Ok(()),
            (Transport::Stdio(stdio), Some(id)) => stdio.cancel(session, &id, frame).await,
            (Transport::Stdio(stdio), None) => stdio.send(frame, deadline).await,
            (Transport::Http(http), Some(id)) => http.cancel(session, &id, frame).await,
            (Transport::Http(http), None) => {
                http.send(frame, deadline).await?;
                let initialized = frame.method() == Some("notifications/initialized");
                if self.era == Era::Stateful && initialized && http.begin_listening() {
                    tokio::spawn(listen(http.clone()));
                }
                Ok(())
            }
        }
    }
}

async fn call(
    transport: &Transport,
    session: u64,
    frame: &Frame,
    headers: &[(String, String)],
    events: mpsc::Sender<Frame>,
    deadline: Option<Instant>,
) -> Result<Frame, CallError> {
    match transport {
        Transport::Stdio(stdio) => stdio.call(session, frame, events, deadline).await,
        Transport::Http(http) => Ok(http.call(session, frame, headers, &events, deadline).await?.frame),
        Transport::Memory(peer) => peer.call(frame.clone()).await,
    }
}

fn cancelled_in(frame: &Frame) -> Option<RpcId> {
    let params = frame.member("params").filter(|_| frame.method() == Some("notifications/cancelled"))?;
    RpcId::from_json(splice::at(params, &["requestId"]).ok()??)
}

fn tail(transport: &Transport) -> String {
    match transport {
        Transport::Stdio(stdio) => stdio.tail(),
        Transport::Http(_) | Transport::Memory(_) => String::new(),
    }
}

/// Reads what a server calls itself from its hello, as `name/version`; what it does not say is empty.
///
/// A stateless server names itself in `_meta`; earlier drafts of that version did at the top, as stateful ones do.
pub fn identity_in(hello: &str) -> String {
    let part = |name: &str| {
        let meta = splice::text_at(hello, &["_meta", "io.modelcontextprotocol/serverInfo", name]);
        meta.or_else(|| splice::text_at(hello, &["serverInfo", name])).unwrap_or_default()
    };
    format!("{}/{}", part("name"), part("version"))
}
