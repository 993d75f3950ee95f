//! What agents and web pages send to the MCP gateway, over HTTP and over a pipe.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::HttpBody as _;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use control::door::{Era, GovernedCall};
use gateway::{HttpConfig, HttpGateway, Selection, serve_stdio};
use tokio::io::{AsyncWrite, BufReader};
use tower::ServiceExt as _;
use types::jsonrpc::Frame;

use crate::base::run;
use crate::door::{Door, TOKEN, caller};
use crate::request::{is_local, request};

const BODY_BYTES_MAX: usize = 4096;

/// Says whether every origin of a request is a page of this machine.
fn is_own_page(headers: &HeaderMap) -> bool {
    headers.get_all(header::ORIGIN).iter().all(|origin| {
        let lower = origin.to_str().unwrap_or_default().to_ascii_lowercase();
        let host = lower.strip_prefix("http://").or_else(|| lower.strip_prefix("https://"));
        host.is_some_and(|host| {
            let headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_str(host).unwrap())]);
            is_local(&headers)
        })
    })
}

/// Checks what went through the door: what the agent said of itself is out of it, and it is one strict message.
fn check(call: &GovernedCall) {
    let arguments = types::json::parse(&call.arguments);
    if let Ok(arguments) = &arguments {
        assert!(arguments.get("_countersign").is_none(), "{}", call.arguments);
    }
    let frame = Frame::parse(call.request.text(), usize::MAX).unwrap();
    assert_eq!(frame.kind(), call.request.kind());
    let params: serde_json::Value = serde_json::from_str(frame.member("params").unwrap_or("{}")).unwrap();
    let meta = params.get("_meta").and_then(|meta| meta.as_object());
    assert!(meta.is_none_or(|meta| meta.keys().all(|key| !key.starts_with("countersign.dev/"))), "{params}");
    assert!(call.claims.confidence_bp.is_none_or(|bp| bp <= 10_000));
    assert!(call.headers.iter().flatten().all(|(name, _)| name.starts_with("mcp-param-")));
}

/// Reads the first pieces of a body, without waiting for what is not there yet.
async fn start_of(response: Response) -> Vec<u8> {
    let mut body = response.into_body();
    let mut bytes = Vec::new();
    for _ in 0..8 {
        let next = std::future::poll_fn(|context| match Pin::new(&mut body).poll_frame(context) {
            Poll::Ready(frame) => Poll::Ready(frame),
            Poll::Pending => Poll::Ready(None),
        });
        match next.await {
            Some(Ok(frame)) => bytes.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data)),
            _ => break,
        }
    }
    bytes
}

/// One HTTP request to the gateway: nothing foreign gets in, nothing that an agent says of itself gets through, and every
/// answer is a message or an event.
pub fn gateway_http(bytes: &[u8]) {
    let (era, bytes) = match bytes.split_first() {
        Some((b'<', rest)) => (Era::Stateful, rest),
        _ => (Era::Stateless, bytes),
    };
    let Some(request) = request(bytes, TOKEN) else { return };
    let headers = request.headers().clone();
    let door = Door::new(era);
    let config = HttpConfig {
        body_bytes_max: BODY_BYTES_MAX,
        keep_alive: Duration::from_millis(1),
        ..HttpConfig::new(|| [7; 32])
    };
    let (status, body) = run(async {
        let gateway = HttpGateway::new(Arc::clone(&door), config);
        let answering = gateway.routes().oneshot(request);
        let response =
            tokio::time::timeout(Duration::from_secs(5), answering).await.expect("no answer within 5 s").unwrap();
        let status = response.status();
        let body = start_of(response).await;
        gateway.close().await;
        (status, body)
    });
    assert_ne!(status, StatusCode::INTERNAL_SERVER_ERROR);
    let calls = door.calls.lock().unwrap();
    calls.iter().for_each(check);
    let entered = !calls.is_empty() || !door.clients.lock().unwrap().is_empty();
    assert!(!entered || (is_local(&headers) && is_own_page(&headers)), "{headers:?}");
    let text = std::str::from_utf8(&body).unwrap();
    if text.starts_with('{') {
        assert!(serde_json::from_str::<serde_json::Value>(text).is_ok(), "{text}");
    }
}

/// Collects what is written.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl AsyncWrite for Written {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// A client's whole pipe: every line written back is one message, nothing that an agent says of itself gets through, and
/// the gateway ends when the pipe does.
pub fn gateway_stdio(bytes: &[u8]) {
    let (era, bytes) = match bytes.split_first() {
        Some((b'<', rest)) => (Era::Stateful, rest),
        _ => (Era::Stateless, bytes),
    };
    let door = Door::new(era);
    let written = Written::default();
    run(async {
        let reader = BufReader::with_capacity(64, bytes);
        let serving = serve_stdio(
            Arc::clone(&door),
            (caller(), Default::default()),
            Selection::All,
            reader,
            written.clone(),
            BODY_BYTES_MAX,
        );
        tokio::time::timeout(Duration::from_secs(7), serving).await.expect("no end within 7 s").unwrap();
    });
    door.calls.lock().unwrap().iter().for_each(check);
    let written = written.0.lock().unwrap();
    for line in std::str::from_utf8(&written).unwrap().lines() {
        assert!(Frame::parse(line, usize::MAX).is_ok(), "{line}");
    }
}
