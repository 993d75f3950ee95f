//! HTTP headers: the wiring's own, and those the protocol asks for.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use types::jsonrpc::{Frame, FrameKind};

use super::error::{CallError, ConnectError};
use super::splice;
use super::wiring::Wiring;

pub(crate) const SESSION: &str = "mcp-session-id";
pub(crate) const VERSION: &str = "mcp-protocol-version";
pub(crate) const LAST_EVENT: &str = "last-event-id";

/// Names the headers a connection sets itself; a wiring that names one is refused.
const OWN: [&str; 13] = [
    "accept",
    "accept-encoding",
    "connection",
    "content-length",
    "content-type",
    "host",
    "mcp-method",
    "mcp-name",
    SESSION,
    VERSION,
    LAST_EVENT,
    "te",
    "transfer-encoding",
];

/// Reads the wiring's headers, marked as secret.
///
/// # Errors
///
/// [`ConnectError::Wiring`] for a name or value that is no header, or a name the connection sets itself.
pub(crate) fn of_wiring(wiring: &Wiring) -> Result<HeaderMap, ConnectError> {
    let mut headers = HeaderMap::new();
    for (name, value) in &wiring.headers {
        let refused =
            |why: &str| ConnectError::Wiring(format!("the header `{}` {why}", types::text::escape(name, false)));
        let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused("has no valid name"))?;
        if OWN.contains(&key.as_str()) {
            return Err(refused("belongs to the protocol"));
        }
        let mut value = HeaderValue::from_str(value).map_err(|_| refused("has no valid value"))?;
        value.set_sensitive(true);
        headers.insert(key, value);
    }
    Ok(headers)
}

/// Builds the headers of a stateless message: they repeat what its body says, plus the client's `Mcp-Param-*`.
///
/// Other headers of the client never pass.
///
/// # Errors
///
/// [`CallError::NotSent`] if a `Mcp-Param-*` header is malformed.
pub(crate) fn stateless(frame: &Frame, passed: &[(String, String)], version: &str) -> Result<HeaderMap, CallError> {
    let params = frame.member("params").unwrap_or("{}");
    let mut headers = HeaderMap::new();
    let stated = splice::text_at(params, &["_meta", "io.modelcontextprotocol/protocolVersion"]);
    headers.insert(VERSION, value_of(stated.as_deref().unwrap_or(version))?);
    let FrameKind::Request { method, .. } = frame.kind() else { return Ok(headers) };
    headers.insert("mcp-method", value_of(method)?);
    if let Some(name) = name_member(method).and_then(|member| splice::text_at(params, &[member])) {
        headers.insert("mcp-name", value_of(&name)?);
    }
    for (name, value) in passed.iter().filter(|(name, _)| is_parameter(name)) {
        let malformed =
            || CallError::NotSent(format!("the header `{}` is malformed", types::text::escape(name, false)));
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| malformed())?;
        headers.append(name, HeaderValue::from_str(value).map_err(|_| malformed())?);
    }
    Ok(headers)
}

fn is_parameter(name: &str) -> bool {
    name.get(..10).is_some_and(|prefix| prefix.eq_ignore_ascii_case("mcp-param-"))
}

fn name_member(method: &str) -> Option<&'static str> {
    match method {
        "tools/call" | "prompts/get" => Some("name"),
        "resources/read" => Some("uri"),
        "tasks/get" | "tasks/update" | "tasks/cancel" => Some("taskId"),
        _ => None,
    }
}

fn value_of(text: &str) -> Result<HeaderValue, CallError> {
    HeaderValue::from_str(&encode(text)).map_err(|_| CallError::NotSent("a header cannot be encoded".into()))
}

/// Writes a text as a header value: plain where that is safe, else as `=?base64?…?=`.
pub(crate) fn encode(text: &str) -> String {
    let printable = text.bytes().all(|b| (0x20..0x7f).contains(&b));
    let blanks = text.starts_with(' ') || text.ends_with(' ');
    let like_encoded = text.starts_with("=?base64?") && text.ends_with("?=");
    if printable && !blanks && !like_encoded {
        return text.to_owned();
    }
    format!("=?base64?{}?=", STANDARD.encode(text))
}

/// Reads a header value back; `None` if it is wrapped as `=?base64?…?=` and the wrapping holds no text.
pub(crate) fn decode(value: &str) -> Option<String> {
    match value.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?=")) {
        Some(wrapped) => String::from_utf8(STANDARD.decode(wrapped).ok()?).ok(),
        None => Some(value.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_plain_or_encoded() {
        for (text, expected) in [
            ("us west", "us west"),
            ("", ""),
            ("Hello, 世界", "=?base64?SGVsbG8sIOS4lueVjA==?="),
            (" a", "=?base64?IGE=?="),
            ("a\n", "=?base64?YQo=?="),
            ("=?base64?YQ==?=", "=?base64?PT9iYXNlNjQ/WVE9PT89?="),
        ] {
            assert_eq!(encode(text), expected);
            assert_eq!(decode(expected).as_deref(), Some(text));
        }
    }

    #[test]
    fn a_stateless_request_repeats_its_body_and_passes_parameters_only() {
        let text = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"ä","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#;
        let frame = Frame::parse(text, 1000).unwrap();
        let passed = [("Mcp-Param-Region", "us"), ("Authorization", "Bearer x"), ("Mcp-Name", "lie"), ("Cookie", "c")];
        let passed = passed.map(|(n, v)| (n.to_owned(), v.to_owned()));
        let headers = stateless(&frame, &passed, "x").unwrap();
        let shown: Vec<_> = headers.iter().map(|(n, v)| (n.as_str(), v.to_str().unwrap())).collect();
        assert_eq!(headers.len(), 4, "{shown:?}");
        for pair in [
            (VERSION, "2026-07-28"),
            ("mcp-method", "tools/call"),
            ("mcp-name", "=?base64?w6Q=?="),
            ("mcp-param-region", "us"),
        ] {
            assert!(shown.contains(&pair), "{pair:?}");
        }
    }

    #[test]
    fn a_wiring_cannot_set_what_the_protocol_owns() {
        for (name, value) in [("Host", "x"), ("mcp-session-id", "x"), ("a b", "x"), ("x", "a\nb")] {
            let wiring = Wiring { headers: vec![(name.into(), value.into())], ..Wiring::default() };
            let error = of_wiring(&wiring).unwrap_err();
            assert!(matches!(error, ConnectError::Wiring(_)), "{name}");
        }
    }
}
