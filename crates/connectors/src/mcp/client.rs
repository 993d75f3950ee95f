//! HTTP as the protocol's transport: where it may go, what is sent, and whether it was.

use std::net::IpAddr;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Client, Response, Url};

use super::address::{Resolver, is_refused};
use super::error::{CallError, ConnectError};
use super::wiring::Limits;

/// Is how long a connection is kept for the next request; common servers close after 5 s.
const IDLE: Duration = Duration::from_secs(4);

/// Checks where the wiring points.
///
/// # Errors
///
/// [`ConnectError::Wiring`] for a URL that is not http or https, or names a link-local address.
pub(crate) fn endpoint(url: &str) -> Result<Url, ConnectError> {
    let url = Url::parse(url).map_err(|error| ConnectError::Wiring(format!("its URL is invalid: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(ConnectError::Wiring("its URL is neither http nor https".into()));
    }
    // A host that is an address already never reaches the resolver.
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    if host.parse::<IpAddr>().is_ok_and(is_refused) {
        return Err(ConnectError::Wiring("its URL names a link-local address".into()));
    }
    Ok(url)
}

/// Builds the client: no proxy, no redirect, no cookie, no second attempt of its own.
///
/// # Errors
///
/// [`ConnectError::Wiring`] if the machine's TLS roots cannot be used.
pub(crate) fn client(headers: HeaderMap, limits: &Limits) -> Result<Client, ConnectError> {
    // Half of a request's time at most, so that a server that cannot be reached is told from one that does not answer.
    let connect_ms = limits.request_ms_max.map_or(limits.connect_ms_max, |ms| limits.connect_ms_max.min(ms / 2));
    Client::builder()
        .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")))
        .default_headers(headers)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .referer(false)
        .dns_resolver(Resolver)
        .connect_timeout(Duration::from_millis(connect_ms))
        .pool_idle_timeout(IDLE)
        .build()
        .map_err(|error| ConnectError::Wiring(causes(&error)))
}

pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let chain = std::iter::successors(Some(error), |e| e.source());
    let texts: Vec<String> = chain.map(ToString::to_string).collect();
    types::text::escape(&texts.join(": "), false)
}

/// Returns the media type of a response in lower case, without parameters.
pub(crate) fn media_type(response: &Response) -> String {
    let value = response.headers().get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Says whether a response is a stream of events.
pub(crate) fn is_stream(response: &Response) -> bool {
    media_type(response) == "text/event-stream"
}

/// Reads a whole body as text.
///
/// # Errors
///
/// [`CallError::TooLarge`] beyond `bytes_max`, [`CallError::Unknown`] if it breaks off, [`CallError::Invalid`] if it is
/// not UTF-8.
pub(crate) async fn body(mut response: Response, bytes_max: usize) -> Result<String, CallError> {
    let mut bytes = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if bytes.len() + chunk.len() > bytes_max => return Err(CallError::TooLarge { bytes_max }),
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            Ok(None) => break,
            Err(error) => return Err(CallError::Unknown(causes(&error.without_url()))),
        }
    }
    String::from_utf8(bytes).map_err(|_| CallError::Invalid("its answer is not UTF-8".into()))
}
