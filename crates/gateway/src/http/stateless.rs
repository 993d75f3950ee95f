//! Requests of 2026-07-28 over HTTP: each stands for itself, and to disconnect is to withdraw.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};

use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use control::door::{Caller, McpDoor};
use tokio::sync::{OnceCell, mpsc};
use tokio::task::JoinHandle;
use types::jsonrpc::Frame;
use types::{Code, Identity, ServerName};

use super::sse::{self, Style};
use super::stream::{Opening, Stream};
use super::{HttpGateway, Visit, guard, stateful};
use crate::envelope::Envelope;
use crate::fault::Fault;
use crate::idle::{Idle, Use};
use crate::lock;
use crate::raw::RawObject;
use crate::session::{Flight, OPEN_MAX, Session, too_many};

type Key = (Caller, Vec<ServerName>, Identity);

/// Is the journal session that the requests of one caller share.
struct Shared<D: McpDoor> {
    session: OnceCell<Arc<Session<D>>>,
    idle: Arc<Idle>,
}

/// Holds the sessions of the journal that requests without sessions are recorded in.
pub(crate) struct Hub<D: McpDoor> {
    open: Mutex<HashMap<Key, Arc<Shared<D>>>>,
}

impl<D: McpDoor> Default for Hub<D> {
    fn default() -> Self {
        Self { open: Mutex::default() }
    }
}

impl<D: McpDoor> Hub<D> {
    fn take(&self, key: &Key) -> Option<Arc<Shared<D>>> {
        let mut open = lock(&self.open);
        // A request may have come between the end of the wait and this.
        if open.get(key).is_some_and(|shared| shared.idle.is_unused()) { open.remove(key) } else { None }
    }

    /// Ends every session.
    pub(crate) async fn close_all(&self) {
        let all: Vec<Arc<Shared<D>>> = lock(&self.open).drain().map(|(_, shared)| shared).collect();
        for shared in all {
            shared.close().await;
        }
    }
}

impl<D: McpDoor> Shared<D> {
    async fn close(&self) {
        if let Some(session) = self.session.get() {
            session.close().await;
        }
    }
}

/// Takes a request whose headers have passed.
pub(super) async fn post<D: McpDoor>(gateway: &Arc<HttpGateway<D>>, visit: Visit, frame: Frame) -> Response {
    let id = frame.id().cloned();
    let (session, using) = match shared(gateway, &visit, &frame).await {
        Ok(shared) => shared,
        Err(fault) => return sse::json(fault.status, fault.to_frame(id.as_ref()).text().to_owned()),
    };
    let stream = Stream::new(0);
    let running =
        stateful::run(session, frame, Some(kept(&visit.headers)), Flight::unlisted(), Arc::clone(&stream), using);
    // Dropped with the response: a client that disconnects withdraws its request.
    let task = Abort(tokio::spawn(running));
    match stream.opening(gateway.config.keep_alive).await {
        Opening::Answer(text, status) => sse::json(status, text),
        Opening::Nothing => sse::status(StatusCode::ACCEPTED),
        Opening::Frames => {
            let style = Style { ids: false, primed: false, keep_alive: gateway.config.keep_alive };
            sse::events(stream.read(None), style, task)
        }
    }
}

struct Abort(JoinHandle<()>);

impl Drop for Abort {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn shared<D: McpDoor>(
    gateway: &Arc<HttpGateway<D>>,
    visit: &Visit,
    frame: &Frame,
) -> Result<(Arc<Session<D>>, Use), Fault> {
    let servers = visit.selection.servers(&gateway.door.servers());
    let key = (visit.caller.clone(), servers.clone(), visit.runs.clone());
    let (shared, using) = enter(gateway, &key)?;
    let opening = || async {
        // Nobody listens to what belongs to no request: this era has no such stream.
        let (outbox, _) = mpsc::channel(1);
        let (door, tasks) = (Arc::clone(&gateway.door), Arc::clone(&gateway.tasks));
        let session =
            Session::stateless(door, (visit.caller.clone(), &visit.runs), servers, tasks, frame, outbox).await?;
        session.counted_by(&shared.idle);
        tokio::spawn(watch(Arc::downgrade(gateway), key.clone(), Arc::clone(&shared.idle)));
        Ok::<_, Fault>(session)
    };
    let session = shared.session.get_or_try_init(opening).await?;
    Ok((Arc::clone(session), using))
}

fn enter<D: McpDoor>(gateway: &HttpGateway<D>, key: &Key) -> Result<(Arc<Shared<D>>, Use), Fault> {
    let mut open = lock(&gateway.hub.open);
    let own = || open.iter().filter(|((caller, ..), _)| *caller == key.0);
    if own().map(|(_, shared)| shared.idle.uses()).sum::<usize>() >= OPEN_MAX {
        return Err(too_many());
    }
    if !open.contains_key(key) && own().count() >= gateway.config.sessions_max {
        return Err(Fault::new(-32000, 503, Code::Overloaded, "this caller has too many sessions open"));
    }
    let blank = || Arc::new(Shared { session: OnceCell::new(), idle: Arc::default() });
    let shared = Arc::clone(open.entry(key.clone()).or_insert_with(blank));
    let using = shared.idle.begin();
    Ok((shared, using))
}

async fn watch<D: McpDoor>(gateway: Weak<HttpGateway<D>>, key: Key, idle: Arc<Idle>) {
    let Some(span) = gateway.upgrade().map(|gateway| gateway.config.session_idle) else { return };
    loop {
        idle.unused_for(span).await;
        let Some(gateway) = gateway.upgrade() else { return };
        if let Some(shared) = gateway.hub.take(&key) {
            return shared.close().await;
        }
        if !lock(&gateway.hub.open).contains_key(&key) {
            return;
        }
    }
}

/// Returns the headers that repeat arguments.
fn kept(headers: &HeaderMap) -> Vec<(String, String)> {
    let named = headers.iter().filter(|(name, _)| name.as_str().starts_with("mcp-param-"));
    named.filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))).collect()
}

/// Checks the headers that must say what the body says.
///
/// # Errors
///
/// -32020 with status 400 if one is absent or differs.
pub(super) fn check_headers(headers: &HeaderMap, frame: &Frame, envelope: &Envelope) -> Result<(), Fault> {
    let method = frame.method().unwrap_or_default();
    if guard::text(headers, "mcp-protocol-version") != Some(envelope.version.as_str()) {
        return Err(mismatch("`MCP-Protocol-Version` must equal the version in `_meta`"));
    }
    if guard::text(headers, "mcp-method") != Some(method) {
        return Err(mismatch("`Mcp-Method` must equal `method`"));
    }
    let Some((member, required)) = named_by(method) else { return Ok(()) };
    let Some(expected) = frame.member("params").and_then(RawObject::parse).and_then(|params| params.string(member))
    else {
        return Ok(());
    };
    let held = headers.get_all("mcp-name").iter().count();
    match guard::text(headers, "mcp-name") {
        None if held == 0 && !required => Ok(()),
        Some(value) if held == 1 && decoded(value).as_deref() == Some(expected.as_str()) => Ok(()),
        _ => Err(mismatch(&format!("`Mcp-Name` must equal `params.{member}`"))),
    }
}

fn named_by(method: &str) -> Option<(&'static str, bool)> {
    match method {
        "tools/call" | "prompts/get" => Some(("name", true)),
        "resources/read" => Some(("uri", true)),
        "tasks/get" | "tasks/update" | "tasks/cancel" => Some(("taskId", false)),
        _ => None,
    }
}

/// Reads a header value that may be wrapped as `=?base64?…?=`; `None` if the wrapping holds no text.
fn decoded(value: &str) -> Option<String> {
    match value.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?=")) {
        Some(wrapped) => String::from_utf8(STANDARD.decode(wrapped).ok()?).ok(),
        None => Some(value.to_owned()),
    }
}

/// Says that headers and body differ.
pub(super) fn mismatch(message: &str) -> Fault {
    Fault::new(-32020, 400, Code::RequestInvalid, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrapped_header_values_are_read() {
        assert_eq!(decoded("=?base64?SGVsbG8sIOS4lueVjA==?=").as_deref(), Some("Hello, 世界"));
        assert_eq!(decoded("=?BASE64?SGVsbG8=?=").as_deref(), Some("=?BASE64?SGVsbG8=?="));
        assert_eq!(decoded("=?base64?SGVsbG8=").as_deref(), Some("=?base64?SGVsbG8="));
        assert_eq!(decoded("=?base64?***?="), None);
        assert_eq!(decoded("plain name").as_deref(), Some("plain name"));
    }
}
