//! What Countersign adds to a `tools/call`: the same request to an MCP server directly, and through the gateway.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderName, header};
use axum::routing::post;
use control::Control;
use control::sagas::NewSaga;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use types::saga::{Plan, PlannedStep, STEPS_MAX, SagaState};
use types::{AgentId, Claims};

use crate::http::{self, Client};
use crate::measure::{self, Summary};

const VERSION: &str = "2026-07-28";

/// Is the tool the server lists, as it lists it.
pub const TOOL: &str = r#"{"name":"call_item","description":"reads an item","inputSchema":{"type":"object","required":["item"],"properties":{"item":{"type":"string"},"note":{"type":"string"}}}}"#;

/// Is what the server calls itself.
pub const IDENTITY: &str = "bench/1";

const CALLS: usize = 2_000;

/// Is how many sagas are measured, each with as many steps as one may have.
const SAGAS: usize = 20;

fn text<E: std::fmt::Display>(error: E) -> String {
    error.to_string()
}

/// Starts an MCP server that answers at once, and returns its address.
///
/// # Errors
///
/// What the socket says.
pub async fn server() -> Result<SocketAddr, String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(text)?;
    let address = listener.local_addr().map_err(text)?;
    let app = Router::new().route("/mcp", post(async |body: Bytes| ([JSON], answer(&body))));
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(address)
}

const JSON: (HeaderName, &str) = (header::CONTENT_TYPE, "application/json");

fn answer(body: &[u8]) -> String {
    let request: Value = serde_json::from_slice(body).unwrap_or_default();
    let id = request.get("id").cloned().unwrap_or_default();
    let meta = r#"{"io.modelcontextprotocol/serverInfo":{"name":"bench","version":"1"}}"#;
    let parts = match request.get("method").and_then(Value::as_str) {
        Some("server/discover") => {
            format!(
                r#""supportedVersions":["{VERSION}"],"capabilities":{{"tools":{{}}}},"ttlMs":0,"cacheScope":"private""#
            )
        }
        Some("tools/list") => format!(r#""tools":[{TOOL}],"ttlMs":0,"cacheScope":"private""#),
        _ => r#""content":[{"type":"text","text":"the item"}]"#.to_owned(),
    };
    format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"resultType":"complete","_meta":{meta},{parts}}}}}"#)
}

/// Measures the call, first directly and then through the gateway, one at a time.
///
/// # Errors
///
/// What the sockets say, or the answer that is not the tool's.
pub async fn call(control: &Arc<Control>, direct: SocketAddr) -> Result<[Summary; 2], String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(text)?;
    let gateway = listener.local_addr().map_err(text)?;
    let config = gateway::HttpConfig::new(|| ledger::port::draw(&crate::machine::SystemRandom));
    let router = gateway::router(Arc::new(control.clone()), config);
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });
    let agent = AgentId::new("agent-0").map_err(text)?;
    let key = crate::workload::key(control, agent).await?;
    let alone = measured(direct, "/mcp", "").await?;
    let through = measured(gateway, "/mcp/bench", &format!("Bearer {}", key.token)).await?;
    serving.abort();
    Ok([alone, through])
}

/// Measures the same call as the steps of sagas, one saga after the other: the time of each, by its steps.
///
/// # Errors
///
/// What the saga says, or how it ended otherwise than well.
pub async fn saga(control: &Arc<Control>) -> Result<Summary, String> {
    let step = || -> Result<PlannedStep, String> {
        let tool = "bench.call_item".parse().map_err(text)?;
        Ok(PlannedStep { tool, arguments: json!({ "item": "item-1", "note": "a note" }), check: None })
    };
    let begun = measure::now();
    let mut times = Vec::with_capacity(SAGAS);
    for _ in 0..SAGAS {
        let steps = (0..STEPS_MAX).map(|_| step()).collect::<Result<Vec<_>, _>>()?;
        let agent = AgentId::new("agent-0").map_err(text)?;
        let new = NewSaga { agent, on_behalf_of: None, plan: Plan { steps }, claims: Claims::default(), key: None };
        let one = measure::now();
        let session = control.begin_saga(new).await.map_err(|refusal| refusal.message)?.session;
        loop {
            tokio::time::sleep(Duration::from_millis(2)).await;
            let saga = control.saga(&session).map_err(|refusal| refusal.message)?;
            match saga.saga.state {
                SagaState::Held => break,
                state if state.is_end() => return Err(format!("a saga is {}: {:?}", state.as_str(), saga.why)),
                _ => {}
            }
        }
        times.push(measure::since(one) / u32::try_from(STEPS_MAX).map_err(text)?);
    }
    Ok(Summary::from_times(times, measure::since(begun)))
}

async fn measured(address: SocketAddr, path: &str, authorization: &str) -> Result<Summary, String> {
    let request = request(address, path, authorization);
    let mut client = Client::connect(address).await?;
    for _ in 0..CALLS / 10 {
        client.ask(&request, "the item").await?;
    }
    let begun = measure::now();
    let mut times = Vec::with_capacity(CALLS);
    for _ in 0..CALLS {
        let one = measure::now();
        client.ask(&request, "the item").await?;
        times.push(measure::since(one));
    }
    Ok(Summary::from_times(times, measure::since(begun)))
}

fn request(address: SocketAddr, path: &str, authorization: &str) -> String {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": VERSION,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": { "name": "bench", "version": "1" },
    });
    let params = json!({ "name": "call_item", "arguments": { "item": "item-1", "note": "a note" }, "_meta": meta });
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params }).to_string();
    let headers = [
        ("authorization", authorization),
        ("accept", "application/json, text/event-stream"),
        ("mcp-protocol-version", VERSION),
        ("mcp-method", "tools/call"),
        ("mcp-name", "call_item"),
    ];
    http::post(address, path, &headers, &body)
}
