//! Webhooks of the registry.

use models::names::{WebhookEvent, webhook_name, webhook_url};

/// Webhooks: an address that is allowed has a host that stands in it, and an event is known again by what it is written as.
pub fn webhook(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(host) = webhook_url(text, &["https"]) {
        assert!(!host.is_empty() && !host.contains(['/', '?', '#']));
        assert!(text.to_ascii_lowercase().starts_with("https://") && text.contains(host));
    }
    if webhook_name(text).is_ok() {
        assert!((1..=63).contains(&text.len()) && webhook_url(text, &["https"]).is_err());
    }
    let Some((entity, action)) = text.split_once('.') else { return };
    let Ok(event) = WebhookEvent::read(entity, action) else { return };
    let (of, what) = event.parts();
    assert_eq!(WebhookEvent::read(&of.to_uppercase(), &what.to_uppercase()), Ok(event));
    assert_eq!(WebhookEvent::named(&event.name()), Some(event));
}
