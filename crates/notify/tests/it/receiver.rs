//! A receiver on this machine that answers as it is told, and remembers what it got.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use countersign_notify::{Settings, Target};

/// Is how a receiver answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Status(u16),
    RetryAfter(u16, &'static str),
    Redirect(&'static str),
    Hang,
}

/// Is one request as it came.
#[derive(Debug, Clone)]
pub struct Got {
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Got {
    pub fn id(&self) -> String {
        self.header("webhook-id")
    }

    pub fn header(&self, name: &str) -> String {
        self.headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

#[derive(Default)]
struct Shared {
    got: Mutex<Vec<Got>>,
    /// What is answered in turn; 204 once it is used up.
    answers: Mutex<VecDeque<Answer>>,
}

pub struct Receiver {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

impl Receiver {
    pub async fn start(answers: &[Answer]) -> Self {
        let shared = Arc::new(Shared { answers: Mutex::new(answers.iter().copied().collect()), ..Shared::default() });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new().fallback(take).with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { address, shared }
    }

    pub fn got(&self) -> Vec<Got> {
        self.shared.got.lock().unwrap().clone()
    }

    pub fn ids(&self) -> Vec<String> {
        self.got().iter().map(Got::id).collect()
    }

    /// Returns settings with this receiver as the webhook `hook`, which may be in this machine's own network.
    pub fn settings(&self, more: &str) -> Settings {
        settings(&self.address.to_string(), more)
    }

    pub fn target(&self) -> Target {
        self.settings("").targets[0].clone()
    }
}

pub fn settings(host: &str, more: &str) -> Settings {
    let text = format!(
        "[targets.hook]\nkind = \"webhook\"\nurl = \"http://{host}/in\"\nsecret_file = \"secret\"\n\
         events = [\"case-opened\", \"case-asked\", \"case-ended\", \"kill-set\", \"behaviour-unusual\", \"breaker-opened\"]\nallow_private = true\n\
         private = [\"127.0.0.1/32\"]\n{more}"
    );
    Settings::read(&text, &|_| Ok(SECRET.into())).unwrap_or_else(|error| panic!("{error}"))
}

/// Is what every webhook of the tests is signed with.
pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

async fn take(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    shared.got.lock().unwrap().push(Got { headers, body: body.to_vec() });
    let answer = shared.answers.lock().unwrap().pop_front().unwrap_or(Answer::Status(204));
    let status = |code: u16| StatusCode::from_u16(code).unwrap();
    match answer {
        Answer::Status(code) => status(code).into_response(),
        Answer::RetryAfter(code, after) => (status(code), [("retry-after", after)]).into_response(),
        Answer::Redirect(to) => (StatusCode::TEMPORARY_REDIRECT, [("location", to)]).into_response(),
        Answer::Hang => {
            tokio::time::sleep(Duration::from_secs(600)).await;
            StatusCode::NO_CONTENT.into_response()
        }
    }
}

/// Waits until something is so; what never is fails after 30 seconds.
pub async fn until(what: impl Fn() -> bool) {
    for _ in 0..600 {
        if what() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it has not come to that");
}
