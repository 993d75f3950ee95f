//! What every request must pass before anything reads it: it was meant for this server and comes from no foreign page.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use types::Code;

use crate::ApiConfig;
use crate::problem::Fault;

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

const NOTHING: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// Lets a request through, or answers it with `origin-refused`.
pub(crate) async fn admit(State(config): State<Arc<ApiConfig>>, request: Request, next: Next) -> Response {
    let mut response = match judge(&config, request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(fault) => fault.into_response(),
    };
    let headers = response.headers_mut();
    // Answers hold evidence and tokens, and no browser should guess what they are; the log's files say otherwise.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
    // Nothing but the pages, which say otherwise, is a document that runs or loads anything.
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(NOTHING));
    response
}

fn judge(config: &ApiConfig, uri: &Uri, headers: &HeaderMap) -> Result<(), Fault> {
    let named = headers.get(header::HOST).and_then(|value| value.to_str().ok());
    let host = named.or_else(|| uri.authority().map(|authority| authority.as_str())).unwrap_or_default();
    if !host_allowed(config, host) {
        return Err(Fault::new(Code::OriginRefused, "the host is not one this server answers to"));
    }
    if is_own_origin(headers) {
        return Ok(());
    }
    let mut origins = headers.get_all(header::ORIGIN).iter();
    if origins.all(|origin| origin.to_str().is_ok_and(|origin| origin_allowed(config, origin))) {
        return Ok(());
    }
    Err(Fault::new(Code::OriginRefused, "web pages of this origin may not call this server"))
}

fn host_allowed(config: &ApiConfig, host: &str) -> bool {
    let name = without_port(host);
    let is = |allowed: &str| allowed.eq_ignore_ascii_case(host) || allowed.eq_ignore_ascii_case(name);
    LOOPBACK.iter().any(|allowed| is(allowed)) || config.allowed_hosts.iter().any(|allowed| is(allowed))
}

/// Says whether the page that makes a request was served by the very host that it asks; the host was judged before.
pub(crate) fn is_own_origin(headers: &HeaderMap) -> bool {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let (Some(origin), None) = (origins.next(), origins.next()) else { return false };
    let authority = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(scheme, authority)| {
        let is_web = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
        if is_web { authority } else { "" }
    });
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    !host.is_empty() && authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host))
}

fn origin_allowed(config: &ApiConfig, origin: &str) -> bool {
    config.allowed_origins.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin))
}

/// Cuts a port off a host; the colons of an address in brackets are not one.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port))
            if port.bytes().all(|b| b.is_ascii_digit()) && (!name.starts_with('[') || name.ends_with(']')) =>
        {
            name
        }
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> ApiConfig {
        ApiConfig {
            allowed_hosts: vec!["gate.example".into(), "other.example:8080".into()],
            allowed_origins: vec!["https://app.example".into()],
            ..ApiConfig::default()
        }
    }

    #[test]
    fn only_named_hosts_and_loopback_are_answered() {
        for host in [
            "localhost",
            "127.0.0.1:8080",
            "[::1]:9",
            "[::1]",
            "gate.example:443",
            "GATE.example",
            "other.example:8080",
        ] {
            assert!(host_allowed(&config(), host), "{host}");
        }
        for host in ["", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "other.example", "[::1"] {
            assert!(!host_allowed(&config(), host), "{host}");
        }
    }

    #[test]
    fn a_page_of_the_host_itself_is_our_own_and_no_other_is() {
        let headers = |host: &str, origins: &[&str]| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            for origin in origins {
                headers.append(header::ORIGIN, origin.parse().unwrap());
            }
            headers
        };
        assert!(is_own_origin(&headers("127.0.0.1:7717", &["http://127.0.0.1:7717"])));
        assert!(is_own_origin(&headers("gate.example", &["https://GATE.example"])));
        for origins in [
            &[][..],
            &["null"],
            &["http://127.0.0.1:7718"],
            &["http://localhost:7717"],
            &["http://127.0.0.1:7717.evil.example"],
            &["ftp://127.0.0.1:7717"],
            &["http://127.0.0.1:7717", "http://127.0.0.1:7717"],
        ] {
            assert!(!is_own_origin(&headers("127.0.0.1:7717", origins)), "{origins:?}");
        }
    }

    #[test]
    fn only_named_origins_pass() {
        assert!(origin_allowed(&config(), "https://app.example"));
        for origin in ["null", "http://app.example", "https://app.example.evil", "http://localhost"] {
            assert!(!origin_allowed(&config(), origin), "{origin}");
        }
    }
}
