//! Every code with which the listener turns a message away before anything is decided, over both transports.

use axum::body::Body;
use control::door::Era;
use countersign_gateway::HttpConfig;
use serde_json::Value;

use crate::fake::{Act, one};
use crate::stdio::wire;
use crate::web::{INIT, Web, base, config, web, web_with};

const FRAMES: [(&str, i64, &str, &str); 10] = [
    ("{", -32700, "json-malformed", ""),
    ("\u{1}", -32700, "json-malformed", ""),
    ("[]", -32600, "mcp-frame-invalid", "batches"),
    (r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, -32600, "mcp-frame-invalid", "batches"),
    (r#"{"jsonrpc":"2.0"}"#, -32600, "mcp-frame-invalid", "JSON-RPC 2.0"),
    (r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, -32600, "mcp-frame-invalid", "JSON-RPC 2.0"),
    (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, -32600, "mcp-frame-invalid", "JSON-RPC 2.0"),
    (r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, -32600, "mcp-frame-invalid", "JSON-RPC 2.0"),
    (r#""ping""#, -32600, "mcp-frame-invalid", "JSON-RPC 2.0"),
    (r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#, -32600, "json-duplicate-key", "twice"),
];

fn check(answer: &Value, rpc: i64, code: &str, says: &str) {
    let error = &answer["error"];
    assert_eq!((error["code"].as_i64(), error["data"]["code"].as_str()), (Some(rpc), Some(code)), "{answer}");
    let message = error["message"].as_str().unwrap();
    assert!(!message.is_empty() && message.contains(says), "{message}");
}

async fn is_alive(web: &Web, session: &str) {
    let call = r#"{"jsonrpc":"2.0","id":99,"method":"tools/call","params":{"name":"t"}}"#;
    assert_eq!(web.post(session, call).await.value().await["result"]["content"][0]["text"], "done");
}

#[tokio::test]
async fn a_frame_that_is_none_is_refused_over_http_and_the_session_goes_on() {
    let web = web(one(Era::Stateful));
    let session = web.open("/mcp", INIT).await;
    for (frame, rpc, code, says) in FRAMES {
        let answer = web.post(&session, frame).await;
        assert_eq!(answer.status, 400, "{frame}");
        check(&answer.value().await, rpc, code, says);
    }
    assert_eq!((web.door.count("call"), web.door.count("relay")), (0, 0));
    is_alive(&web, &session).await;
}

#[tokio::test]
async fn a_frame_that_is_none_is_refused_over_stdio_and_the_next_is_read() {
    let mut wire = wire(one(Era::Stateful));
    wire.open().await;
    for (frame, rpc, code, says) in FRAMES {
        wire.say(frame).await;
        check(&wire.value().await, rpc, code, says);
    }
    wire.say(&"x".repeat(5_000)).await;
    check(&wire.value().await, -32600, "payload-too-large", "");
    wire.say(r#"{"jsonrpc":"2.0","id":5,"method":"ping"}"#).await;
    assert_eq!(wire.value().await["id"], 5);
    assert_eq!(wire.door.count("call"), 0);
}

#[tokio::test]
async fn a_version_that_is_not_served_is_named_with_those_that_are() {
    let web = web(one(Era::Stateful));
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","_meta":{"io.modelcontextprotocol/protocolVersion":"1900-01-01","io.modelcontextprotocol/clientCapabilities":{}}}}"#;
    let request = base("POST", "/mcp").header("mcp-protocol-version", "1900-01-01").header("mcp-method", "tools/call");
    let answer = web.send(request.header("mcp-name", "t").body(Body::from(body)).unwrap()).await;
    assert_eq!(answer.status, 400);
    let answer = answer.value().await;
    check(&answer, -32022, "mcp-version-unsupported", "unsupported protocol version");
    let data = &answer["error"]["data"];
    assert_eq!((data["supported"][0].as_str(), data["requested"].as_str()), (Some("2026-07-28"), Some("1900-01-01")));

    let session = web.open("/mcp", INIT).await;
    let request = base("POST", "/mcp").header("mcp-session-id", &session).header("mcp-protocol-version", "1900-01-01");
    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    let answer = web.send(request.body(Body::from(ping)).unwrap()).await;
    assert_eq!(answer.status, 400);
    check(&answer.value().await, -32600, "mcp-version-unsupported", "`MCP-Protocol-Version`");
    assert_eq!(web.door.count("call"), 0);
    is_alive(&web, &session).await;
}

#[tokio::test]
async fn one_session_too_many_is_refused_and_those_that_are_open_go_on() {
    let web = web_with(one(Era::Stateful), HttpConfig { sessions_max: 1, ..config() });
    let session = web.open("/mcp", INIT).await;
    let answer = web.send(base("POST", "/mcp").body(Body::from(INIT)).unwrap()).await;
    assert!(!answer.headers.contains_key("mcp-session-id"));
    check(&answer.value().await, -32000, "overloaded", "too many sessions");
    is_alive(&web, &session).await;
    let delete = base("DELETE", "/mcp").header("mcp-session-id", &session).body(Body::empty()).unwrap();
    assert_eq!(web.send(delete).await.status, 200);
    web.open("/mcp", INIT).await;
}

#[tokio::test]
async fn one_request_too_many_in_flight_is_refused_and_has_no_effect() {
    let mut wire = wire(one(Era::Stateful).act("tools/call", Act { hangs: true, ..Act::default() }));
    wire.open().await;
    for id in 0..1_024 {
        wire.say(&format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"t"}}}}"#)).await;
    }
    wire.say(r#"{"jsonrpc":"2.0","id":"more","method":"tools/call","params":{"name":"t"}}"#).await;
    let answer = wire.value().await;
    assert_eq!(answer["id"], "more");
    check(&answer, -32000, "overloaded", "too many requests are in flight");
    assert!(wire.door.count("call") <= 1_024);
    wire.say(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}"#).await;
    wire.door.seen("dropped upstream").await;
    wire.say(r#"{"jsonrpc":"2.0","id":"later","method":"ping"}"#).await;
    assert_eq!(wire.value().await["id"], "later");
}

#[tokio::test]
async fn who_may_not_come_in_is_told_why() {
    let web = web_with(one(Era::Stateful), HttpConfig { body_bytes_max: 200, ..config() });
    let session = web.open("/mcp", INIT).await;
    for (name, value, body, status, code) in [
        ("origin", "https://evil.example", INIT.to_owned(), 403, "origin-refused"),
        ("origin", "null", INIT.to_owned(), 403, "origin-refused"),
        ("host", "evil.example", INIT.to_owned(), 403, "origin-refused"),
        ("authorization", "Bearer nobody", INIT.to_owned(), 401, "unauthenticated"),
        ("x", "y", " ".repeat(10 << 20), 413, "payload-too-large"),
        ("mcp-session-id", "0", r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#.to_owned(), 404, "mcp-session-unknown"),
    ] {
        let mut request = base("POST", "/mcp").body(Body::from(body)).unwrap();
        request.headers_mut().insert(name, value.parse().unwrap());
        let answer = web.send(request).await;
        assert_eq!(answer.status, status, "{name}: {value}");
        let text = answer.all().await;
        assert!(text.contains(&format!("\"{code}\"")), "{name}: {value}: {text}");
    }
    is_alive(&web, &session).await;
}
