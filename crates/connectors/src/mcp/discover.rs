//! Finding out which generation of the protocol a server speaks.

use std::time::Duration;

use reqwest::StatusCode;
use tokio::sync::mpsc;
use types::jsonrpc::{Frame, RpcId};

use super::error::{CallError, ConnectError};
use super::http::{Http, Reply};
use super::splice;
use super::stdio::Stdio;
use super::wiring::{Era, Limits, Wiring};

/// Is the protocol version of stateless connections.
pub const STATELESS_VERSION: &str = "2026-07-28";

const UNSUPPORTED_VERSION: &str = "-32022";

/// Finds out which generation of the protocol a server speaks, by asking it to `server/discover`.
///
/// A server over stdio is asked in a child of its own, which ends before this returns: some servers
/// end when they meet an unknown first request. A server of both generations counts as stateless.
///
/// # Errors
///
/// [`ConnectError::Version`] if it names versions and none is ours; otherwise, for HTTP alone, what keeps it from
/// being asked: 401, 403, 429 and 5xx are no answer. Any answer of another kind means [`Era::Stateful`], and so
/// does a child's silence or end.
pub async fn probe(wiring: &Wiring, limits: &Limits) -> Result<Era, ConnectError> {
    // What the server says besides its answer is of no interest.
    let (unsolicited, _) = mpsc::channel(1);
    match &wiring.url {
        Some(url) => probe_http(&*Http::new(wiring, url, Era::Stateless, limits, unsolicited)?, limits).await,
        None => probe_child(wiring, limits, unsolicited).await,
    }
}

async fn probe_child(wiring: &Wiring, limits: &Limits, unsolicited: mpsc::Sender<Frame>) -> Result<Era, ConnectError> {
    let child = Stdio::start(wiring, limits, true, unsolicited)?;
    let (events, _) = mpsc::channel(1);
    let request = request();
    let call = child.call(0, &request, events, None);
    let answer = tokio::time::timeout(Duration::from_millis(limits.connect_ms_max), call).await;
    child.close().await;
    match answer {
        Ok(Ok(frame)) => verdict(&frame),
        Ok(Err(_)) | Err(_) => Ok(Era::Stateful),
    }
}

async fn probe_http(http: &Http, limits: &Limits) -> Result<Era, ConnectError> {
    let (events, _) = mpsc::channel(1);
    let request = request();
    let call = http.call(0, &request, &[], &events, None);
    match tokio::time::timeout(Duration::from_millis(limits.connect_ms_max), call).await {
        Err(_) => Err(ConnectError::Timeout { detail: String::new() }),
        Ok(Ok(Reply { status, .. })) if is_no_verdict(status.as_u16()) => {
            Err(ConnectError::from_call(CallError::Refused { status: status.as_u16() }, String::new()))
        }
        Ok(Ok(Reply { frame, .. })) => verdict(&frame),
        Ok(Err(CallError::Refused { status })) if !is_no_verdict(status) => Ok(Era::Stateful),
        Ok(Err(error)) => Err(ConnectError::from_call(error, String::new())),
    }
}

fn is_no_verdict(status: u16) -> bool {
    let door = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN, StatusCode::TOO_MANY_REQUESTS];
    status >= 500 || door.iter().any(|s| s.as_u16() == status)
}

/// Builds our own `server/discover`.
pub(crate) fn request() -> Frame {
    let params = format!("{{\"_meta\":{}}}", meta());
    Frame::request(&RpcId::text("countersign-discover"), "server/discover", Some(&params))
}

/// Returns the `_meta` object of a stateless request of our own, as JSON text.
pub(crate) fn meta() -> String {
    let version = env!("CARGO_PKG_VERSION");
    serde_json::json!({
        "io.modelcontextprotocol/protocolVersion": STATELESS_VERSION,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": { "name": "countersign", "version": version },
    })
    .to_string()
}

/// Says what an answer to `server/discover` means.
///
/// # Errors
///
/// [`ConnectError::Version`] if the server names its versions and we speak none of them.
pub(crate) fn verdict(answer: &Frame) -> Result<Era, ConnectError> {
    let versions = |member: &str, path: &[&str]| {
        let json = answer.member(member).and_then(|json| splice::at(json, path).ok().flatten());
        json.and_then(|json| serde_json::from_str::<Vec<String>>(json).ok())
    };
    if let Some(supported) = versions("result", &["supportedVersions"]) {
        let ours = supported.iter().any(|v| v == STATELESS_VERSION);
        return if ours { Ok(Era::Stateless) } else { older(&supported) };
    }
    let code = answer.member("error").and_then(|e| splice::at(e, &["code"]).ok().flatten());
    match versions("error", &["data", "supported"]) {
        Some(supported) if code == Some(UNSUPPORTED_VERSION) => older(&supported),
        _ => Ok(Era::Stateful),
    }
}

// Versions are dates, so their order as text is their order in time.
fn older(supported: &[String]) -> Result<Era, ConnectError> {
    if supported.iter().any(|v| v.as_str() < STATELESS_VERSION) {
        return Ok(Era::Stateful);
    }
    Err(ConnectError::Version(types::text::escape(&format!("it offers {}", supported.join(", ")), false)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(answer: &str) -> Result<Era, ConnectError> {
        verdict(&Frame::parse(format!(r#"{{"jsonrpc":"2.0","id":1,{answer}}}"#), 1000).unwrap())
    }

    #[test]
    fn answers_and_what_they_mean() {
        for (answer, era) in [
            (r#""result":{"supportedVersions":["2026-07-28"],"capabilities":{}}"#, Era::Stateless),
            (r#""result":{"supportedVersions":["2025-11-25","2026-07-28"]}"#, Era::Stateless),
            (r#""result":{"supportedVersions":["2025-11-25"]}"#, Era::Stateful),
            (r#""result":{}"#, Era::Stateful),
            (r#""error":{"code":-32601,"message":"no"}"#, Era::Stateful),
            (r#""error":{"code":-32020,"message":"no"}"#, Era::Stateful),
            (
                r#""error":{"code":-32022,"message":"no","data":{"supported":["2025-11-25"],"requested":"x"}}"#,
                Era::Stateful,
            ),
            (r#""error":{"code":-32022,"message":"no"}"#, Era::Stateful),
        ] {
            assert_eq!(judged(answer), Ok(era), "{answer}");
        }
        for answer in [
            r#""result":{"supportedVersions":["2027-01-01"]}"#,
            r#""error":{"code":-32022,"message":"no","data":{"supported":["2027-01-01"]}}"#,
        ] {
            assert!(matches!(judged(answer), Err(ConnectError::Version(_))), "{answer}");
        }
    }
}
