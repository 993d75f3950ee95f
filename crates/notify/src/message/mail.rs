//! A message as e-mail: plain text, whose headers hold nothing but our words and inert ones.

use std::fmt::Write as _;
use std::time::{Duration, UNIX_EPOCH};

use lettre::Message;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use types::{Code, Millis};

use super::{link_text, rows, title};
use crate::event::Event;
use crate::send::Failure;
use crate::settings::Mail;

/// Says that no person has written it, so that nobody's absence is answered to it (RFC 3834).
#[derive(Debug, Clone, Copy)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// Writes a mail.
///
/// # Errors
///
/// `notify-invalid` if the target's addresses make none.
pub fn message(event: &Event, mail: &Mail, now: Millis) -> Result<Message, Failure> {
    let id = format!("<{}@{}>", event.id, mail.from.email.domain());
    let date = UNIX_EPOCH + Duration::from_millis(u64::try_from(now.0).unwrap_or(0));
    let mut builder = Message::builder()
        .from(mail.from.clone())
        .subject(format!("[Countersign] {}", title(event)))
        .message_id(Some(id))
        .date(date)
        .header(AutoSubmitted)
        .header(ContentType::TEXT_PLAIN);
    for to in &mail.to {
        builder = builder.to(to.clone());
    }
    builder.body(text(event)).map_err(|error| Failure::new(Code::NotifyInvalid, error.to_string()))
}

fn text(event: &Event) -> String {
    let mut out = format!("{}\n\n", title(event));
    for (name, value) in rows(event) {
        // Writing to a `String` cannot fail.
        let _ = writeln!(out, "{name}: {value}");
    }
    let _ = write!(out, "\n{}:\n{}\n\nAn answer to this mail decides nothing.\n", link_text(event), event.link);
    out
}
