//! A client of the router.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use countersign_api::ApiConfig;
use serde_json::{Value, json};
use testkit::World;
use tower::ServiceExt;

/// Is the router and the world behind it.
pub struct Api {
    pub world: World,
    pub router: Router,
}

/// Is an answer with its body read.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&self.bytes)))
    }

    /// Demands a status and returns the body.
    pub fn is(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", String::from_utf8_lossy(&self.bytes));
        if self.bytes.is_empty() { Value::Null } else { self.json() }
    }

    /// Demands a status of success.
    pub fn succeeds(self, path: &str) {
        assert!(self.status.is_success(), "{path}: {}", String::from_utf8_lossy(&self.bytes));
    }

    /// Demands a problem with a code and returns it.
    pub fn problem(self, status: u16, code: &str) -> Value {
        let kind = self.headers.get(header::CONTENT_TYPE).map(|v| v.to_str().unwrap().to_owned());
        let problem = self.is(status);
        assert_eq!(kind.as_deref(), Some("application/problem+json"));
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["type"], format!("/errors/{code}"));
        assert_eq!(problem["status"], status);
        assert!(!problem["detail"].as_str().unwrap().is_empty() && !problem["title"].as_str().unwrap().is_empty());
        problem
    }
}

/// Returns a request as a well-behaved client makes it.
pub fn request(method: &str, path: &str, token: Option<&str>, body: Option<String>) -> Request<Body> {
    let mut request = Request::builder()
        .method(Method::from_bytes(method.as_bytes()).unwrap())
        .uri(path)
        .header(header::HOST, "127.0.0.1:7717");
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    if body.is_some() {
        request = request.header(header::CONTENT_TYPE, "application/json");
    }
    request.body(body.map_or_else(Body::empty, Body::from)).unwrap()
}

impl Api {
    pub async fn new() -> Self {
        Self::over(testkit::world().await)
    }

    pub fn over(world: World) -> Self {
        let config = ApiConfig {
            allowed_hosts: vec!["gate.example".into()],
            allowed_origins: vec!["https://console.example".into()],
            ..ApiConfig::default()
        };
        let (router, _) = countersign_api::router(Arc::clone(&world.control), config);
        Self { world, router }
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap().to_vec();
        Answer { status: parts.status, headers: parts.headers, bytes }
    }

    /// Sends a request as somebody of the world.
    pub async fn call(&self, who: &str, method: &str, path: &str, body: Option<Value>) -> Answer {
        let token = self.world.token(who).to_owned();
        self.send(request(method, path, Some(&token), body.map(|b| b.to_string()))).await
    }

    /// Asks for something without an end, and returns the status alone.
    pub async fn begin(&self, who: &str, path: &str) -> u16 {
        let request = request("GET", path, Some(self.world.token(who)), None);
        self.head_of(request).await.status.as_u16()
    }

    /// Sends a request and reads the body of a refusal alone, since that of a success may have no end.
    pub async fn head_of(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let refused = !parts.status.is_success();
        let bytes = if refused { to_bytes(body, usize::MAX).await.unwrap().to_vec() } else { Vec::new() };
        Answer { status: parts.status, headers: parts.headers, bytes }
    }

    pub async fn get(&self, who: &str, path: &str) -> Answer {
        self.call(who, "GET", path, None).await
    }

    pub async fn post(&self, who: &str, path: &str, body: Value) -> Answer {
        self.call(who, "POST", path, Some(body)).await
    }

    /// Sends a text as the body of a proposal.
    pub async fn text(&self, who: &str, text: impl Into<String>) -> Answer {
        let token = self.world.token(who).to_owned();
        self.send(request("POST", "/v1/actions", Some(&token), Some(text.into()))).await
    }

    /// Proposes an action as `sre-bot`.
    pub async fn propose(&self, tool: &str, arguments: Value) -> Value {
        self.post("sre-bot", "/v1/actions", json!({ "tool": tool, "arguments": arguments })).await.is(200)
    }

    /// Proposes what people must decide and returns the case as `person` sees it.
    pub async fn case(&self, tool: &str, arguments: Value, person: &str) -> Value {
        let answer = self.propose(tool, arguments).await;
        assert_eq!(answer["verdict"], "escalate", "{answer}");
        let id = answer["approval"]["id"].as_str().unwrap();
        self.get(person, &format!("/v1/approvals/{id}")).await.is(200)
    }

    /// Votes on a case that was shown.
    pub async fn vote(&self, who: &str, shown: &Value, vote: &str) -> Answer {
        let path = format!("/v1/approvals/{}/votes", shown["id"].as_str().unwrap());
        self.post(who, &path, json!({ "vote": vote, "reason": "looked at it", "shown": shown["shown"] })).await
    }
}

/// Says whether an answer has a finding with a code.
pub fn found(answer: &Value, code: &str) -> bool {
    answer["findings"].as_array().unwrap().iter().any(|finding| finding["code"] == code)
}
