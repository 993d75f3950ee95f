//! Webhooks that people register at the server, as MLflow's clients do: what each is to be told is posted to it, signed, at least once.
//!
//! They are no [`crate::Target`]s: who registers one is no operator, so only the operator says which private networks they may be in. What is to
//! be delivered is kept by whoever keeps the webhooks; this follows it through [`Deliveries`]. One delivery at a time goes to a
//! webhook, so that one which hangs holds up nobody else.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Url;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use tokio::sync::watch;
use types::{Code, Millis};

use crate::address::{Forbidden, Names, Reach, SystemNames};
use crate::backoff;
use crate::send::{Answered, Failure, Post, sign};
use crate::settings::Secret;

/// Is how often a delivery is tried before it is given up: with the waits between, for about two hours.
pub const ATTEMPTS_MAX: u32 = 15;

/// Is the longest rest between two looks at what is due.
const REST: Duration = Duration::from_secs(1);

/// Is how many deliveries are on their way at most.
const AT_ONCE_MAX: usize = 16;

/// Is something that a webhook is to be told.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Its place.
    pub seq: i64,
    /// The place of its webhook.
    pub webhook: i64,
    /// What the webhook is called in the server's log.
    pub name: String,
    /// How often it was tried.
    pub attempts: u32,
    /// What is sent.
    pub message: Message,
}

/// Is a message to a webhook.
#[derive(Debug, Clone)]
pub struct Message {
    /// Its id: the same in each attempt.
    pub id: String,
    /// Where it goes.
    pub url: String,
    /// What it is signed with, if with anything.
    pub secret: Option<Secret>,
    /// What it says, as JSON.
    pub body: String,
}

/// Says what became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It was taken.
    Taken,
    /// It is tried again.
    Again {
        /// From when on.
        due: Millis,
        /// How often it was tried by now.
        attempts: u32,
    },
    /// It is not tried any more.
    GivenUp,
}

/// Keeps what is to be delivered. Every method may block for a moment, as reading a file does.
pub trait Deliveries: Send + Sync + 'static {
    /// Returns the time; `None` once the application has ended.
    fn now(&self) -> Option<Millis>;

    /// Returns random bits.
    fn random(&self) -> u64;

    /// Returns what is due, at most one delivery for each webhook.
    ///
    /// - `busy`: webhooks that are passed over.
    ///
    /// # Errors
    ///
    /// A text if it cannot be read now.
    fn due(&self, busy: &[i64], limit: usize) -> Result<Vec<Delivery>, String>;

    /// Notes what became of a delivery.
    ///
    /// # Errors
    ///
    /// A text if it cannot be noted now; it is delivered again then.
    fn note(&self, seq: i64, ended: Ended) -> Result<(), String>;

    /// Tells when there is something new.
    fn news(&self) -> watch::Receiver<u64>;
}

/// Says why a host cannot be a webhook's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It is no address that anything is sent to.
    #[error("{0}")]
    Address(&'static str),
    /// It has no address, as far as anybody says.
    #[error("{0}")]
    Unresolved(String),
    /// One of its addresses is not spoken to.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
}

/// Checks how an address is written, and returns the host that is spoken to, which another reading of the address might not find.
///
/// # Errors
///
/// [`Unfit::Address`] for what is none, or holds a name or a password.
pub fn host(url: &str) -> Result<String, Unfit> {
    let url: Url = url.parse().map_err(|_| Unfit::Address("it is no address"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Unfit::Address("it holds a name or a password"));
    }
    let host = url.host_str().unwrap_or_default();
    Ok(host.trim_start_matches('[').trim_end_matches(']').to_owned())
}

/// Posts to webhooks.
pub struct Hooks {
    names: Arc<dyn Names>,
    reach: Reach,
}

impl Hooks {
    /// Prepares to post; nothing is sent yet.
    ///
    /// - `reach`: the private networks that webhooks may be in.
    pub fn new(reach: Reach) -> Self {
        Self::over(Arc::new(SystemNames), reach)
    }

    /// Prepares to post with another resolver than the machine's.
    pub fn over(names: Arc<dyn Names>, reach: Reach) -> Self {
        Self { names, reach }
    }

    /// Returns the schemes that a webhook's address may have: without TLS only where private networks are allowed.
    pub fn schemes(&self) -> &'static [&'static str] {
        if self.reach.0.is_empty() { &["https"] } else { &["https", "http"] }
    }

    /// Judges all addresses of a host, as they are now. They are judged anew whenever something is sent.
    ///
    /// # Errors
    ///
    /// [`Unfit`], as described there.
    pub async fn judge(&self, host: &str) -> Result<(), Unfit> {
        let found = match host.parse::<IpAddr>() {
            Ok(address) => vec![address],
            Err(_) => {
                let resolved = self.names.resolve(host).await;
                resolved.map_err(|error| Unfit::Unresolved(crate::text::failure(&error.to_string())))?
            }
        };
        if found.is_empty() {
            return Err(Unfit::Unresolved("it has no address".to_owned()));
        }
        for address in found {
            self.reach.judge(address)?;
        }
        Ok(())
    }

    /// Posts a message once, and returns the answer, with the beginning of its body if that is wanted.
    ///
    /// # Errors
    ///
    /// [`Failure`] with `address-forbidden`, `upstream-unavailable`, `upstream-timeout` or `notify-invalid`.
    pub async fn post(&self, message: &Message, now: Millis, with_body: bool) -> Result<Answered, Failure> {
        let url: Url =
            message.url.parse().map_err(|_| Failure::new(Code::NotifyInvalid, "the webhook's address is none"))?;
        let body = message.body.clone().into_bytes();
        let headers = headers(message, now.0 / 1_000, &body)?;
        let way = Post { names: self.names.as_ref(), reach: &self.reach, authorities: None, plain_is_private: true };
        way.send(url, headers, body, now, with_body).await
    }

    /// Delivers until the application has ended.
    pub async fn run(self: Arc<Self>, deliveries: Arc<dyn Deliveries>) {
        let busy: Arc<Mutex<BTreeSet<i64>>> = Arc::default();
        let mut news = deliveries.news();
        // Tells that a webhook is free again, for which something may be due.
        let (freed, mut free) = watch::channel(());
        loop {
            news.mark_unchanged();
            free.mark_unchanged();
            let Some(due) = look(&deliveries, &busy).await else { return };
            for delivery in due {
                busy.lock().unwrap_or_else(PoisonError::into_inner).insert(delivery.webhook);
                let (hooks, deliveries, busy, freed) = (self.clone(), deliveries.clone(), busy.clone(), freed.clone());
                tokio::spawn(async move {
                    let webhook = delivery.webhook;
                    hooks.deliver(&deliveries, delivery).await;
                    busy.lock().unwrap_or_else(PoisonError::into_inner).remove(&webhook);
                    freed.send_replace(());
                });
            }
            tokio::select! {
                () = tokio::time::sleep(REST) => {}
                _ = news.changed() => {}
                _ = free.changed() => {}
            }
        }
    }

    async fn deliver(&self, deliveries: &Arc<dyn Deliveries>, delivery: Delivery) {
        let Some(now) = deliveries.now() else { return };
        let sent = self.post(&delivery.message, now, false).await;
        let ended = ended(&delivery, &sent, deliveries.now().unwrap_or(now), deliveries.random());
        if ended == Ended::GivenUp {
            let why =
                sent.map_or_else(|failure| failure.says, |answer| format!("it answers with status {}", answer.status));
            tracing::warn!(
                webhook = delivery.name,
                delivery = delivery.message.id,
                why,
                "a webhook was not told of something"
            );
        }
        let (deliveries, seq) = (deliveries.clone(), delivery.seq);
        let noted = tokio::task::spawn_blocking(move || deliveries.note(seq, ended)).await;
        if let Ok(Err(error)) = noted {
            // It is sent again, under the same id.
            tracing::warn!(error, "what became of a delivery could not be noted");
            tokio::time::sleep(REST).await;
        }
    }
}

/// Returns what is due; nothing once the application has ended.
async fn look(deliveries: &Arc<dyn Deliveries>, busy: &Arc<Mutex<BTreeSet<i64>>>) -> Option<Vec<Delivery>> {
    deliveries.now()?;
    let busy: Vec<i64> = busy.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect();
    let room = AT_ONCE_MAX.saturating_sub(busy.len());
    if room == 0 {
        return Some(Vec::new());
    }
    let deliveries = deliveries.clone();
    let due = tokio::task::spawn_blocking(move || deliveries.due(&busy, room)).await;
    let due = due.unwrap_or_else(|error| Err(error.to_string()));
    Some(due.unwrap_or_else(|error| {
        tracing::warn!(error, "deliveries to webhooks are held up");
        Vec::new()
    }))
}

/// Says what comes of an attempt: what a later one could change is tried again, and what is refused for good is not.
fn ended(delivery: &Delivery, sent: &Result<Answered, Failure>, now: Millis, random: u64) -> Ended {
    let attempts = delivery.attempts.saturating_add(1);
    let said = match sent {
        Ok(Answered { status: 200..=299, .. }) => return Ended::Taken,
        Ok(Answered { status: 429 | 500..=599, wait_ms, .. }) => *wait_ms,
        Err(failure) if matches!(failure.code, Code::UpstreamUnavailable | Code::UpstreamTimeout) => None,
        Ok(_) | Err(_) => return Ended::GivenUp,
    };
    if attempts >= ATTEMPTS_MAX {
        return Ended::GivenUp;
    }
    let wait = backoff::as_said(backoff::after(attempts, random), said);
    Ended::Again { due: Millis(now.0.saturating_add(wait)), attempts }
}

fn headers(message: &Message, seconds: i64, body: &[u8]) -> Result<HeaderMap, Failure> {
    let mut headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    let signature =
        message.secret.as_ref().map(|secret| sign(std::slice::from_ref(secret), &message.id, seconds, body));
    let given = [
        ("x-mlflow-delivery-id", Some(message.id.clone())),
        ("x-mlflow-timestamp", Some(seconds.to_string())),
        ("x-mlflow-signature", signature),
    ];
    for (name, value) in given.into_iter().filter_map(|(name, value)| Some((name, value?))) {
        let value = HeaderValue::try_from(value).map_err(|error| Failure::new(Code::Internal, error.to_string()))?;
        headers.insert(HeaderName::from_static(name), value);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn delivery(attempts: u32) -> Delivery {
        let message = Message { id: "d".into(), url: "https://a.example".into(), secret: None, body: "{}".into() };
        Delivery { seq: 1, webhook: 1, name: "w".into(), attempts, message }
    }

    #[test]
    fn what_a_later_attempt_could_change_is_tried_again_and_nothing_for_ever() {
        let of = |sent: Result<Answered, Failure>, attempts| ended(&delivery(attempts), &sent, Millis(0), 0);
        let answered = |status: u16| Ok(Answered { status, wait_ms: None, body: String::new() });
        assert_eq!(of(answered(204), 0), Ended::Taken);
        for status in [429, 500, 503] {
            assert_eq!(of(answered(status), 0), Ended::Again { due: Millis(1_000), attempts: 1 }, "{status}");
        }
        let asks = Ok(Answered { status: 503, wait_ms: Some(60_000), body: String::new() });
        assert_eq!(of(asks, 0), Ended::Again { due: Millis(60_000), attempts: 1 });
        for status in [199, 301, 400, 404, 410] {
            assert_eq!(of(answered(status), 0), Ended::GivenUp, "{status}");
        }
        let failed = |code| Err(Failure::new(code, "no"));
        assert_eq!(of(failed(Code::UpstreamTimeout), 1), Ended::Again { due: Millis(2_000), attempts: 2 });
        assert_eq!(of(failed(Code::AddressForbidden), 0), Ended::GivenUp);
        assert_eq!(of(failed(Code::UpstreamTimeout), ATTEMPTS_MAX - 1), Ended::GivenUp);
    }

    #[test]
    fn the_host_is_the_one_that_is_spoken_to() {
        // Another reading takes what stands before the last `@` for a name.
        for (url, expected) in [
            ("https://a.example\\@b.example/", "a.example"),
            ("https://[::1]:8443/x", "::1"),
            ("https://0x7f.1/", "127.0.0.1"),
        ] {
            assert_eq!(host(url), Ok(expected.to_owned()), "{url}");
        }
        assert!(host("https://u@a.example").is_err() && host("a.example").is_err());
    }

    #[test]
    fn the_signature_is_over_the_id_the_time_and_the_body() {
        // The secret is taken as its bytes, as MLflow's receivers do: `HMAC-SHA256(secret, "id.time.body")` in base64.
        let message = Message { secret: Some(Secret::new(b"a secret".to_vec())), ..delivery(0).message };
        let headers = headers(&message, 1_700_000_000, b"{}").unwrap();
        assert_eq!(headers["x-mlflow-signature"], SIGNED);
        assert_eq!(headers["x-mlflow-timestamp"], "1700000000");
        let unsigned = super::headers(&delivery(0).message, 1, b"{}").unwrap();
        assert!(!unsigned.contains_key("x-mlflow-signature"));
    }

    const SIGNED: &str = "v1,Z5p3+HebiG7rcE7bCHWGwt3e+c1sLekWZX7jstlI8yI=";
}
