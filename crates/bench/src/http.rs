//! The same decisions over HTTP: one keep-alive connection per caller, client and server on the same machine.

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
    address: std::net::SocketAddr,
    token: String,
    caller: u32,
    each: u32,
) -> Result<Vec<std::time::Duration>, String> {
    let mut stream = TcpStream::connect(address).await.map_err(text)?;
    stream.set_nodelay(true).map_err(text)?;
    let body = format!(
        "{{\"tool\":\"bench.look_item\",\"arguments\":{{\"item\":\"item-{}\",\"note\":\"a note of about forty characters\"}},\"confidence\":0.99}}",
        caller % 100
    );
    let request = format!(
        "POST /v1/actions HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut times = Vec::new();
    let mut buffer = Vec::with_capacity(32 << 10);
    for _ in 0..each {
        let one = measure::now();
        stream.write_all(request.as_bytes()).await.map_err(text)?;
        answer(&mut stream, &mut buffer).await?;
        times.push(measure::since(one));
    }
    Ok(times)
}

/// Reads one answer, which must permit.
async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<(), String> {
    buffer.clear();
    loop {
        if stream.read_buf(buffer).await.map_err(text)? == 0 {
            return Err("the server closed the connection".into());
        }
        let said = String::from_utf8_lossy(buffer);
        let Some((head, body)) = said.split_once("\r\n\r\n") else { continue };
        let length =
            head.lines().find_map(|l| l.to_ascii_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok());
        if length.is_some_and(|length| body.len() >= length) {
            let permitted = head.starts_with("HTTP/1.1 200") && body.contains("\"verdict\":\"allow\"");
            return if permitted { Ok(()) } else { Err(format!("not permitted: {said}")) };
        }
    }
}
