//! The same decisions over HTTP: one keep-alive connection per caller, client and server on the same machine.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use control::Control;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use types::AgentId;

use crate::measure::{self, Summary};
use crate::raw::{Group, Rows};
use crate::workload::AGENTS;

fn text<E: std::fmt::Display>(error: E) -> String {
    error.to_string()
}

/// Measures `POST /v1/actions` with so many connections, each of an agent with its own key.
///
/// # Errors
///
/// What the socket or the server say.
pub async fn decide(control: &Arc<Control>, callers: u32) -> Result<Summary, String> {
    let (router, _) = api::router(control.clone(), api::ApiConfig::default());
    let mut tokens = Vec::new();
    for caller in 0..callers {
        let agent = AgentId::new(format!("agent-{}", caller % AGENTS)).map_err(text)?;
        let key = crate::workload::key(control, agent).await?;
        tokens.push(key.token);
    }
    measured(router, &tokens).await
}

/// Measures the floor: the same requests, read as JSON and answered once one row of the same size is durable.
///
/// # Errors
///
/// What the store, the socket or the server say.
pub async fn bare(folder: &Path, callers: u32) -> Result<Summary, String> {
    let group = Group::start(&folder.join(format!("bare-{callers}.db")))?;
    let tokens: Vec<String> = (0..callers).map(|caller| format!("token-{caller}")).collect();
    let router = axum::Router::new().route("/v1/actions", axum::routing::post(add_row)).with_state(group.rows());
    let summary = measured(router, &tokens).await?;
    tokio::task::spawn_blocking(|| group.end()).await.map_err(text)??;
    Ok(summary)
}

async fn add_row(
    State(rows): State<Rows>,
    Json(_): Json<serde_json::Value>,
) -> Result<Json<serde_json::Value>, StatusCode> {
    let added = rows.add().await;
    added.then(|| Json(serde_json::json!({"verdict": "allow"}))).ok_or(StatusCode::SERVICE_UNAVAILABLE)
}

/// Serves a router and asks it over one connection per token.
async fn measured(router: axum::Router, tokens: &[String]) -> Result<Summary, String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(text)?;
    let address = listener.local_addr().map_err(text)?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = axum::serve(listener, router).with_graceful_shutdown(async { drop(stopped.await) });
    let server = tokio::spawn(serving.into_future());
    let each = (20_000 / tokens.len().max(1)).clamp(100, 2_000);
    let begun = measure::now();
    let tasks: Vec<_> =
        (0..).zip(tokens).map(|(n, token)| tokio::spawn(one_caller(address, token.clone(), n, each))).collect();
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await.map_err(text)??);
    }
    let wall = measure::since(begun);
    drop(stop);
    server.await.map_err(text)?.map_err(text)?;
    Ok(Summary::from_times(times, wall))
}

async fn one_caller(
    address: SocketAddr,
    token: String,
    caller: u32,
    each: usize,
) -> Result<Vec<std::time::Duration>, String> {
    let body = format!(
        "{{\"tool\":\"bench.look_item\",\"arguments\":{{\"item\":\"item-{}\",\"note\":\"a note of about forty characters\"}},\"confidence\":0.99}}",
        caller % 100
    );
    let request = post(address, "/v1/actions", &[("authorization", &format!("Bearer {token}"))], &body);
    let mut client = Client::connect(address).await?;
    let mut times = Vec::new();
    for _ in 0..each {
        let one = measure::now();
        client.ask(&request, "\"verdict\":\"allow\"").await?;
        times.push(measure::since(one));
    }
    Ok(times)
}

/// Writes a request with a JSON body.
pub fn post(address: SocketAddr, path: &str, headers: &[(&str, &str)], body: &str) -> String {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\n{headers}content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Is one keep-alive connection that says as little as HTTP lets it, so that the figure is the server's.
pub struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    ///
    /// What the socket says.
    pub async fn connect(address: SocketAddr) -> Result<Self, String> {
        let stream = TcpStream::connect(address).await.map_err(text)?;
        stream.set_nodelay(true).map_err(text)?;
        Ok(Self { stream, buffer: Vec::with_capacity(32 << 10) })
    }

    /// Sends a request and returns the body of its whole answer, which must be a 200 that holds `wanted`.
    ///
    /// # Errors
    ///
    /// What the socket says, or the answer that is not the wanted one.
    pub async fn ask(&mut self, request: &str, wanted: &str) -> Result<&str, String> {
        self.stream.write_all(request.as_bytes()).await.map_err(text)?;
        self.buffer.clear();
        while !is_whole(&self.buffer) {
            if self.stream.read_buf(&mut self.buffer).await.map_err(text)? == 0 {
                return Err("the server closed the connection".into());
            }
        }
        let said = std::str::from_utf8(&self.buffer).map_err(text)?;
        let (head, body) = said.split_once("\r\n\r\n").unwrap_or_default();
        let as_wanted = head.starts_with("HTTP/1.1 200") && body.contains(wanted);
        if as_wanted { Ok(body) } else { Err(format!("not as wanted: {said}")) }
    }
}

/// Says whether an answer has arrived with all of its body. Only its head is read as text, so that a long body costs nothing while it comes.
fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let (head, body) = answer.split_at(end);
    let head = std::str::from_utf8(head).unwrap_or_default();
    length(head).is_none_or(|length| body.len() >= length + 4)
}

/// Returns how long a body is. Servers write the header's name in either case.
fn length(head: &str) -> Option<usize> {
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    let (_, length) = fields.find(|(name, _)| name.eq_ignore_ascii_case("content-length"))?;
    length.trim().parse().ok()
}
