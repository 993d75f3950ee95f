//! `webhooks…`: who outside is told of what happens in the registry. A secret is taken and never told.

use control::tracking::kept::Webhook;
use control::tracking::{Answer, ErrorCode, Refused, Tracking, WebhookEvent, WebhookTried, WebhookWish};
use models::names::Kind;
use serde_json::{Value, json};
use types::{Code, Principal};

use super::asked::{Asked, Field};
use super::experiments::nothing;
use super::{Call, shown};

const DESCRIPTION: Field = Field::new("description", Kind::Text);
const SECRET: Field = Field::new("secret", Kind::Text);
const STATUS: Field = Field::new("status", Kind::Text);

pub(super) const CALLS: &[Call] = &[
    Call::post(
        "webhooks",
        &[
            Field::new("name", Kind::Text).required(),
            Field::new("url", Kind::Text).required(),
            Field::new("events", Kind::List).required(),
            DESCRIPTION,
            SECRET,
            STATUS,
        ],
        |tracking, asked| {
            by_a_person(asked)?;
            tracking.create_webhook(wish(asked)?).map(|webhook| one(&webhook))
        },
    ),
    Call::get(
        "webhooks",
        &[Field::new("max_results", Kind::Integer), Field::new("page_token", Kind::Text)],
        |tracking, asked| {
            let found = tracking.webhooks(asked.some_integer("max_results")?, &asked.text("page_token"))?;
            Ok(shown::page("webhooks", &found, shown::webhook))
        },
    ),
    Call::get("webhooks/{webhook_id}", &[], |tracking, asked| {
        tracking.webhook(&asked.in_path("webhook_id")).map(|webhook| one(&webhook))
    }),
    Call::patch(
        "webhooks/{webhook_id}",
        &[
            Field::new("name", Kind::Text),
            DESCRIPTION,
            Field::new("url", Kind::Text),
            Field::new("events", Kind::List),
            SECRET,
            STATUS,
        ],
        change,
    ),
    Call::delete("webhooks/{webhook_id}", &[], |tracking, asked| {
        by_a_person(asked)?;
        tracking.delete_webhook(asked.in_path("webhook_id")).map(nothing)
    }),
    Call::post("webhooks/{webhook_id}/test", &[], try_it),
];

/// Lets people through alone: a webhook lets things be known outside.
fn by_a_person(asked: &Asked) -> Answer<()> {
    match asked.who().principal {
        Principal::Person(_) => Ok(()),
        Principal::Agent(_) => {
            let message = "Webhooks are made, changed, tried and deleted by people.";
            Err(Refused::new(ErrorCode::PermissionDenied, message).because(Code::Forbidden))
        }
    }
}

fn event(asked: &Asked) -> Answer<WebhookEvent> {
    let word = |name| asked.some_word(name).unwrap_or_default();
    Ok(WebhookEvent::read(&word("entity"), &word("action"))?)
}

fn wish(asked: &Asked) -> Answer<WebhookWish> {
    let events = asked.each("events", &[])?.iter().map(event).collect::<Answer<Vec<_>>>()?;
    let active = match asked.some_text("status").as_deref() {
        None => None,
        Some("ACTIVE") => Some(true),
        Some("DISABLED") => Some(false),
        Some(other) => {
            let message = format!("'{other}' is no status of a webhook.");
            return Err(Refused::new(ErrorCode::InvalidParameterValue, message));
        }
    };
    Ok(WebhookWish {
        name: asked.some_text("name"),
        url: asked.some_text("url"),
        description: asked.some_text("description"),
        secret: asked.some_text("secret"),
        active,
        events: Some(events),
    })
}

fn change(tracking: &Tracking, asked: &Asked) -> Answer<Value> {
    by_a_person(asked)?;
    let wish = wish(asked)?;
    // MLflow passes over what is empty here, but for a description and a secret.
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let events = wish.events.filter(|events| !events.is_empty());
    let wish = WebhookWish { name: given(wish.name), url: given(wish.url), events, ..wish };
    tracking.change_webhook(asked.in_path("webhook_id"), wish).map(|webhook| one(&webhook))
}

fn try_it(tracking: &Tracking, asked: &Asked) -> Answer<Value> {
    by_a_person(asked)?;
    let of = asked.some_object("event")?.as_ref().map(event).transpose()?;
    let WebhookTried { answer, failed } = tracking.try_webhook(&asked.in_path("webhook_id"), of)?;
    let mut result = json!({ "success": answer.as_ref().is_some_and(|(status, _)| *status < 400) });
    if let (Some((status, body)), Some(result)) = (answer, result.as_object_mut()) {
        result.insert("response_status".to_owned(), status.into());
        result.insert("response_body".to_owned(), body.into());
    }
    if let (Some(why), Some(result)) = (failed, result.as_object_mut()) {
        result.insert("error_message".to_owned(), format!("Failed to test webhook: {why}").into());
    }
    Ok(json!({ "result": result }))
}

fn one(webhook: &Webhook) -> Value {
    json!({ "webhook": shown::webhook(webhook) })
}
