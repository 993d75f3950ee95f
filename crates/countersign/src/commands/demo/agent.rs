//! The demo's agent alone: it makes the calls of the story against whatever server it is pointed at.

use std::sync::Arc;

use connectors::mcp::{Connection, Limits, Wiring, connect_stateful};
use demo::script::story;
use serde_json::{Value, json};
use types::jsonrpc::Frame;

use super::play::{list_tools, request};
use crate::commands::Done;
use crate::error::{CliError, Exit};
use crate::machine::variable;

/// Makes the calls of the story, in order.
///
/// - `varies`: asks for something else with each number of a run, as an agent does that is not deterministic.
pub(super) async fn run(varies: bool) -> Done {
    let agent = Arc::new(connect().await?);
    list_tools(&agent).await?;
    let number: usize = variable("COUNTERSIGN_INCIDENT_RUN").and_then(|n| n.parse().ok()).unwrap_or(1);
    for scene in story() {
        let params = if varies { varied(scene.call.params(), number) } else { Some(scene.call.params()) };
        if let Some(params) = params {
            request(&agent, "tools/call", &params).await?;
        }
    }
    agent.close().await;
    Ok(Exit::Done)
}

/// Varies a call: another number of replicas in each run, and no mail in every third.
fn varied(mut params: Value, number: usize) -> Option<Value> {
    let tool = params.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    if tool == "draft_mail" && number.is_multiple_of(3) {
        return None;
    }
    if let Some(replicas) = params.pointer_mut("/arguments/replicas") {
        *replicas = json!([12, 6, 8].get(number % 3));
    }
    Some(params)
}

async fn connect() -> Result<Connection, CliError> {
    let url = variable("COUNTERSIGN_INCIDENT_URL").ok_or_else(|| {
        CliError::usage("COUNTERSIGN_INCIDENT_URL is not set; `countersign incident run … -- AGENT` sets it")
    })?;
    let wiring = Wiring { url: Some(url), ..Wiring::default() };
    let hello =
        r#"{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"sre-agent","version":"1.1.0"}}"#;
    let failed = |e: &dyn std::fmt::Display| CliError::machine(format!("the agent cannot reach the server: {e}"));
    let connection = connect_stateful(&wiring, hello, &Limits::default()).await.map_err(|e| failed(&e))?;
    connection.send(Frame::notification("notifications/initialized", None)).await.map_err(|e| failed(&e))?;
    Ok(connection)
}
