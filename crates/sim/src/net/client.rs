//! HTTP as agents and people speak it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use super::scene::Scene;
use super::wire::Connector;

/// Is where the gateway listens.
pub const GATEWAY: &str = "gateway:7717";

/// Speaks HTTP from one host, with one bearer key.
#[derive(Clone)]
pub struct Http {
    client: Client<Connector, Full<Bytes>>,
    token: String,
}

/// Is the head of an answer, and the body to come.
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Incoming,
}

impl Answer {
    /// Says whether it is a stream of events.
    pub fn is_stream(&self) -> bool {
        self.headers.get("content-type").is_some_and(|value| value == "text/event-stream")
    }

    /// Reads the whole body as JSON; `None` if it breaks off.
    pub async fn json(self) -> Option<Value> {
        let bytes = self.body.collect().await.ok()?.to_bytes();
        serde_json::from_slice(&bytes).ok()
    }
}

impl Http {
    /// Speaks from a host as the holder of a key.
    pub fn new(scene: &Arc<Scene>, from: &'static str, holder: &str) -> Self {
        let connector = Connector { from, wires: scene.wires.clone() };
        let mut builder = Client::builder(TokioExecutor::new());
        // Connections of their own, so that the seed says how each ends.
        builder.pool_max_idle_per_host(0);
        Self { client: builder.build(connector), token: scene.tokens[holder].clone() }
    }

    /// Sends a request and waits for the head of its answer; `None` if there is none.
    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Option<Answer> {
        let mut request = Request::builder().method(method).uri(format!("http://{GATEWAY}{path}"));
        request = request.header("authorization", format!("Bearer {}", self.token));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::from(body.to_owned()))).unwrap();
        let (head, body) = self.client.request(request).await.ok()?.into_parts();
        Some(Answer { status: head.status, headers: head.headers, body })
    }

    /// Asks the HTTP contract something and reads the answer; `None` if there is none within so many milliseconds.
    pub async fn ask(&self, method: Method, path: &str, body: Option<&Value>, ms: u64) -> Option<(StatusCode, Value)> {
        let text = body.map(Value::to_string).unwrap_or_default();
        let json = [("content-type", "application/json")];
        let asking = async {
            let answer = self.send(method, path, &json, &text).await?;
            let status = answer.status;
            Some((status, if status == StatusCode::NO_CONTENT { Value::Null } else { answer.json().await? }))
        };
        tokio::time::timeout(Duration::from_millis(ms), asking).await.ok()?
    }
}
