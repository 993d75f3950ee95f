//! A server over Streamable HTTP: each request is a POST of its own, answered by JSON or by a stream.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, Request, Response, StatusCode, Url};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::Instant;
use types::jsonrpc::{Frame, FrameKind, RpcId};

use super::client::{body, client, endpoint, is_stream, media_type};
use super::discover::STATELESS_VERSION;
use super::error::{CallError, ConnectError};
use super::header;
use super::network::{Machine, Network};
use super::stdio::{GRACE, until};
use super::stream::{Place, Stream, frames};
use super::wiring::{Era, Limits, Wiring};

/// Is how often a broken stream is taken up again before its answer counts as lost.
const RESUMES_MAX: u32 = 5;

/// Is the shortest wait before that, so that a server cannot make us ask without pause.
const RESUME_AFTER: Duration = Duration::from_millis(50);

/// Is an answer with the status it came under.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) frame: Frame,
}

enum Admitted {
    Reply(Reply),
    Stream(Response),
}

/// Is an endpoint, and what a session with it has agreed on.
pub(crate) struct Http {
    network: Arc<dyn Network>,
    url: Url,
    era: Era,
    pub(crate) limits: Limits,
    session: OnceLock<HeaderValue>,
    version: OnceLock<HeaderValue>,
    calls: Mutex<BTreeMap<(u64, RpcId), Arc<Notify>>>,
    pub(crate) unsolicited: mpsc::Sender<Frame>,
    closing: watch::Sender<bool>,
    gone: AtomicBool,
    listening: AtomicBool,
    /// Says whether the server it was connected to is still the one that listens there.
    stands: OnceLock<Box<dyn Fn() -> bool + Send + Sync>>,
}

impl Http {
    /// Prepares a connection; nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`ConnectError::Wiring`] for a URL that is not http or https, that names a link-local address, or bad headers.
    pub(crate) fn new(
        wiring: &Wiring,
        url: &str,
        era: Era,
        limits: &Limits,
        unsolicited: mpsc::Sender<Frame>,
    ) -> Result<Arc<Self>, ConnectError> {
        let url = endpoint(url)?;
        let own = header::of_wiring(wiring)?;
        let network = match &wiring.network.0 {
            Some(network) => network.clone(),
            None => Arc::new(Machine(client(own, limits)?)),
        };
        Ok(Arc::new(Self {
            network,
            url,
            era,
            limits: limits.clone(),
            session: OnceLock::new(),
            version: OnceLock::new(),
            calls: Mutex::default(),
            unsolicited,
            closing: watch::Sender::new(false),
            gone: AtomicBool::new(false),
            listening: AtomicBool::new(false),
            stands: OnceLock::new(),
        }))
    }

    /// Sends a request and waits for its answer; what the server sends before it goes to `events`.
    pub(crate) async fn call(
        &self,
        session: u64,
        request: &Frame,
        headers: &[(String, String)],
        events: &mpsc::Sender<Frame>,
        deadline: Option<Instant>,
    ) -> Result<Reply, CallError> {
        let Some(id) = request.id() else { return Err(CallError::NotSent("it has no id".into())) };
        self.is_open()?;
        let post = self.post(request, headers)?;
        let cancelled = self.enter(session, id)?;
        let result = self.race(self.exchange(post, request, id, events), id, deadline, &cancelled).await;
        self.calls().remove(&(session, id.clone()));
        result
    }

    async fn race(
        &self,
        exchange: impl Future<Output = Result<Reply, CallError>>,
        id: &RpcId,
        deadline: Option<Instant>,
        cancelled: &Notify,
    ) -> Result<Reply, CallError> {
        let mut exchange = std::pin::pin!(exchange);
        tokio::select! {
            biased;
            reply = &mut exchange => return reply,
            () = self.closed() => return Err(CallError::Unknown("the connection was closed".into())),
            () = until(deadline) => {
                self.give_up(id).await;
                return Err(CallError::Timeout);
            }
            () = cancelled.notified() => {}
        }
        // Without a session, ending the stream is the cancellation; with one, the server may still answer.
        if self.era == Era::Stateful
            && let Ok(reply) = tokio::time::timeout(GRACE, exchange).await
        {
            return reply;
        }
        Err(CallError::Unknown("it was cancelled before an answer came".into()))
    }

    async fn give_up(&self, id: &RpcId) {
        if self.era == Era::Stateful {
            let params = format!("{{\"requestId\":{id},\"reason\":\"time is up\"}}");
            let frame = Frame::notification("notifications/cancelled", Some(&params));
            // The call has failed already; this only spares the server its work.
            let _ = self.send(&frame, Some(Instant::now() + Duration::from_secs(1))).await;
        }
    }

    async fn exchange(
        &self,
        post: Request,
        request: &Frame,
        id: &RpcId,
        events: &mpsc::Sender<Frame>,
    ) -> Result<Reply, CallError> {
        let response = self.network.send(post).await?;
        if self.era == Era::Stateful && request.method() == Some("initialize") {
            self.keep_session(&response)?;
        }
        match self.admit(response, id).await? {
            Admitted::Reply(reply) => Ok(reply),
            Admitted::Stream(response) => {
                let frame = self.follow(response, id, events).await?;
                Ok(Reply { status: StatusCode::OK, frame })
            }
        }
    }

    async fn follow(&self, response: Response, id: &RpcId, events: &mpsc::Sender<Frame>) -> Result<Frame, CallError> {
        let mut place = Place::default();
        let mut stream = Stream::new(response, self.limits.frame_bytes_max);
        loop {
            while let Some(frame) = stream.next(&mut place).await? {
                match frame.kind() {
                    FrameKind::Result { id: answered } if answered == id => return Ok(frame),
                    FrameKind::Error { id: Some(answered) } if answered == id => return Ok(frame),
                    FrameKind::Error { id: None } => return Ok(frame.with_id(id)),
                    FrameKind::Result { .. } | FrameKind::Error { .. } => {
                        tracing::warn!(answered = ?frame.id(), "a stream carries an answer to another request");
                    }
                    // A receiver that is gone wants no events; the answer may still be wanted.
                    _ => drop(events.send(frame).await),
                }
            }
            stream = Stream::new(self.resume(&place).await?, self.limits.frame_bytes_max);
        }
    }

    async fn resume(&self, place: &Place) -> Result<Response, CallError> {
        let lost = |why: &str| CallError::Unknown(format!("the stream ended before the answer{why}"));
        if self.era == Era::Stateless || place.last_id.is_none() {
            return Err(lost(""));
        }
        let mut wait = place.retry.max(RESUME_AFTER);
        for _ in 0..RESUMES_MAX {
            tokio::time::sleep(wait).await;
            match self.get(place).await {
                Ok(response) if response.status() == StatusCode::OK && is_stream(&response) => return Ok(response),
                Ok(response) if !response.status().is_server_error() => {
                    self.judge(response.status());
                    return Err(lost(&format!(
                        ", and taking it up again gave HTTP status {}",
                        response.status().as_u16()
                    )));
                }
                Ok(_) | Err(_) => wait *= 2,
            }
        }
        Err(lost(", and could not be taken up again"))
    }

    /// Opens a stream with GET: that of no request, or one that was left at `place`.
    pub(crate) async fn get(&self, place: &Place) -> Result<Response, CallError> {
        self.is_open()?;
        let mut get = Request::new(Method::GET, self.url.clone());
        *get.headers_mut() = self.agreed();
        get.headers_mut().insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
        if let Some(id) = &place.last_id {
            let id = HeaderValue::from_bytes(id.as_bytes());
            let id = id.map_err(|_| CallError::Invalid("an event id is no header value".into()))?;
            get.headers_mut().insert(header::LAST_EVENT, id);
        }
        self.network.send(get).await
    }

    /// Sends a notification, or an answer to the server's own request.
    pub(crate) async fn send(&self, frame: &Frame, deadline: Option<Instant>) -> Result<(), CallError> {
        self.is_open()?;
        let post = self.network.send(self.post(frame, &[])?);
        let response = tokio::select! {
            response = post => response?,
            () = until(deadline) => return Err(CallError::Timeout),
        };
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        Err(self.judge(status))
    }

    /// Cancels a session's request: by its notification where there are sessions, by ending its stream where there are none.
    pub(crate) async fn cancel(&self, session: u64, id: &RpcId, frame: &Frame) -> Result<(), CallError> {
        let Some(cancelled) = self.calls().get(&(session, id.clone())).cloned() else { return Ok(()) };
        let sent = match self.era {
            Era::Stateful => self.send(frame, Some(Instant::now() + GRACE)).await,
            Era::Stateless => Ok(()),
        };
        cancelled.notify_one();
        sent
    }

    /// Says which version the session speaks, for the header of every later request.
    ///
    /// # Errors
    ///
    /// [`CallError::Invalid`] if it is no header value.
    pub(crate) fn agree(&self, version: &str) -> Result<(), CallError> {
        let value =
            HeaderValue::from_str(version).map_err(|_| CallError::Invalid("its version is no header value".into()))?;
        // Only the one `initialize` agrees on a version, so there is none to replace.
        let _ = self.version.set(value);
        Ok(())
    }

    /// Says whether this is the first time somebody asks to listen.
    pub(crate) fn begin_listening(&self) -> bool {
        !self.listening.swap(true, Ordering::Relaxed)
    }

    /// Says by what it is known, before anything more is sent, that the server still stands; the first one said counts.
    pub(crate) fn only_while(&self, stands: impl Fn() -> bool + Send + Sync + 'static) {
        // A second one would know no better than the first.
        let _ = self.stands.set(Box::new(stands));
    }

    /// Begins the end: calls in flight fail, nothing more is sent.
    pub(crate) fn shut(&self) {
        self.closing.send_replace(true);
    }

    /// Ends the connection, and the server's session if there is one.
    pub(crate) async fn close(&self) {
        let open = self.is_open().is_ok();
        self.closing.send_replace(true);
        if open && self.session.get().is_some() {
            let mut delete = Request::new(Method::DELETE, self.url.clone());
            *delete.headers_mut() = self.agreed();
            // A server that keeps its sessions (405) or cannot be reached is left alone.
            let _ = tokio::time::timeout(GRACE, self.network.send(delete)).await;
        }
    }

    pub(crate) async fn closed(&self) {
        let _ = self.closing.subscribe().wait_for(|closing| *closing).await;
    }

    fn calls(&self) -> MutexGuard<'_, BTreeMap<(u64, RpcId), Arc<Notify>>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_open(&self) -> Result<(), CallError> {
        if *self.closing.borrow() {
            return Err(CallError::Closed("it was closed".into()));
        }
        if self.gone.load(Ordering::Relaxed) {
            return Err(CallError::Closed("the server has ended the session".into()));
        }
        if self.stands.get().is_some_and(|stands| !stands()) {
            return Err(CallError::Closed("the server has ended".into()));
        }
        Ok(())
    }

    fn enter(&self, session: u64, id: &RpcId) -> Result<Arc<Notify>, CallError> {
        let mut calls = self.calls();
        if calls.contains_key(&(session, id.clone())) {
            return Err(CallError::NotSent(format!("a request with the id {id} is in flight already")));
        }
        Ok(calls.entry((session, id.clone())).or_default().clone())
    }

    fn post(&self, frame: &Frame, headers: &[(String, String)]) -> Result<Request, CallError> {
        let text = frame.text();
        if text.len() > self.limits.frame_bytes_max {
            return Err(CallError::NotSent(format!("it is longer than {} bytes", self.limits.frame_bytes_max)));
        }
        let own = match self.era {
            Era::Stateful => self.agreed(),
            Era::Stateless => header::stateless(frame, headers, STATELESS_VERSION)?,
        };
        let mut post = Request::new(Method::POST, self.url.clone());
        *post.headers_mut() = own;
        post.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        post.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
        *post.body_mut() = Some(text.to_owned().into());
        Ok(post)
    }

    fn agreed(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in [(header::SESSION, &self.session), (header::VERSION, &self.version)] {
            if let Some(value) = value.get() {
                headers.insert(name, value.clone());
            }
        }
        headers
    }

    // "The session ID MUST only contain visible ASCII characters (ranging from 0x21 to 0x7E)."
    fn keep_session(&self, response: &Response) -> Result<(), CallError> {
        let Some(id) = response.headers().get(header::SESSION) else { return Ok(()) };
        if id.is_empty() || !id.as_bytes().iter().all(|b| (0x21..0x7f).contains(b)) {
            return Err(CallError::Invalid("its session id is not visible ASCII".into()));
        }
        let mut id = id.clone();
        id.set_sensitive(true);
        let _ = self.session.set(id);
        Ok(())
    }

    async fn admit(&self, response: Response, id: &RpcId) -> Result<Admitted, CallError> {
        let status = response.status();
        if status.is_success() && is_stream(&response) {
            return Ok(Admitted::Stream(response));
        }
        let is_json = media_type(&response) == "application/json";
        let door = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) || self.is_lost_session(status);
        if door || !is_json {
            return Err(self.judge(status));
        }
        let text = body(response, self.limits.frame_bytes_max).await?;
        match answer_in(&text, id, status, self.limits.frame_bytes_max) {
            Ok(frame) => Ok(Admitted::Reply(Reply { status, frame })),
            Err(error) if status.is_success() => Err(error),
            Err(_) => Err(self.judge(status)),
        }
    }

    fn is_lost_session(&self, status: StatusCode) -> bool {
        status == StatusCode::NOT_FOUND && self.session.get().is_some()
    }

    /// Says what a status without a usable answer means.
    pub(crate) fn judge(&self, status: StatusCode) -> CallError {
        if self.is_lost_session(status) {
            self.gone.store(true, Ordering::Relaxed);
            return CallError::Closed("the server has ended the session".into());
        }
        let code = status.as_u16();
        if status.is_client_error() && status != StatusCode::REQUEST_TIMEOUT {
            return CallError::Refused { status: code };
        }
        if status.is_client_error() || status.is_server_error() {
            return CallError::Unknown(format!("the server answered with HTTP status {code}"));
        }
        if status.is_redirection() {
            return CallError::Invalid(format!("it redirects (HTTP status {code}), which is not followed"));
        }
        CallError::Invalid("its answer is neither JSON nor an event stream".into())
    }
}

fn answer_in(text: &str, id: &RpcId, status: StatusCode, bytes_max: usize) -> Result<Frame, CallError> {
    let frames = frames(text, bytes_max)?;
    let ours = frames.iter().find(|f| f.id() == Some(id) && f.method().is_none());
    if let Some(frame) = ours {
        return Ok(frame.clone());
    }
    match frames.first() {
        Some(frame) if is_for_any_id(frame, status) => Ok(frame.with_id(id)),
        _ => Err(CallError::Invalid("its answer is not to this request".into())),
    }
}

// An error without an id answers the POST it came to, and under a client error's status so does one
// with an id of the server's own making. A server error proves nothing unless it names the request.
fn is_for_any_id(frame: &Frame, status: StatusCode) -> bool {
    match frame.kind() {
        FrameKind::Error { id: None } => !status.is_server_error(),
        FrameKind::Error { id: Some(_) } => status.is_client_error(),
        _ => false,
    }
}
