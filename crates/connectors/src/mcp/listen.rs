//! The stream of a stateful session that belongs to no request, kept open as long as the connection.

use std::sync::Arc;
use std::time::Duration;

use reqwest::StatusCode;
use types::jsonrpc::FrameKind;

use super::client::is_stream;
use super::http::Http;
use super::stream::{Place, Stream};

/// Bounds the wait between attempts to open the stream again.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// Listens until the connection closes, or the server says that it offers no such stream.
pub(crate) async fn listen(http: Arc<Http>) {
    tokio::select! {
        () = http.closed() => {}
        () = keep_listening(&http) => {}
    }
}

async fn keep_listening(http: &Http) {
    let mut place = Place::default();
    let mut failures = 0;
    loop {
        match http.get(&place).await {
            Ok(response) if response.status() == StatusCode::OK && is_stream(&response) => {
                failures = 0;
                read(http, Stream::new(response, http.limits.frame_bytes_max), &mut place).await;
            }
            Ok(response) if !response.status().is_server_error() => {
                let status = response.status();
                // A lost session is noted here, so that the next call need not find out.
                let _ = http.judge(status);
                return tracing::debug!(%status, "the server offers no stream of its own");
            }
            Ok(_) | Err(_) => failures += 1,
        }
        tokio::time::sleep(pause(place.retry, failures)).await;
    }
}

fn pause(retry: Duration, failures: u32) -> Duration {
    let grown = retry.max(Duration::from_millis(100)).saturating_mul(2u32.saturating_pow(failures.min(10)));
    grown.min(WAIT_MAX.max(retry))
}

async fn read(http: &Http, mut stream: Stream, place: &mut Place) {
    loop {
        match stream.next(place).await {
            Ok(Some(frame)) if matches!(frame.kind(), FrameKind::Request { .. } | FrameKind::Notification { .. }) => {
                // Nobody may have asked for unsolicited frames; then there is nothing to wait for either.
                let _ = http.unsolicited.send(frame).await;
            }
            Ok(Some(frame)) => tracing::warn!(id = ?frame.id(), "an answer on the stream that belongs to no request"),
            Ok(None) => return,
            Err(error) => return tracing::warn!(%error, "a server's own stream cannot be understood"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound_and_respect_the_server() {
        let second = Duration::from_secs(1);
        assert_eq!(pause(second, 0), second);
        assert_eq!(pause(second, 3), second * 8);
        assert_eq!(pause(second, 30), WAIT_MAX);
        assert_eq!(pause(second * 60, 1), second * 60);
        assert_eq!(pause(Duration::ZERO, 0), Duration::from_millis(100));
    }
}
