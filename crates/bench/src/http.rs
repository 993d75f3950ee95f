//! The same decisions over HTTP: one keep-alive connection per caller, client and server on the same machine.

use std::net::SocketAddr;
use std::sync::Arc;

use control::Control;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use types::{AgentId, Principal};

use crate::measure::{self, Summary};
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
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(text)?;
    let address = listener.local_addr().map_err(text)?;
    let (router, _) = api::router(control.clone(), api::ApiConfig::default());
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    let each = (20_000 / callers).clamp(100, 2_000);
    let begun = measure::now();
    let mut tasks = Vec::new();
    for caller in 0..callers {
        let agent = AgentId::new(format!("agent-{}", caller % AGENTS)).map_err(text)?;
        let key = control.create_first_key(Principal::Agent(agent), None, "bench").await.map_err(|r| r.message)?;
        tasks.push(tokio::spawn(one_caller(address, key.token, caller, each)));
    }
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await.map_err(text)??);
    }
    let wall = measure::since(begun);
    server.abort();
    Ok(Summary::from_times(times, wall))
}

async fn one_caller(
    address: SocketAddr,
    token: String,
    caller: u32,
    each: u32,
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

    /// Sends a request and reads its whole answer, which must be a 200 that holds `wanted`.
    ///
    /// # Errors
    ///
    /// What the socket says, or the answer that is not the wanted one.
    pub async fn ask(&mut self, request: &str, wanted: &str) -> Result<(), String> {
        self.stream.write_all(request.as_bytes()).await.map_err(text)?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await.map_err(text)? == 0 {
                return Err("the server closed the connection".into());
            }
            let said = std::str::from_utf8(&self.buffer).map_err(text)?;
            let Some((head, body)) = said.split_once("\r\n\r\n") else { continue };
            if length(head).is_none_or(|length| body.len() < length) {
                continue;
            }
            let as_wanted = head.starts_with("HTTP/1.1 200") && body.contains(wanted);
            return if as_wanted { Ok(()) } else { Err(format!("not as wanted: {said}")) };
        }
    }
}

fn length(head: &str) -> Option<usize> {
    head.split_once("content-length: ")?.1.lines().next()?.parse().ok()
}
