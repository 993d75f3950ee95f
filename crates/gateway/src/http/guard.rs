//! What every HTTP request must pass before anything reads its body.

use axum::http::{HeaderMap, Uri, header};
use types::{Code, Identity};

use super::HttpConfig;
use crate::fault::Fault;

const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// Checks that the request was meant for this listener and comes from no foreign web page.
///
/// # Errors
///
/// `origin-refused` (403) if `Host` or `Origin` is not allowed.
pub(crate) fn admit(config: &HttpConfig, uri: &Uri, headers: &HeaderMap) -> Result<(), Fault> {
    let named = headers.get(header::HOST).and_then(|value| value.to_str().ok());
    let host = named.or_else(|| uri.authority().map(|authority| authority.as_str())).unwrap_or_default();
    if !host_allowed(config, host) {
        return Err(refused("the host is not one this listener serves"));
    }
    let mut origins = headers.get_all(header::ORIGIN).iter();
    if origins.all(|origin| origin.to_str().is_ok_and(|origin| origin_allowed(config, host, origin))) {
        return Ok(());
    }
    Err(refused("requests from web pages of this origin are not allowed"))
}

fn refused(message: &str) -> Fault {
    Fault::new(-32600, 403, Code::OriginRefused, message)
}

fn host_allowed(config: &HttpConfig, host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    let name = without_port(&host);
    LOOPBACK.contains(&name)
        || config.hosts.iter().any(|allowed| allowed.eq_ignore_ascii_case(&host) || allowed.eq_ignore_ascii_case(name))
}

/// Says whether a page may send requests: one that the listener itself serves under the host it was asked by, or one that
/// is configured.
fn origin_allowed(config: &HttpConfig, host: &str, origin: &str) -> bool {
    let lower = origin.to_ascii_lowercase();
    let from = lower.strip_prefix("http://").or_else(|| lower.strip_prefix("https://"));
    from.is_some_and(|from| from.eq_ignore_ascii_case(host))
        || config.origins.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin))
}

/// Cuts a port off a host; the colons of an address in brackets are not one.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port))
            if port.bytes().all(|b| b.is_ascii_digit()) && (name.ends_with(']') || !name.starts_with('[')) =>
        {
            name
        }
        _ => host,
    }
}

/// Returns the bearer token, if the request carries one.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Says whether the client accepts a media type.
pub(crate) fn accepts(headers: &HeaderMap, wanted: &str) -> bool {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let types = values.flat_map(|value| value.split(',')).map(|part| part.split(';').next().unwrap_or_default().trim());
    types.into_iter().any(|offered| offered == "*/*" || offered.eq_ignore_ascii_case(wanted))
}

/// Says whether the body is declared to be JSON.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

/// Returns what the agent names that it runs.
///
/// # Errors
///
/// A fault for a header that stands there twice, or is no text.
pub(crate) fn runs(headers: &HeaderMap) -> Result<Identity, Fault> {
    Ok(Identity { model: named(headers, "countersign-model")?, prompt: named(headers, "countersign-prompt")? })
}

fn named(headers: &HeaderMap, name: &'static str) -> Result<Option<String>, Fault> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    match std::str::from_utf8(value.as_bytes()) {
        Ok(text) if values.next().is_none() => Ok(Some(text.trim().to_owned())),
        _ => Err(Fault::new(-32600, 400, Code::RequestInvalid, format!("`{name}` is to stand there once, in UTF-8"))),
    }
}

/// Returns a header as text, blanks around it cut off.
pub(crate) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> HttpConfig {
        HttpConfig {
            hosts: vec!["gate.example".into()],
            origins: vec!["https://app.example".into()],
            ..HttpConfig::new(|| [0; 32])
        }
    }

    #[test]
    fn only_named_hosts_and_loopback_are_served() {
        for host in ["localhost", "127.0.0.1:8080", "[::1]:9", "[::1]", "gate.example:443", "GATE.example"] {
            assert!(host_allowed(&config(), host), "{host}");
        }
        for host in ["", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "gate.example.evil"] {
            assert!(!host_allowed(&config(), host), "{host}");
        }
    }

    #[test]
    fn only_named_origins_and_its_own_are_allowed() {
        let host = "127.0.0.1:7717";
        for origin in ["http://127.0.0.1:7717", "https://127.0.0.1:7717", "https://app.example"] {
            assert!(origin_allowed(&config(), host, origin), "{origin}");
        }
        for origin in [
            "null",
            "http://localhost:3000",
            "http://127.0.0.1",
            "http://127.0.0.1:7718",
            "http://evil.example",
            "http://localhost.evil.example",
            "https://app.example.evil",
            "file://localhost",
        ] {
            assert!(!origin_allowed(&config(), host, origin), "{origin}");
        }
    }

    #[test]
    fn each_origin_counts() {
        let admitted = |origins: &[&'static str]| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, "127.0.0.1:7717".parse().unwrap());
            for origin in origins {
                headers.append(header::ORIGIN, origin.parse().unwrap());
            }
            admit(&config(), &Uri::from_static("/mcp"), &headers).is_ok()
        };
        assert!(admitted(&[]) && admitted(&["https://app.example"]));
        assert!(!admitted(&["https://app.example", "http://evil.example"]));
    }
}
