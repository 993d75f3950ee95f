//! A server that speaks 2026-07-28 alone, over stdio and over HTTP: set up and called like any other.

use std::path::Path;

use axum::Json;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::program::{Client, echo, run, script};

/// Answers as a server without sessions does: `initialize` is unknown to it.
fn answer(request: &Value) -> Value {
    let meta = json!({ "io.modelcontextprotocol/serverInfo": { "name": "notes", "version": "1" } });
    let schema = json!({ "type": "object", "properties": {} });
    let tool = json!({ "name": "list_notes", "description": "Lists notes.", "inputSchema": schema,
        "annotations": { "readOnlyHint": true } });
    let result = match request["method"].as_str() {
        Some("server/discover") => {
            json!({ "supportedVersions": ["2026-07-28"], "capabilities": { "tools": {} }, "ttlMs": 0, "cacheScope": "private" })
        }
        Some("tools/list") => json!({ "tools": [tool], "ttlMs": 0, "cacheScope": "private" }),
        Some("tools/call") => json!({ "content": [{ "type": "text", "text": "one note" }] }),
        _ => {
            let error = json!({ "code": -32022, "message": "unsupported", "data": { "supported": ["2026-07-28"], "requested": "2025-11-25" } });
            return json!({ "jsonrpc": "2.0", "id": request["id"], "error": error });
        }
    };
    let mut result = result;
    result["resultType"] = json!("complete");
    result["_meta"] = meta;
    json!({ "jsonrpc": "2.0", "id": request["id"], "result": result })
}

/// Serves over HTTP and returns the URL.
fn over_http() -> String {
    let (say, url) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        tokio::runtime::Runtime::new().unwrap().block_on(async move {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            say.send(format!("http://{}/mcp", listener.local_addr().unwrap())).unwrap();
            let serve = |Json(request): Json<Value>| async move {
                let answer = answer(&request);
                let status = if answer["error"].is_object() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
                (status, Json(answer))
            };
            axum::serve(listener, axum::Router::new().route("/mcp", axum::routing::post(serve))).await.unwrap();
        });
    });
    url.recv().unwrap()
}

/// Writes a program that serves over stdio, and returns its path.
fn over_stdio(dir: &Path) -> String {
    let arm = |method| (method, echo(&answer(&json!({ "id": "ID", "method": method }))));
    script(dir, &["server/discover", "tools/list", "tools/call", "initialize"].map(arm))
}

fn is_set_up_and_called(server: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let words = [&["init", "--json", "--owner", "ana", "--"], server].concat();
    let report = run(dir, &words);
    assert_eq!(report.code, 0, "{}", report.err);
    assert_eq!(report.json()["server"], "notes");
    let mut client = Client::wrap(dir, "notes");
    assert_eq!(client.ask("tools/list", &json!({}))["result"]["tools"][0]["name"], "list_notes");
    let read = client.call("list_notes", &json!({}));
    assert_eq!(read["content"][0]["text"], "one note", "{read}");
    client.finish();
}

#[test]
fn a_server_without_sessions_is_set_up_over_http() {
    is_set_up_and_called(&[&over_http()]);
}

#[test]
fn a_server_without_sessions_is_set_up_over_stdio() {
    let folder = tempfile::tempdir().unwrap();
    is_set_up_and_called(&["sh", &over_stdio(folder.path())]);
}
