//! Getting an answer over HTTP: from a judged address, with no redirect, within bounds.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use reqwest::{Client, Url, redirect};
use types::text::escape;

use super::{Judge, Probe, ReadFile};

/// Is how long a connection may take.
const CONNECT: Duration = Duration::from_secs(3);

/// Is how long one answer may take, to its last byte.
const WHOLE: Duration = Duration::from_secs(10);

/// Is the largest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Is how many characters of a reason are kept.
const REASON_MAX: usize = 300;

/// Is a way to ask one probe's server.
pub(super) struct Way {
    client: Client,
    token: Option<HeaderValue>,
}

impl Way {
    /// Prepares to ask: the host is resolved and judged once, and the connection goes to those addresses alone.
    pub(super) async fn of(probe: &Probe, judge: &dyn Judge, read: &ReadFile) -> Result<Self, String> {
        let host = probe.url.host_str().unwrap_or_default();
        let port = probe.url.port_or_known_default().unwrap_or(443);
        let judged = tokio::time::timeout(WHOLE, judge.judge(host, port));
        let found = judged.await.map_err(|_| "its name is not resolved in time")??;
        if probe.url.scheme() != "https" && found.iter().any(|address| !address.is_private) {
            return Err("without TLS nothing is asked of a public address".to_owned());
        }
        let addresses: Vec<SocketAddr> = found.iter().map(|address| address.at).collect();
        let mut builder = Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .connect_timeout(CONNECT)
            .pool_max_idle_per_host(1)
            .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(Fixed(addresses));
        if let Some(file) = &probe.ca_file {
            let pem = read(file)?;
            let found = reqwest::Certificate::from_pem_bundle(&pem).unwrap_or_default();
            if found.is_empty() {
                return Err(format!("`{file}` holds no certificate in PEM"));
            }
            builder = found.into_iter().fold(builder, reqwest::ClientBuilder::add_root_certificate);
        }
        let token = probe.token_file.as_deref().map(|file| token(file, read)).transpose()?;
        Ok(Self { client: builder.build().map_err(|error| error.to_string())?, token })
    }

    /// Gets an answer, and returns its status and its body.
    pub(super) async fn get(&self, url: Url) -> Result<(u16, String), String> {
        let exchange = async {
            let mut request = self.client.get(url).header(ACCEPT, HeaderValue::from_static("application/json"));
            if let Some(token) = &self.token {
                request = request.header(AUTHORIZATION, token.clone());
            }
            let mut answer = request.send().await.map_err(unreached)?;
            let mut body = Vec::new();
            while let Some(chunk) = answer.chunk().await.map_err(unreached)? {
                body.extend_from_slice(&chunk);
                if body.len() > ANSWER_BYTES_MAX {
                    return Err("its answer is larger than 4 MiB".to_owned());
                }
            }
            let body = String::from_utf8(body).map_err(|_| "its answer is no text")?;
            Ok((answer.status().as_u16(), body))
        };
        let late = || Err("it does not answer within 10 seconds".to_owned());
        tokio::time::timeout(WHOLE, exchange).await.unwrap_or_else(|_| late())
    }

    /// Gets the body of an answer with the status 200.
    pub(super) async fn get_ok(&self, url: Url) -> Result<String, String> {
        match self.get(url).await? {
            (200, body) => Ok(body),
            (300..=399, _) => Err("it sends elsewhere, and redirects are not followed".to_owned()),
            (status, _) => Err(format!("it answers with status {status}")),
        }
    }
}

/// Reads a bearer token.
fn token(file: &str, read: &ReadFile) -> Result<HeaderValue, String> {
    let text = String::from_utf8(read(file)?).map_err(|_| format!("`{file}` is no text"))?;
    let mut value =
        HeaderValue::try_from(format!("Bearer {}", text.trim())).map_err(|_| format!("`{file}` holds no token"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Returns the address of a path below another one; each segment is one, whatever it holds.
pub(super) fn below(url: &Url, segments: &[&str]) -> Result<Url, String> {
    let mut url = url.clone();
    url.path_segments_mut().map_err(|()| "it has no path")?.pop_if_empty().extend(segments);
    Ok(url)
}

fn unreached(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut next = std::error::Error::source(&error);
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    reason(&format!("it cannot be reached: {text}"))
}

/// Cuts and escapes a reason.
pub(super) fn reason(text: &str) -> String {
    escape(text, false).chars().take(REASON_MAX).collect()
}

/// Answers every question for a name with the addresses that were judged, and asks nobody.
struct Fixed(Vec<SocketAddr>);

impl Resolve for Fixed {
    fn resolve(&self, _: Name) -> Resolving {
        let addresses: Addrs = Box::new(self.0.clone().into_iter());
        Box::pin(std::future::ready(Ok(addresses)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_segment_stays_one() {
        let url: Url = "https://a.example/base/".parse().unwrap();
        let below = below(&url, &["v2", "models", "../fraud?x#y"]).unwrap();
        assert_eq!(below.as_str(), "https://a.example/base/v2/models/..%2Ffraud%3Fx%23y");
    }
}
