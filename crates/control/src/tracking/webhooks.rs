//! Webhooks of the registry: made, read, changed, deleted and tried.
//!
//! A webhook lets things be known outside, so people alone make them. Its secret is sealed, and told to nobody.

use std::sync::Arc;

use models::names::{self, WebhookEvent};
use models::page;
use notify::settings::Secret;
use notify::webhooks::{Hooks, Message, Unfit, host};
use serde_json::Value;
use store::tracking::{Change, NewWebhook, View, Webhook, WebhookChange};
use tokio::runtime::Handle;
use types::{Code, Millis};

use super::searches::{and_one, cut};
use super::webhook_events::{self, body};
use super::{Answer, ErrorCode, Found, Refused, Tracking};

/// Is how many webhooks there may be.
const WEBHOOKS_MAX: u64 = 1_000;

/// Is how many a page has, if nobody says.
const PAGE_DEFAULT: i64 = 100;

/// Is how many a page has at most.
const PAGE_MAX: i64 = 1_000;

/// Is how long a secret may be, in bytes.
const SECRET_BYTES_MAX: usize = 1_000;

/// Is how long an address may be, in bytes.
const URL_BYTES_MAX: usize = 2_000;

/// Is a webhook that somebody wants, or what is to change of one; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WebhookWish {
    /// Its name.
    pub name: Option<String>,
    /// Where it leads.
    pub url: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// What it is signed with; an empty one takes the signature away.
    pub secret: Option<String>,
    /// Whether it is told anything.
    pub active: Option<bool>,
    /// What it is told of.
    pub events: Option<Vec<WebhookEvent>>,
}

/// Is what came of trying a webhook.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WebhookTried {
    /// The status of the answer, and its body, as far as it was read; absent if there was none.
    pub answer: Option<(u16, String)>,
    /// Why there was none.
    pub failed: Option<String>,
}

fn webhook(view: &View<'_>, id: &str) -> Answer<Webhook> {
    view.webhook(id)?.ok_or_else(|| Refused::absent(format!("Webhook with ID {id} not found.")))
}

/// Says under what a webhook's secret is sealed.
fn place(id: &str) -> String {
    format!("countersign/webhook/1 {id}")
}

/// Sets what a webhook is told of, each once.
fn set_events(change: &Change<'_>, webhook: i64, events: &[WebhookEvent]) -> Answer<()> {
    let mut names: Vec<String> = events.iter().map(|event| event.name()).collect();
    if names.is_empty() {
        return Err(Refused::invalid("Webhook events must be a non-empty list of WebhookEvent objects: []."));
    }
    names.sort_unstable();
    names.dedup();
    if names.len() != events.len() {
        return Err(Refused::new(ErrorCode::BadRequest, "An event is given twice."));
    }
    Ok(change.set_webhook_events(webhook, &names)?)
}

impl Tracking {
    /// Makes a webhook.
    ///
    /// # Errors
    ///
    /// A name, an address or a secret that cannot be; an address that leads to where nothing is sent; no event, or one twice.
    pub fn create_webhook(&self, wish: WebhookWish) -> Answer<Webhook> {
        let (name, url) = (wish.name.unwrap_or_default(), wish.url.unwrap_or_default());
        names::webhook_name(&name)?;
        self.judge_url(&url)?;
        let id = webhook_events::uuid(self.draw());
        let secret = self.sealed(&id, wish.secret.unwrap_or_default())?;
        let (active, at) = (wish.active.unwrap_or(true), self.now());
        let (description, events) = (wish.description.unwrap_or_default(), wish.events.unwrap_or_default());
        self.kept.change(move |change| {
            let all = store::tracking::Page { offset: WEBHOOKS_MAX - 1, limit: 1 };
            if !change.webhooks(all)?.is_empty() {
                return Err(Refused::invalid(format!("There are {WEBHOOKS_MAX} webhooks already.")));
            }
            let (secret, description) = (secret.as_deref(), description.as_str());
            let new = NewWebhook { id: &id, name: &name, url: &url, description, secret, active, at };
            set_events(change, change.add_webhook(new)?, &events)?;
            webhook(change, &id)
        })
    }

    /// Returns webhooks, the latest first.
    ///
    /// # Errors
    ///
    /// A number of results or a token that cannot be.
    pub fn webhooks(&self, max_results: Option<i64>, page_token: &str) -> Answer<Found<Webhook>> {
        let wanted = max_results.filter(|wanted| *wanted != 0).unwrap_or(PAGE_DEFAULT);
        if !(1..=PAGE_MAX).contains(&wanted) {
            return Err(Refused::invalid(format!("max_results must be between 1 and {PAGE_MAX}.")));
        }
        let page = and_one(page::read(page_token)?, wanted);
        self.kept.view(|view| Ok(cut(view.webhooks(page)?, page)))
    }

    /// Returns a webhook.
    ///
    /// # Errors
    ///
    /// An id that is nobody's.
    pub fn webhook(&self, id: &str) -> Answer<Webhook> {
        self.kept.view(|view| webhook(view, id))
    }

    /// Changes a webhook.
    ///
    /// # Errors
    ///
    /// An id that is nobody's; what [`Tracking::create_webhook`] refuses.
    pub fn change_webhook(&self, id: String, wish: WebhookWish) -> Answer<Webhook> {
        // Whether it is there comes first, as MLflow's server has it.
        self.webhook(&id)?;
        if let Some(name) = &wish.name {
            names::webhook_name(name)?;
        }
        if let Some(url) = &wish.url {
            self.judge_url(url)?;
        }
        let secret = wish.secret.map(|secret| self.sealed(&id, secret)).transpose()?;
        let WebhookWish { name, url, description, active, events, .. } = wish;
        let (wanted, now) = (WebhookChange { name, url, description, secret, active }, self.now());
        self.kept.change(move |change| {
            let seq = webhook(change, &id)?.seq;
            if let Some(events) = &events {
                set_events(change, seq, events)?;
            }
            change.change_webhook(seq, &wanted, now)?;
            webhook(change, &id)
        })
    }

    /// Deletes a webhook, with all that it was to be told still.
    ///
    /// # Errors
    ///
    /// An id that is nobody's.
    pub fn delete_webhook(&self, id: String) -> Answer<()> {
        self.kept.change(move |change| Ok(change.delete_webhook(webhook(change, &id)?.seq)?))
    }

    /// Sends an example to a webhook, and waits for what it answers.
    ///
    /// - `event`: what the example is of; the first that the webhook is told of, if nobody says.
    ///
    /// # Errors
    ///
    /// An id that is nobody's; a server that does not deliver.
    pub fn try_webhook(&self, id: &str, event: Option<WebhookEvent>) -> Answer<WebhookTried> {
        let (webhook, secret) = self.kept.view(|view| {
            let webhook = webhook(view, id)?;
            let secret = view.webhook_secret(webhook.seq)?;
            Ok::<_, Refused>((webhook, secret))
        })?;
        let first = || webhook.events.first().and_then(|name| WebhookEvent::named(name));
        let event = event.or_else(first).unwrap_or(WebhookEvent::RegisteredModelCreated);
        let now = self.now();
        let message = Message {
            id: webhook_events::uuid(self.draw()),
            url: webhook.url,
            secret: self.opened(id, secret)?,
            body: body(event, now, &webhook_events::example(event)),
        };
        let sent = self.wait_for(move |hooks| async move { hooks.post(&message, Millis(now), true).await })?;
        Ok(match sent {
            Ok(answer) => WebhookTried { answer: Some((answer.status, answer.body)), failed: None },
            Err(failure) => WebhookTried { answer: None, failed: Some(failure.says) },
        })
    }

    /// Judges where an address leads now. It is judged anew whenever something is sent.
    fn judge_url(&self, url: &str) -> Answer<()> {
        let shown = names::quoted(names::webhook_url(url, self.hooks.schemes())?);
        if url.len() > URL_BYTES_MAX {
            return Err(Refused::invalid(format!("The webhook URL has more than {URL_BYTES_MAX} bytes.")));
        }
        let judged = match host(url) {
            Ok(host) => self.wait_for(|hooks| async move { hooks.judge(&host).await })?,
            Err(unfit) => Err(unfit),
        };
        judged.map_err(|why| match why {
            Unfit::Address(why) => Refused::invalid(format!("Invalid webhook URL {}: {why}", names::quoted(url))),
            Unfit::Unresolved(why) => Refused::invalid(format!("Cannot resolve Webhook URL hostname {shown}: {why}")),
            Unfit::Forbidden(forbidden) => Refused::invalid(format!(
                "Webhook URL must not resolve to a non-public IP address. {shown} resolves to {}.",
                forbidden.address
            )),
        })
    }

    /// Waits for what is sent or asked for over the network, on a thread that may wait.
    fn wait_for<T, F: Future<Output = T>>(&self, work: impl FnOnce(Arc<Hooks>) -> F) -> Answer<T> {
        let nowhere = |_| Refused::new(ErrorCode::TemporarilyUnavailable, "nothing is delivered here");
        Ok(Handle::try_current().map_err(nowhere)?.block_on(work(self.hooks.clone())))
    }

    fn sealed(&self, id: &str, secret: String) -> Answer<Option<Vec<u8>>> {
        if secret.is_empty() {
            return Ok(None);
        }
        if secret.len() > SECRET_BYTES_MAX {
            return Err(Refused::invalid(format!("The secret has more than {SECRET_BYTES_MAX} bytes.")));
        }
        let sealed = self.secrets.seal(&place(id), secret.as_bytes(), self.draw());
        sealed.map(Some).map_err(|error| Refused::new(ErrorCode::InternalError, error.to_string()))
    }

    /// Opens the secret of a webhook.
    pub(super) fn opened(&self, id: &str, sealed: Option<Vec<u8>>) -> Answer<Option<Secret>> {
        let Some(sealed) = sealed else { return Ok(None) };
        let unopened = |_| {
            let message = "the secret of the webhook does not open with this server's key; set it anew";
            Refused::new(ErrorCode::InternalError, message).because(Code::KeysUnusable)
        };
        self.secrets.open(&place(id), &sealed).map(|secret| Some(Secret::new(secret))).map_err(unopened)
    }
}

/// Writes texts by their keys; of equal keys the last one counts.
pub(super) fn by_key(pairs: &[store::tracking::Pair], without: &[&str]) -> Value {
    let kept = pairs.iter().filter(|pair| !without.contains(&pair.key.as_str()));
    kept.map(|pair| (pair.key.clone(), Value::from(pair.value.clone()))).collect::<serde_json::Map<_, _>>().into()
}
