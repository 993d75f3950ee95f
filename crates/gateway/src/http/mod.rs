//! The listener over Streamable HTTP: `/mcp` shows every server, `/mcp/{server}` one alone.
//!
//! Both eras are served at once: each message tells by itself which it belongs to.

mod guard;
mod sse;
mod stateful;
mod stateless;
mod stream;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use axum::routing::any;
use control::door::{Caller, McpDoor};
use types::jsonrpc::{Frame, FrameError, FrameKind};
use types::{Code, Identity, JsonError, ServerName};

use crate::Selection;
use crate::envelope::{self, Envelope, STATELESS};
use crate::fault::Fault;
use crate::tasks::Tasks;

/// Says how the listener behaves.
#[derive(Debug, Clone)]
pub struct HttpConfig {
    /// Web origins allowed besides the listener's own, such as `https://app.example`.
    pub origins: Vec<String>,
    /// Host names served besides loopback ones, with or without a port.
    pub hosts: Vec<String>,
    /// The longest body accepted, in bytes.
    pub body_bytes_max: usize,
    /// The time between two comments that keep an idle stream alive; an answer that takes longer becomes a stream.
    pub keep_alive: Duration,
    /// Answers the requests of a session as event streams even where nothing precedes the answer, as the official
    /// SDKs' servers do by default; a client can then resume every answer.
    pub stream_answers: bool,
    /// How long a session lives that nobody uses.
    pub session_idle: Duration,
    /// How many sessions one caller may have open at once.
    pub sessions_max: usize,
    /// Supplies the random bytes of session ids.
    pub random: fn() -> [u8; 32],
}

impl HttpConfig {
    /// Builds a configuration for loopback alone: bodies of 8 MiB at most, comments every 15 s, sessions that live
    /// 30 min unused, 256 of them for each caller.
    pub fn new(random: fn() -> [u8; 32]) -> Self {
        Self {
            origins: Vec::new(),
            hosts: Vec::new(),
            body_bytes_max: 8 << 20,
            keep_alive: Duration::from_secs(15),
            stream_answers: true,
            session_idle: Duration::from_secs(30 * 60),
            sessions_max: 256,
            random,
        }
    }
}

/// Is the listener: its configuration and the sessions that are open.
pub struct HttpGateway<D: McpDoor> {
    door: Arc<D>,
    config: HttpConfig,
    tasks: Arc<Tasks>,
    sessions: Arc<stateful::Sessions<D>>,
    hub: stateless::Hub<D>,
}

/// Builds the routes of a listener that lives as long as they do.
pub fn router<D: McpDoor>(door: Arc<D>, config: HttpConfig) -> Router {
    HttpGateway::new(door, config).routes()
}

impl<D: McpDoor> HttpGateway<D> {
    /// Builds a listener without sessions.
    pub fn new(door: Arc<D>, config: HttpConfig) -> Arc<Self> {
        Arc::new(Self { door, config, tasks: Arc::default(), sessions: Arc::default(), hub: stateless::Hub::default() })
    }

    /// Returns its routes.
    pub fn routes(self: &Arc<Self>) -> Router {
        Router::new().route("/mcp", any(all::<D>)).route("/mcp/{server}", any(one::<D>)).with_state(Arc::clone(self))
    }

    /// Ends every session: what is held is withdrawn, and the journal hears of each.
    pub async fn close(&self) {
        self.sessions.close_all().await;
        self.hub.close_all().await;
    }
}

async fn all<D: McpDoor>(State(gateway): State<Arc<HttpGateway<D>>>, request: Request) -> Response {
    serve(&gateway, Selection::All, request).await
}

async fn one<D: McpDoor>(
    State(gateway): State<Arc<HttpGateway<D>>>,
    Path(server): Path<String>,
    request: Request,
) -> Response {
    let known = ServerName::new(server).ok().filter(|server| gateway.door.servers().contains(server));
    match known {
        Some(server) => serve(&gateway, Selection::One(server), request).await,
        None => match admitted(&gateway, &request) {
            Ok(_) => sse::fault(&Fault::new(-32600, 404, Code::NotFound, "there is no such server here")),
            Err(response) => *response,
        },
    }
}

/// Is one request on its way: who sends it, and to which servers.
struct Visit {
    caller: Caller,
    /// What it names that it runs.
    runs: Identity,
    selection: Selection,
    headers: HeaderMap,
}

async fn serve<D: McpDoor>(gateway: &Arc<HttpGateway<D>>, selection: Selection, request: Request) -> Response {
    let caller = match admitted(gateway, &request) {
        Ok(caller) => caller,
        Err(response) => return *response,
    };
    let (parts, body) = request.into_parts();
    let runs = match guard::runs(&parts.headers) {
        Ok(runs) => runs,
        Err(fault) => return sse::fault(&fault),
    };
    let visit = Visit { caller, runs, selection, headers: parts.headers };
    match parts.method {
        Method::POST => match read(gateway, &visit, body).await {
            Ok(frame) => post(gateway, visit, frame).await,
            Err(fault) => sse::fault(&fault),
        },
        Method::GET => stateful::get(gateway, &visit).unwrap_or_else(|fault| refused_method(&fault)),
        Method::DELETE => stateful::delete(gateway, &visit).await.unwrap_or_else(|fault| refused_method(&fault)),
        _ => refused_method(&Fault::new(-32600, 405, Code::RequestInvalid, "use POST")),
    }
}

/// Checks host, origin and credential, in that order.
fn admitted<D: McpDoor>(gateway: &HttpGateway<D>, request: &Request) -> Result<Caller, Box<Response>> {
    let headers = request.headers();
    guard::admit(&gateway.config, request.uri(), headers).map_err(|fault| Box::new(sse::fault(&fault)))?;
    let token = guard::bearer(headers);
    gateway.door.authenticate(token).map_err(|refusal| {
        let fault = Fault { status: 401, ..Fault::from(refusal) };
        let mut response = sse::fault(&fault);
        let challenge = if token.is_some() { "Bearer error=\"invalid_token\"" } else { "Bearer" };
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        Box::new(response)
    })
}

fn refused_method(fault: &Fault) -> Response {
    let mut response = sse::fault(fault);
    if response.status() == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
    }
    response
}

async fn read<D: McpDoor>(gateway: &HttpGateway<D>, visit: &Visit, body: axum::body::Body) -> Result<Frame, Fault> {
    let both =
        guard::accepts(&visit.headers, "application/json") && guard::accepts(&visit.headers, "text/event-stream");
    if !both {
        let message = "`Accept` must list both `application/json` and `text/event-stream`";
        return Err(Fault::new(-32600, 406, Code::RequestInvalid, message));
    }
    if !guard::is_json(&visit.headers) {
        return Err(Fault::new(-32600, 415, Code::RequestInvalid, "`Content-Type` must be `application/json`"));
    }
    let limit = gateway.config.body_bytes_max;
    let declared = guard::text(&visit.headers, "content-length").and_then(|length| length.parse::<usize>().ok());
    if declared.is_some_and(|length| length > limit) {
        return Err(Fault::too_large());
    }
    let bytes = axum::body::to_bytes(body, limit).await.map_err(|_| Fault::too_large())?;
    let malformed = || Fault::frame(&FrameError::Json(JsonError::Malformed(String::new())));
    let text = String::from_utf8(bytes.to_vec()).map_err(|_| malformed())?;
    Frame::parse(text, limit).map_err(|error| Fault::frame(&error))
}

async fn post<D: McpDoor>(gateway: &Arc<HttpGateway<D>>, visit: Visit, frame: Frame) -> Response {
    let id = frame.id().cloned();
    match lane(&visit, &frame) {
        Ok(Lane::Initialize) => stateful::initialize(gateway, visit, frame).await,
        Ok(Lane::Stateful) => stateful::post(gateway, visit, frame).await,
        Ok(Lane::Stateless(Some(_))) => stateless::post(gateway, visit, frame).await,
        // Nothing that a client may notify of in this era needs an act: it withdraws by closing its connection.
        Ok(Lane::Stateless(None)) => sse::status(StatusCode::ACCEPTED),
        Err(fault) => sse::json(fault.status, fault.to_frame(id.as_ref()).text().to_owned()),
    }
}

/// Says which rules a message goes by.
enum Lane {
    Initialize,
    Stateful,
    Stateless(Option<Envelope>),
}

/// Finds the era of a message; the body counts, the header only cross-checks.
fn lane(visit: &Visit, frame: &Frame) -> Result<Lane, Fault> {
    let header = guard::text(&visit.headers, "mcp-protocol-version");
    let modern = header == Some(STATELESS);
    // A header that contradicts the body is that first, whatever versions the two name.
    if header.zip(envelope::claimed_version(frame).as_deref()).is_some_and(|(header, body)| header != body) {
        return Err(stateless::mismatch("`MCP-Protocol-Version` must equal the version in `_meta`"));
    }
    match frame.kind() {
        FrameKind::Request { method, .. } => match Envelope::of_request(frame)? {
            Some(envelope) => {
                stateless::check_headers(&visit.headers, frame, &envelope)?;
                Ok(Lane::Stateless(Some(envelope)))
            }
            None if method == "initialize" && modern => {
                Err(stateless::mismatch("`initialize` is no method of this version"))
            }
            None if method == "initialize" => Ok(Lane::Initialize),
            None if modern => Err(envelope::no_era()),
            None => Ok(Lane::Stateful),
        },
        FrameKind::Notification { .. } if modern => Ok(Lane::Stateless(None)),
        _ => Ok(Lane::Stateful),
    }
}
