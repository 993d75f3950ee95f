//! An HTTP server whose answers a test writes, and which remembers what it was asked.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use countersign_connectors::mcp::Wiring;
use futures_util::{StreamExt, stream};
use types::jsonrpc::Frame;

/// Is one request as the server saw it.
#[derive(Debug, Clone)]
pub struct Seen {
    pub verb: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// Returns the MCP method of a POST; `answer` for a client's answer; the verb otherwise.
    pub fn method(&self) -> String {
        match Frame::parse(self.body.as_str(), 64 << 20) {
            Ok(frame) => frame.method().unwrap_or("answer").to_owned(),
            Err(_) => self.verb.clone(),
        }
    }

    pub fn id(&self) -> String {
        Frame::parse(self.body.as_str(), 64 << 20).unwrap().id().unwrap().to_string()
    }
}

type Answer = dyn Fn(&Seen) -> Response + Send + Sync;

#[derive(Clone)]
struct Script {
    answer: Arc<Answer>,
    log: Arc<Mutex<Vec<Seen>>>,
}

/// Is a running server.
pub struct Server {
    url: String,
    log: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    pub async fn start(answer: impl Fn(&Seen) -> Response + Send + Sync + 'static) -> Self {
        let log = Arc::default();
        let script = Script { answer: Arc::new(answer), log: Arc::clone(&log) };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer_one).with_state(script);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, log }
    }

    pub fn wiring(&self) -> Wiring {
        let headers = vec![("authorization".to_owned(), "Bearer hunter22".to_owned())];
        Wiring { url: Some(self.url.clone()), headers, ..Wiring::default() }
    }

    pub fn log(&self) -> Vec<Seen> {
        self.log.lock().unwrap().clone()
    }

    pub fn seen(&self, method: &str) -> Vec<Seen> {
        self.log().into_iter().filter(|s| s.method() == method).collect()
    }

    /// Waits until a request of that method has come.
    pub async fn wait_for(&self, method: &str) -> Seen {
        loop {
            if let Some(seen) = self.seen(method).pop() {
                return seen;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }
}

async fn answer_one(State(script): State<Script>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let text = |v: &axum::http::HeaderValue| v.to_str().unwrap_or("?").to_owned();
    let headers = head.headers.iter().map(|(n, v)| (n.to_string(), text(v))).collect();
    let body = axum::body::to_bytes(body, 64 << 20).await.unwrap();
    let seen = Seen { verb: head.method.to_string(), headers, body: String::from_utf8(body.to_vec()).unwrap() };
    script.log.lock().unwrap().push(seen.clone());
    (script.answer)(&seen)
}

pub fn status(code: u16) -> Response {
    StatusCode::from_u16(code).unwrap().into_response()
}

pub fn typed(code: u16, media: &str, body: impl Into<Body>) -> Response {
    let status = StatusCode::from_u16(code).unwrap();
    (status, [("content-type", media)], body.into()).into_response()
}

pub fn json(code: u16, body: String) -> Response {
    typed(code, "application/json; charset=utf-8", body)
}

/// Answers a request with a result.
pub fn result(seen: &Seen, result: &str) -> Response {
    json(200, format!(r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#, seen.id()))
}

pub fn events(text: impl Into<Body>) -> Response {
    typed(200, "text/event-stream", text)
}

/// Sends events and then breaks the connection.
pub fn broken(text: String) -> Response {
    let cut = stream::once(async {
        // What is not flushed by then would be lost with the connection.
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        Err(std::io::Error::other("cut"))
    });
    events(Body::from_stream(stream::iter([Ok(Bytes::from(text))]).chain(cut)))
}

/// Sends events and then nothing, without an end.
pub fn open(text: String) -> Response {
    let first = stream::iter([Ok::<_, Infallible>(Bytes::from(text))]);
    events(Body::from_stream(first.chain(stream::pending())))
}
