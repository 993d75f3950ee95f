//! Calling a tool in our own name, as to see a state before and after somebody's action.

use serde_json::Value;
use tokio::sync::mpsc;
use types::jsonrpc::Frame;

use super::connection::Connection;
use super::error::CallError;
use super::wiring::Era;
use super::{discover, splice};

/// Writes the request that calls a tool.
pub fn tool_request(connection: &Connection, tool: &str, arguments: &Value) -> Frame {
    let meta = (connection.era() == Era::Stateless).then(|| format!(",\"_meta\":{}", discover::meta()));
    let (tool, arguments) = (Value::String(tool.to_owned()), types::json::canonical(arguments));
    let params = format!("{{\"name\":{tool},\"arguments\":{arguments}{}}}", meta.unwrap_or_default());
    Frame::request(&connection.own_id(), "tools/call", Some(&params))
}

/// Calls a tool that only reads, and returns its result as JSON text.
///
/// - `headers`: those in which its arguments are repeated.
///
/// # Errors
///
/// What [`Connection::request`] says; [`CallError::Invalid`] if the tool or the server answers with an error.
pub async fn read_with_tool(
    connection: &Connection,
    tool: &str,
    arguments: &Value,
    headers: Vec<(String, String)>,
) -> Result<String, CallError> {
    // Progress was not asked for.
    let (events, _) = mpsc::channel(1);
    let answer = connection.request(tool_request(connection, tool, arguments), headers, events).await?;
    let refused = |text: String| CallError::Invalid(format!("`{tool}` says: {}", types::text::escape(&text, false)));
    if let Some(error) = answer.member("error") {
        return Err(refused(splice::text_at(error, &["message"]).unwrap_or_default()));
    }
    let result = answer.member("result").unwrap_or("null");
    match splice::at(result, &["isError"]) {
        Ok(Some("true")) => Err(CallError::Failed(failure(result))),
        _ => Ok(result.to_owned()),
    }
}

/// Reads what a tool says of its failure: its first text.
fn failure(result: &str) -> String {
    let result: Value = serde_json::from_str(result).unwrap_or_default();
    result.pointer("/content/0/text").and_then(Value::as_str).unwrap_or_default().to_owned()
}
