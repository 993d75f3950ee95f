//! Sessions over HTTP, up to 2025-11-25: opened by `initialize`, named by a header, taken up again after a break.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};

use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use control::door::{Caller, McpDoor};
use tokio::sync::mpsc;
use types::jsonrpc::{Frame, FrameKind};
use types::{Code, Identity};

use super::sse::{self, Style};
use super::stream::{Opening, Stream};
use super::{HttpGateway, Visit, guard};
use crate::Selection;
use crate::envelope::{PRIMED_SINCE, STATEFUL};
use crate::fault::Fault;
use crate::idle::{Idle, Use};
use crate::lock;
use crate::raw::one_line;
use crate::session::{Flight, Session};

const SESSION: &str = "mcp-session-id";

/// Limits how many streams of one session can be taken up again.
const STREAMS_MAX: usize = 32;

/// Is one session as HTTP sees it.
struct Open<D: McpDoor> {
    session: Arc<Session<D>>,
    runs: Identity,
    selection: Selection,
    /// Carries what belongs to no request.
    standalone: Arc<Stream>,
    streams: Mutex<VecDeque<Arc<Stream>>>,
    serial: AtomicU64,
    idle: Arc<Idle>,
    _seat: Seat<D>,
}

/// Holds the sessions that are open, by id.
pub(crate) struct Sessions<D: McpDoor> {
    open: Mutex<HashMap<String, Arc<Open<D>>>>,
    /// How many sessions each caller has, with those that are being opened.
    seated: Mutex<HashMap<Caller, usize>>,
}

/// Is one session's place among its caller's, taken before the session is opened and given up when dropped.
struct Seat<D: McpDoor> {
    sessions: Arc<Sessions<D>>,
    caller: Caller,
}

impl<D: McpDoor> Drop for Seat<D> {
    fn drop(&mut self) {
        let mut seated = lock(&self.sessions.seated);
        match seated.get_mut(&self.caller) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(seated.remove(&self.caller)),
        }
    }
}

impl<D: McpDoor> Default for Sessions<D> {
    fn default() -> Self {
        Self { open: Mutex::default(), seated: Mutex::default() }
    }
}

impl<D: McpDoor> Sessions<D> {
    fn take(&self, id: &str) -> Option<Arc<Open<D>>> {
        lock(&self.open).remove(id)
    }

    /// Takes a place for one more session of a caller; `None` if it has as many as it may.
    fn seat(self: &Arc<Self>, caller: &Caller, max: usize) -> Option<Seat<D>> {
        let mut seated = lock(&self.seated);
        let count = seated.entry(caller.clone()).or_default();
        if *count >= max {
            return None;
        }
        *count += 1;
        Some(Seat { sessions: Arc::clone(self), caller: caller.clone() })
    }

    /// Ends every session.
    pub(crate) async fn close_all(&self) {
        let all: Vec<Arc<Open<D>>> = lock(&self.open).drain().map(|(_, open)| open).collect();
        for open in all {
            open.close().await;
        }
    }
}

impl<D: McpDoor> Open<D> {
    async fn close(&self) {
        self.session.close().await;
        self.standalone.finish(None);
        for stream in lock(&self.streams).drain(..) {
            stream.finish(None);
        }
    }

    fn stream(&self) -> Arc<Stream> {
        Stream::new(self.serial.fetch_add(1, Ordering::Relaxed))
    }

    /// Remembers a stream, so that it can be taken up again.
    fn keep(&self, stream: &Arc<Stream>) {
        let mut streams = lock(&self.streams);
        if streams.len() >= STREAMS_MAX {
            let ended = streams.iter().position(|old| old.has_ended());
            streams.remove(ended.unwrap_or(0));
        }
        streams.push_back(Arc::clone(stream));
    }

    fn kept(&self, number: u64) -> Option<Arc<Stream>> {
        if number == 0 {
            return Some(Arc::clone(&self.standalone));
        }
        lock(&self.streams).iter().find(|stream| stream.number == number).cloned()
    }
}

/// Opens a session.
pub(super) async fn initialize<D: McpDoor>(gateway: &Arc<HttpGateway<D>>, visit: Visit, frame: Frame) -> Response {
    let id = frame.id().cloned();
    // In a task of its own, so that a client that leaves meanwhile leaves no session half open.
    let opened = tokio::spawn(open(Arc::clone(gateway), visit, frame)).await;
    let fault = match opened {
        Ok(Ok((session, answer))) => return with_session(&session, answer),
        Ok(Err(fault)) => fault,
        Err(_) => Fault::new(-32603, 500, Code::Internal, "the session could not be opened"),
    };
    sse::json(200, fault.to_frame(id.as_ref()).text().to_owned())
}

fn with_session(session: &str, answer: Frame) -> Response {
    let mut response = sse::json(200, answer.text().to_owned());
    if let Ok(value) = HeaderValue::from_str(session) {
        response.headers_mut().insert(SESSION, value);
    }
    response
}

async fn open<D: McpDoor>(gateway: Arc<HttpGateway<D>>, visit: Visit, frame: Frame) -> Result<(String, Frame), Fault> {
    let seat = gateway.sessions.seat(&visit.caller, gateway.config.sessions_max);
    let seat =
        seat.ok_or_else(|| Fault::new(-32000, 503, Code::Overloaded, "this caller has too many sessions open"))?;
    let standalone = Stream::new(0);
    let (outbox, frames) = mpsc::channel(64);
    let servers = visit.selection.servers(&gateway.door.servers());
    let (door, tasks) = (Arc::clone(&gateway.door), Arc::clone(&gateway.tasks));
    let (session, answer) =
        Session::initialize(door, (visit.caller, &visit.runs), servers, tasks, &frame, outbox).await?;
    tokio::spawn(forward(frames, Arc::clone(&standalone)));
    let id = hex::encode((gateway.config.random)());
    let open = Arc::new(Open {
        session,
        runs: visit.runs,
        selection: visit.selection,
        standalone,
        streams: Mutex::default(),
        serial: AtomicU64::new(1),
        idle: Arc::default(),
        _seat: seat,
    });
    open.session.counted_by(&open.idle);
    lock(&gateway.sessions.open).insert(id.clone(), Arc::clone(&open));
    tokio::spawn(watch(Arc::downgrade(&gateway), id.clone(), Arc::downgrade(&open), Arc::clone(&open.idle)));
    Ok((id, answer))
}

async fn forward(mut frames: mpsc::Receiver<Frame>, stream: Arc<Stream>) {
    while let Some(frame) = frames.recv().await {
        stream.push(one_line(frame.text())).await;
    }
}

/// Ends a session that nobody has used for a while.
async fn watch<D: McpDoor>(gateway: Weak<HttpGateway<D>>, id: String, open: Weak<Open<D>>, idle: Arc<Idle>) {
    let Some(span) = gateway.upgrade().map(|gateway| gateway.config.session_idle) else { return };
    idle.unused_for(span).await;
    if open.upgrade().is_none() {
        return;
    }
    if let Some(open) = gateway.upgrade().and_then(|gateway| gateway.sessions.take(&id)) {
        open.close().await;
    }
}

/// Finds the session a request names; one of somebody else's, or of another endpoint, does not exist.
fn find<D: McpDoor>(gateway: &HttpGateway<D>, visit: &Visit, absent: u16) -> Result<(String, Arc<Open<D>>), Fault> {
    let Some(id) = guard::text(&visit.headers, SESSION) else {
        let message = format!(
            "`Mcp-Session-Id` is missing: begin with `initialize` (up to {}), or send the metadata of 2026-07-28",
            STATEFUL[0]
        );
        return Err(Fault::new(-32600, absent, Code::RequestInvalid, message));
    };
    let open = lock(&gateway.sessions.open).get(id).cloned();
    // What runs something else is no longer the client that opened it.
    let is_own = |open: &Open<D>| open.session.caller() == &visit.caller && open.runs == visit.runs;
    let own = open.filter(|open| is_own(open) && open.selection == visit.selection);
    let open = own.ok_or_else(|| Fault::new(-32001, 404, Code::McpSessionUnknown, "there is no such session"))?;
    let version = guard::text(&visit.headers, "mcp-protocol-version");
    if version.is_some_and(|version| !STATEFUL.contains(&version)) {
        return Err(Fault::new(
            -32600,
            400,
            Code::McpVersionUnsupported,
            "`MCP-Protocol-Version` names no version of this session",
        ));
    }
    Ok((id.to_owned(), open))
}

/// Takes a message of a session.
pub(super) async fn post<D: McpDoor>(gateway: &Arc<HttpGateway<D>>, visit: Visit, frame: Frame) -> Response {
    let request = frame.id().filter(|_| frame.method().is_some()).cloned();
    let begun = find(gateway, &visit, 400).and_then(|(_, open)| {
        let flight = request.as_ref().map(|id| open.session.flights.begin(id)).transpose()?;
        Ok((open, flight))
    });
    let (open, flight) = match begun {
        Ok(begun) => begun,
        Err(fault) => return sse::json(fault.status, fault.to_frame(request.as_ref()).text().to_owned()),
    };
    let using = open.idle.begin();
    match (frame.kind(), flight) {
        (FrameKind::Request { .. }, Some(flight)) => answer(gateway, &visit, open, frame, flight, using).await,
        (FrameKind::Notification { .. }, _) => {
            open.session.notify(frame).await;
            sse::status(StatusCode::ACCEPTED)
        }
        _ => {
            open.session.respond(frame).await;
            sse::status(StatusCode::ACCEPTED)
        }
    }
}

async fn answer<D: McpDoor>(
    gateway: &HttpGateway<D>,
    visit: &Visit,
    open: Arc<Open<D>>,
    frame: Frame,
    flight: Flight,
    using: Use,
) -> Response {
    let stream = open.stream();
    // In a task of its own: a client that disconnects has not withdrawn its request.
    tokio::spawn(run(Arc::clone(&open.session), frame, None, flight, Arc::clone(&stream), using));
    let opening = match gateway.config.stream_answers {
        true => Opening::Frames,
        false => stream.opening(gateway.config.keep_alive).await,
    };
    match opening {
        // Up to 2025-11-25 the status says nothing about a JSON-RPC error.
        Opening::Answer(text, _) => sse::json(200, text),
        Opening::Nothing => sse::status(StatusCode::ACCEPTED),
        Opening::Frames => {
            open.keep(&stream);
            let style = Style { ids: true, primed: primed(visit, &open), keep_alive: gateway.config.keep_alive };
            sse::events(stream.read(None), style, open.idle.begin())
        }
    }
}

/// Runs a request to its end and puts what comes of it on a stream.
pub(super) async fn run<D: McpDoor, U: Send>(
    session: Arc<Session<D>>,
    frame: Frame,
    headers: Option<Vec<(String, String)>>,
    flight: Flight,
    stream: Arc<Stream>,
    using: U,
) {
    let (out, mut frames) = mpsc::channel(64);
    let mut serving = std::pin::pin!(session.serve(frame, headers, out, flight));
    let reply = loop {
        tokio::select! {
            biased;
            Some(frame) = frames.recv() => stream.push(one_line(frame.text())).await,
            reply = &mut serving => break reply,
        }
    };
    while let Ok(frame) = frames.try_recv() {
        stream.push(one_line(frame.text())).await;
    }
    stream.finish(reply.map(|reply| (one_line(reply.frame.text()), reply.status)));
    drop(using);
}

/// Says whether the client knows events without data: those of 2025-11-25 do.
fn primed<D: McpDoor>(visit: &Visit, open: &Open<D>) -> bool {
    guard::text(&visit.headers, "mcp-protocol-version").unwrap_or(open.session.version()) >= PRIMED_SINCE
}

/// Opens the stream for what belongs to no request, or takes up one that broke.
pub(super) fn get<D: McpDoor>(gateway: &HttpGateway<D>, visit: &Visit) -> Result<Response, Fault> {
    let (_, open) = find(gateway, visit, 405)?;
    if !guard::accepts(&visit.headers, "text/event-stream") {
        return Err(Fault::new(-32600, 406, Code::RequestInvalid, "`Accept` must list `text/event-stream`"));
    }
    let last = guard::text(&visit.headers, "last-event-id");
    let reader = match last {
        None => open.standalone.read(None),
        Some(text) => {
            let found = sse::event_id(text).and_then(|(stream, number)| Some((open.kept(stream)?, number)));
            let gone =
                || Fault::new(-32600, 400, Code::RequestInvalid, "`Last-Event-ID` names no stream that is still kept");
            let (stream, number) = found.ok_or_else(gone)?;
            stream.read(Some(number))
        }
    };
    let style = Style { ids: true, primed: false, keep_alive: gateway.config.keep_alive };
    Ok(sse::events(reader, style, open.idle.begin()))
}

/// Ends a session.
pub(super) async fn delete<D: McpDoor>(gateway: &HttpGateway<D>, visit: &Visit) -> Result<Response, Fault> {
    let (id, open) = find(gateway, visit, 405)?;
    gateway.sessions.take(&id);
    open.close().await;
    Ok(sse::status(StatusCode::OK))
}
