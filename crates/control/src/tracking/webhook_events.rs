//! What webhooks are told: written in the change that it tells of, and delivered beside everything else.

use std::cell::Cell;
use std::sync::{Arc, Weak};

use models::names::WebhookEvent;
use notify::webhooks::{Deliveries, Delivery, Ended, Message};
use serde_json::{Value, json};
use store::tracking::{Change, NewDelivery, Pair, RegisteredModel, TrackingError, WebhookDelivery};
use tokio::sync::watch;
use types::{Digest, Millis};

use super::registered_models::PROMPT;
use super::webhooks::by_key;
use super::{Answer, Tracking};
use crate::control::Control;

/// Is how much waits for one webhook at most; what comes then is not told to it.
const ROOM: u64 = 10_000;

/// Is the tag that says what kind of prompt it is.
const PROMPT_TYPE: &str = "_mlflow_prompt_type";

/// Is the tag that holds a prompt's text.
const PROMPT_TEXT: &str = "mlflow.prompt.text";

/// Tells webhooks of what one change does.
#[derive(Debug)]
pub(super) struct Teller {
    at: i64,
    /// Makes the ids of deliveries, which nobody can guess.
    salt: [u8; 16],
    told: Cell<u64>,
}

impl Teller {
    /// Notes what the webhooks of an event are to be told.
    pub(super) fn tell(&self, change: &Change<'_>, event: WebhookEvent, data: &Value) -> Answer<()> {
        let name = event.name();
        for webhook in change.webhooks_told(&name)? {
            let number = self.told.get();
            self.told.set(number.saturating_add(1));
            let of = [&self.salt[..], &webhook.to_be_bytes(), &number.to_be_bytes()].concat();
            let digest = Digest::of("countersign/webhook-delivery/1", &of);
            let id = digest.0.first_chunk::<16>().map(|bytes| uuid(*bytes)).unwrap_or_default();
            let new = NewDelivery { id: &id, webhook, event: &name, data: &data.to_string(), at: self.at };
            if !change.add_webhook_delivery(new, ROOM)? {
                tracing::warn!(
                    event = name,
                    webhook,
                    "a webhook for which much waits already is not told of something"
                );
            }
        }
        Ok(())
    }

    /// Tells that something happened to a model, or to a prompt, which has events of its own.
    pub(super) fn tell_of(
        &self,
        change: &Change<'_>,
        model: &RegisteredModel,
        [of_model, of_prompt]: [WebhookEvent; 2],
        data: &Value,
    ) -> Answer<()> {
        self.tell(change, if is_prompt(&model.tags) { of_prompt } else { of_model }, data)
    }
}

/// Says whether a model is a prompt: of equal tags the last one counts.
pub(super) fn is_prompt(tags: &[Pair]) -> bool {
    let said = tags.iter().rev().find(|tag| tag.key == PROMPT);
    said.is_some_and(|tag| tag.value.to_lowercase() == "true")
}

/// Says that a model or a prompt was made.
pub(super) fn model_made(name: &str, tags: &[Pair], description: &str) -> (WebhookEvent, Value) {
    if is_prompt(tags) {
        let tags = by_key(tags, &[PROMPT, PROMPT_TYPE]);
        return (WebhookEvent::PromptCreated, json!({ "name": name, "tags": tags, "description": description }));
    }
    let tags = by_key(tags, &[]);
    (WebhookEvent::RegisteredModelCreated, json!({ "name": name, "tags": tags, "description": description }))
}

/// Is a version that was made.
pub(super) struct VersionMade<'a> {
    pub(super) name: &'a str,
    pub(super) number: i64,
    pub(super) source: &'a str,
    pub(super) run: &'a str,
    pub(super) tags: &'a [Pair],
    pub(super) description: &'a str,
}

/// Says that a version was made.
pub(super) fn version_made(made: &VersionMade<'_>) -> (WebhookEvent, Value) {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let (name, version, description) = (made.name, made.number.to_string(), some(made.description));
    if is_prompt(made.tags) {
        let template = made.tags.iter().rev().find(|tag| tag.key == PROMPT_TEXT).map(|tag| &tag.value);
        let tags = by_key(made.tags, &[PROMPT, PROMPT_TYPE, PROMPT_TEXT]);
        let data =
            json!({ "name": name, "version": version, "template": template, "tags": tags, "description": description });
        return (WebhookEvent::PromptVersionCreated, data);
    }
    let (source, run, tags) = (made.source, some(made.run), by_key(made.tags, &[]));
    let data = json!({
        "name": name, "version": version, "source": source, "run_id": run, "tags": tags, "description": description,
    });
    (WebhookEvent::ModelVersionCreated, data)
}

/// Is an example of what a webhook is told of an event.
pub(super) fn example(event: WebhookEvent) -> Value {
    let (entity, _) = event.parts();
    let name = if entity.starts_with("prompt") { "example_prompt" } else { "example_model" };
    let tags = json!({ "example_key": "example_value" });
    match event {
        WebhookEvent::RegisteredModelCreated => {
            json!({ "name": name, "tags": tags, "description": "An example registered model" })
        }
        WebhookEvent::ModelVersionCreated => json!({
            "name": name, "version": "1", "source": "models:/123", "run_id": "abcd1234abcd5678", "tags": tags,
            "description": "An example model version",
        }),
        WebhookEvent::ModelVersionTagSet | WebhookEvent::PromptVersionTagSet => {
            json!({ "name": name, "version": "1", "key": "example_key", "value": "example_value" })
        }
        WebhookEvent::ModelVersionTagDeleted | WebhookEvent::PromptVersionTagDeleted => {
            json!({ "name": name, "version": "1", "key": "example_key" })
        }
        WebhookEvent::ModelVersionAliasCreated | WebhookEvent::PromptAliasCreated => {
            json!({ "name": name, "alias": "example_alias", "version": "1" })
        }
        WebhookEvent::ModelVersionAliasDeleted | WebhookEvent::PromptAliasDeleted => {
            json!({ "name": name, "alias": "example_alias" })
        }
        WebhookEvent::PromptCreated => json!({ "name": name, "tags": tags, "description": "An example prompt" }),
        WebhookEvent::PromptVersionCreated => json!({
            "name": name, "version": "1", "template": "Hello {{name}}!", "tags": tags,
            "description": "An example prompt version",
        }),
        WebhookEvent::PromptTagSet => json!({ "name": name, "key": "example_key", "value": "example_value" }),
        WebhookEvent::PromptTagDeleted => json!({ "name": name, "key": "example_key" }),
        WebhookEvent::BudgetPolicyExceeded => json!({
            "budget_policy_id": "bp-abc123", "budget_unit": "USD", "budget_amount": 100.0, "current_spend": 105.5,
            "duration_unit": "MONTHS", "duration_value": 1, "target_scope": "ENDPOINT", "workspace": "default",
            "target_value": "ep-abc123", "window_start": 1_704_067_200_000_i64,
        }),
    }
}

/// Writes what is sent.
pub(super) fn body(event: WebhookEvent, at: i64, data: &Value) -> String {
    let (entity, action) = event.parts();
    let instant = jiff::Timestamp::from_millisecond(at).unwrap_or_default();
    let timestamp = format!("{instant:.6}").replace('Z', "+00:00");
    json!({ "entity": entity, "action": action, "timestamp": timestamp, "data": data }).to_string()
}

/// Writes random bytes as an id of version 4.
pub(super) fn uuid(bytes: [u8; 16]) -> String {
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}

impl Tracking {
    /// Prepares to tell webhooks of what a change does.
    pub(super) fn teller(&self) -> Teller {
        Teller { at: self.now(), salt: self.draw(), told: Cell::new(0) }
    }

    /// Makes a change of the registry, and lets what webhooks are to be told of it go out.
    pub(super) fn change_registry<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Change<'_>) -> Answer<T> + Send + 'static,
    ) -> Answer<T> {
        let made = self.kept.change(work)?;
        self.webhook_news.send_modify(|news| *news = news.wrapping_add(1));
        Ok(made)
    }

    fn delivery(&self, due: WebhookDelivery) -> Option<Delivery> {
        let secret = self.opened(&due.webhook_id, due.secret);
        let (event, data) = (WebhookEvent::named(&due.event), serde_json::from_str(&due.data));
        let (Ok(secret), Some(event), Ok(data)) = (secret, event, data) else {
            tracing::error!(webhook = due.webhook_id, delivery = due.id, "a delivery cannot be read, and is given up");
            return None;
        };
        let message = Message { id: due.id, url: due.url, secret, body: body(event, due.at, &data) };
        Some(Delivery { seq: due.seq, webhook: due.webhook, name: due.webhook_id, attempts: due.attempts, message })
    }
}

/// Is what waits for webhooks, as those who deliver see it; it keeps nothing from ending.
struct Waiting(Weak<Tracking>, watch::Receiver<u64>);

impl Deliveries for Waiting {
    fn now(&self) -> Option<Millis> {
        self.0.upgrade().map(|tracking| Millis(tracking.now()))
    }

    fn random(&self) -> u64 {
        self.0.upgrade().map_or(0, |tracking| u64::from_le_bytes(tracking.draw()))
    }

    fn due(&self, busy: &[i64], limit: usize) -> Result<Vec<Delivery>, String> {
        let Some(tracking) = self.0.upgrade() else { return Ok(Vec::new()) };
        let now = tracking.now();
        let due: Result<_, TrackingError> = tracking.kept.view(|view| view.webhook_deliveries_due(now, busy, limit));
        let mut deliveries = Vec::new();
        for due in due.map_err(|error| error.to_string())? {
            let seq = due.seq;
            match tracking.delivery(due) {
                Some(delivery) => deliveries.push(delivery),
                None => self.note(seq, Ended::GivenUp)?,
            }
        }
        Ok(deliveries)
    }

    fn note(&self, seq: i64, ended: Ended) -> Result<(), String> {
        let Some(tracking) = self.0.upgrade() else { return Ok(()) };
        let noted: Result<(), TrackingError> = tracking.kept.change(move |change| match ended {
            Ended::Taken | Ended::GivenUp => change.end_webhook_delivery(seq),
            Ended::Again { due, attempts } => change.put_off_webhook_delivery(seq, due.0, attempts),
        });
        noted.map_err(|error| error.to_string())
    }

    fn news(&self) -> watch::Receiver<u64> {
        self.1.clone()
    }
}

impl Control {
    /// Begins to deliver to webhooks, until the application has ended.
    pub(crate) fn spawn_webhooks(&self) {
        let Some(Ok(tracking)) = self.tracking.get() else { return };
        let waiting = Arc::new(Waiting(Arc::downgrade(tracking), tracking.webhook_news.subscribe()));
        tokio::spawn(tracking.hooks.clone().run(waiting));
    }
}
