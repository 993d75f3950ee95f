//! Posting a message over HTTP: to a judged address, with no redirect, within bounds.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response, Url, redirect};
use serde_json::Value;
use types::{Code, Millis};

use super::{Failure, sign};
use crate::address::{Names, Reach, checked, special};
use crate::event::Event;
use crate::message::cloud_event;
use crate::settings::{Secret, Target};

/// Is how long a target may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(5);

/// Is how long it may take for everything.
const WHOLE: Duration = Duration::from_secs(10);

/// Is the largest message that is sent, in bytes.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// Is a message on its way out.
pub(super) struct Request {
    url: Url,
    headers: HeaderMap,
    body: Vec<u8>,
}

/// Writes a signed CloudEvent.
pub(super) fn webhook(
    url: &Url,
    secrets: &[Secret],
    event: &Event,
    source: &str,
    now: Millis,
) -> Result<Request, Failure> {
    let body = cloud_event::body(event, source).into_bytes();
    let seconds = now.0 / 1_000;
    let mut headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(cloud_event::MEDIA_TYPE))]);
    let signed = [
        ("webhook-id", event.id.clone()),
        ("webhook-timestamp", seconds.to_string()),
        ("webhook-signature", sign(secrets, &event.id, seconds, &body)),
    ];
    for (name, value) in signed {
        let value = HeaderValue::try_from(value).map_err(|error| Failure::new(Code::Internal, error.to_string()))?;
        headers.insert(HeaderName::from_static(name), value);
    }
    bounded(Request { url: url.clone(), headers, body })
}

/// Writes a message for a channel whose address is a secret.
pub(super) fn message(address: &Secret, body: &Value) -> Result<Request, Failure> {
    let url = address.text().parse().map_err(|_| Failure::new(Code::NotifyInvalid, "the target's address is none"))?;
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    bounded(Request { url, headers, body: body.to_string().into_bytes() })
}

fn bounded(request: Request) -> Result<Request, Failure> {
    if request.body.len() > BODY_BYTES_MAX {
        return Err(Failure::new(Code::PayloadTooLarge, "the message is larger than 64 KiB"));
    }
    Ok(request)
}

/// Posts a message once. Of the answer only its head is read.
pub(super) async fn post(names: &dyn Names, target: &Target, request: Request, now: Millis) -> Result<u16, Failure> {
    let Request { url, headers, body } = request;
    let authorities = target.authorities.as_deref();
    let way = Post { names, reach: &target.reach, authorities, plain_is_private: false };
    judge(&way.send(url, headers, body, now, false).await?)
}

/// Is a way to post: which names lead where, and where nothing is posted to.
pub(crate) struct Post<'a> {
    pub(crate) names: &'a dyn Names,
    pub(crate) reach: &'a Reach,
    pub(crate) authorities: Option<&'a [u8]>,
    /// Says whether nothing goes to a public address without TLS.
    pub(crate) plain_is_private: bool,
}

/// Is what was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The status.
    pub status: u16,
    /// How long whoever answered wants to be left alone, in milliseconds.
    pub wait_ms: Option<i64>,
    /// The beginning of the body, where it was wanted.
    pub body: String,
}

impl Post<'_> {
    /// Posts once, and returns the answer, whatever it is.
    pub(crate) async fn send(
        &self,
        url: Url,
        headers: HeaderMap,
        body: Vec<u8>,
        now: Millis,
        with_body: bool,
    ) -> Result<Answered, Failure> {
        let too_long = Failure::new(Code::UpstreamTimeout, "the target did not answer within 10 seconds");
        let exchange = async {
            let client = self.client(&url).await?;
            let sent = client.post(url).headers(headers).body(body).send().await.map_err(unreached)?;
            let status = sent.status().as_u16();
            let wait_ms = sent.headers().get(RETRY_AFTER).and_then(|value| wait(value.to_str().ok()?, now));
            let body = if with_body { beginning(sent).await? } else { String::new() };
            Ok(Answered { status, wait_ms, body })
        };
        tokio::time::timeout(WHOLE, exchange).await.unwrap_or(Err(too_long))
    }

    /// Makes a client that connects to the judged addresses alone. There is one for each attempt, so that nothing is remembered.
    async fn client(&self, url: &Url) -> Result<Client, Failure> {
        let host = url.host_str().unwrap_or_default();
        let port = url.port_or_known_default().unwrap_or(443);
        let addresses = checked(self.names, self.reach, host, port).await?;
        let is_public = |address: &SocketAddr| special(address.ip()).is_none();
        if self.plain_is_private && url.scheme() != "https" && addresses.iter().any(is_public) {
            return Err(Failure::new(Code::AddressForbidden, "without TLS nothing is sent to a public address"));
        }
        let mut builder = Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT)
            .pool_max_idle_per_host(0)
            .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(Judged(addresses));
        for certificate in
            self.authorities.iter().filter_map(|pem| reqwest::Certificate::from_pem_bundle(pem).ok()).flatten()
        {
            builder = builder.add_root_certificate(certificate);
        }
        builder.build().map_err(|error| Failure::new(Code::UpstreamUnavailable, error.to_string()))
    }
}

fn unreached(error: reqwest::Error) -> Failure {
    let code = if error.is_timeout() { Code::UpstreamTimeout } else { Code::UpstreamUnavailable };
    Failure::new(code, format!("the target cannot be reached: {}", causes(&error.without_url())))
}

/// Reads the beginning of a body, as text.
async fn beginning(mut answer: Response) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    while bytes.len() < BODY_BYTES_MAX
        && let Some(chunk) = answer.chunk().await.map_err(unreached)?
    {
        bytes.extend_from_slice(&chunk);
    }
    bytes.truncate(BODY_BYTES_MAX);
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Answers every question for a name with the addresses that were judged, and asks nobody.
struct Judged(Vec<SocketAddr>);

impl Resolve for Judged {
    fn resolve(&self, _: Name) -> Resolving {
        let addresses: Addrs = Box::new(self.0.clone().into_iter());
        Box::pin(std::future::ready(Ok(addresses)))
    }
}

fn judge(answer: &Answered) -> Result<u16, Failure> {
    let status = answer.status;
    let says = match status {
        200..=299 => return Ok(status),
        300..=399 => format!("the target answers with status {status}; redirects are not followed"),
        410 => "the target says that it is gone (status 410)".to_owned(),
        _ => format!("the target answers with status {status}"),
    };
    let (wait_ms, gone) = (answer.wait_ms, status == 410);
    Err(Failure { status: Some(status), wait_ms, gone, ..Failure::new(Code::UpstreamInvalid, says) })
}

/// Reads `Retry-After` (RFC 9110 §10.2.3): seconds, or an instant.
fn wait(value: &str, now: Millis) -> Option<i64> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u32>() {
        return Some(i64::from(seconds) * 1_000);
    }
    let at = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(value).ok()?;
    Some(at.as_millisecond().saturating_sub(now.0).max(0))
}

fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    crate::text::failure(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_read_in_both_of_its_forms() {
        let now = Millis(784_111_777_000);
        assert_eq!(wait("120", now), Some(120_000));
        assert_eq!(wait(" 0 ", now), Some(0));
        assert_eq!(wait("Sun, 06 Nov 1994 08:49:47 GMT", now), Some(10_000));
        assert_eq!(wait("Sun, 06 Nov 1994 08:00:00 GMT", now), Some(0));
        for none in ["", "-1", "soon", "1.5", "99999999999999"] {
            assert_eq!(wait(none, now), None, "{none}");
        }
    }
}
