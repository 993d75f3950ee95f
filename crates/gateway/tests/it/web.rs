//! HTTP requests against the routes, without a socket.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, BodyDataStream};
use axum::http::{HeaderMap, Request, StatusCode};
use countersign_gateway::{HttpConfig, router};
use futures_util::StreamExt;
use serde_json::Value;
use tower::ServiceExt;

use crate::fake::Door;

pub const INIT: &str = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"c","version":"1"},"odd": 1.0}}"#;

pub struct Web {
    pub door: Arc<Door>,
    pub routes: Router,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    body: BodyDataStream,
    text: String,
}

fn random() -> [u8; 32] {
    use std::sync::atomic::{AtomicU8, Ordering};
    static NEXT: AtomicU8 = AtomicU8::new(1);
    [NEXT.fetch_add(1, Ordering::Relaxed); 32]
}

pub fn web(door: Door) -> Web {
    web_with(door, config())
}

/// Answers plainly where it can, which most tests read more easily.
pub fn config() -> HttpConfig {
    HttpConfig { stream_answers: false, ..HttpConfig::new(random) }
}

pub fn web_with(door: Door, config: HttpConfig) -> Web {
    let door = Arc::new(door);
    let routes = router(Arc::clone(&door), config);
    Web { door, routes }
}

pub fn base(method: &str, path: &str) -> axum::http::request::Builder {
    Request::builder()
        .method(method)
        .uri(path)
        .header("host", "127.0.0.1:8000")
        .header("authorization", "Bearer alpha")
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
}

impl Web {
    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.routes.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        Answer { status: parts.status, headers: parts.headers, body: body.into_data_stream(), text: String::new() }
    }

    /// Opens a session and returns its id.
    pub async fn open(&self, path: &str, init: &str) -> String {
        let answer = self.send(base("POST", path).body(Body::from(init.to_owned())).unwrap()).await;
        assert_eq!(answer.status, 200);
        answer.headers["mcp-session-id"].to_str().unwrap().to_owned()
    }

    /// Posts to a session.
    pub async fn post(&self, session: &str, body: &str) -> Answer {
        let request =
            base("POST", "/mcp").header("mcp-session-id", session).header("mcp-protocol-version", "2025-11-25");
        self.send(request.body(Body::from(body.to_owned())).unwrap()).await
    }

    /// Sends a request as another agent.
    pub async fn as_beta(&self, mut request: Request<Body>) -> Answer {
        request.headers_mut().insert("authorization", "Bearer beta".parse().unwrap());
        self.send(request).await
    }

    /// Reads a session's stream, from after an event if one is named.
    pub async fn get(&self, session: &str, last: Option<&str>) -> Answer {
        let mut request = base("GET", "/mcp").header("mcp-session-id", session);
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// Posts a request of the stateless era, its headers in order.
    pub async fn modern(&self, method: &str, id: u64, params: &str, name: Option<&str>) -> Answer {
        let (request, body) = modern(method, id, params, "{}", name);
        self.send(request.body(Body::from(body)).unwrap()).await
    }
}

pub fn meta(capabilities: &str) -> String {
    format!(
        r#""_meta":{{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{capabilities},"io.modelcontextprotocol/clientInfo":{{"name":"m","version":"1"}},"progressToken":"p1"}}"#
    )
}

/// Builds a request of the stateless era; `params` are members, without braces.
pub fn modern(
    method: &str,
    id: u64,
    params: &str,
    capabilities: &str,
    name: Option<&str>,
) -> (axum::http::request::Builder, String) {
    let tail = if params.is_empty() { String::new() } else { format!(",{params}") };
    let body =
        format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{{{}{tail}}}}}"#, meta(capabilities));
    let mut request = base("POST", "/mcp").header("mcp-protocol-version", "2026-07-28").header("mcp-method", method);
    if let Some(name) = name {
        request = request.header("mcp-name", name);
    }
    (request, body)
}

impl Answer {
    /// Reads the whole body.
    pub async fn all(mut self) -> String {
        while let Some(chunk) = self.body.next().await {
            self.text.push_str(std::str::from_utf8(&chunk.unwrap()).unwrap());
        }
        self.text
    }

    pub async fn value(self) -> Value {
        serde_json::from_str(&self.all().await).unwrap()
    }

    pub fn is_stream(&self) -> bool {
        self.headers.get("content-type").is_some_and(|v| v == "text/event-stream")
    }

    /// Reads the next event: its id and data.
    pub async fn event(&mut self) -> Option<(Option<String>, String)> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.text = rest;
                if event.starts_with(':') {
                    continue;
                }
                let field = |name: &str| event.lines().find_map(|l| l.strip_prefix(name)).map(str::to_owned);
                return Some((field("id: "), field("data: ").unwrap_or_default()));
            }
            let chunk = self.body.next().await?.unwrap();
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// Reads the data of the next event that has any.
    pub async fn data(&mut self) -> Value {
        loop {
            let (_, data) = self.event().await.expect("one more event");
            if !data.is_empty() {
                return serde_json::from_str(&data).unwrap();
            }
        }
    }
}

pub fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}
