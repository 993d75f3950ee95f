//! Connections against scripted servers over pipes and HTTP, and inventories from files and rows.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests"
)]

mod calendar;
mod http;
mod inventory;
mod oidc;
mod script;
mod stdio;

use countersign_connectors::mcp::{CallError, Connection};
use tokio::sync::mpsc;
use types::jsonrpc::Frame;

/// Is a client's `initialize` with members and spacing that a typed round trip would lose.
const INITIALIZE: &str =
    r#"{"protocolVersion":"2025-11-25", "capabilities":{"x-own":{ }},"clientInfo":{"name":"c","version":"1"}}"#;

fn frame(text: &str) -> Frame {
    Frame::parse(text, 64 << 20).unwrap()
}

fn tool(id: &str, name: &str) -> Frame {
    frame(&format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"{name}"}}}}"#))
}

async fn ask(connection: &Connection, request: Frame) -> Result<Frame, CallError> {
    let (events, _kept) = mpsc::channel(16);
    connection.request(request, Vec::new(), events).await
}

async fn result_of(connection: &Connection, request: Frame) -> serde_json::Value {
    let answer = ask(connection, request).await.unwrap();
    serde_json::from_str(answer.member("result").unwrap_or_else(|| panic!("{}", answer.text()))).unwrap()
}

fn drained(events: &mut mpsc::Receiver<Frame>) -> Vec<String> {
    std::iter::from_fn(|| events.try_recv().ok()).map(|f| f.text().to_owned()).collect()
}
