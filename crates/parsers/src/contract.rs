//! What anybody sends to the HTTP contract.

use std::cell::RefCell;

use api::ApiConfig;
use axum::Router;
use axum::body::to_bytes;
use axum::http::{StatusCode, header};
use tower::ServiceExt as _;

use crate::base::run;
use crate::request::{is_local, request};

/// How many requests one application answers before a fresh one takes its place, so that its journal stays small.
const REQUESTS_MAX: u32 = 5_000;

struct Running {
    world: testkit::World,
    router: Router,
    answered: u32,
}

impl Running {
    async fn start() -> Self {
        let world = testkit::world().await;
        let config = ApiConfig { body_bytes_max: 4096, ..ApiConfig::default() };
        let (router, _) = api::router(world.control.clone(), config);
        Self { world, router, answered: 0 }
    }
}

thread_local! {
    static RUNNING: RefCell<Option<Running>> = const { RefCell::new(None) };
}

/// One request to a running application: a foreign host or page is refused, nothing is an internal error, and every refusal
/// is a problem with a code.
///
/// The first byte names who asks.
pub fn contract(bytes: &[u8]) {
    let Some((who, bytes)) = bytes.split_first() else { return };
    let mut running = RUNNING.take().filter(|running| running.answered < REQUESTS_MAX);
    let current = running.get_or_insert_with(|| run(Running::start()));
    current.answered += 1;
    let names: Vec<&String> = current.world.tokens.keys().collect();
    let token = current.world.token(names[usize::from(*who) % names.len()]).to_owned();
    if let Some(request) = request(bytes, &token) {
        let headers = request.headers().clone();
        let (parts, body) = run(async {
            let (parts, body) = current.router.clone().oneshot(request).await.unwrap().into_parts();
            (parts, to_bytes(body, usize::MAX).await.unwrap())
        });
        assert_ne!(parts.status, StatusCode::INTERNAL_SERVER_ERROR, "{}", String::from_utf8_lossy(&body));
        if !is_local(&headers) || headers.contains_key(header::ORIGIN) {
            assert_eq!(parts.status, StatusCode::FORBIDDEN);
        }
        if parts.status.is_client_error() {
            let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
            let code = problem["code"].as_str().unwrap();
            assert!(code.parse::<types::Code>().is_ok(), "{problem}");
        }
    }
    RUNNING.set(running);
}
