//! Sending one message once.

mod http;
mod signature;
mod smtp;

use std::sync::Arc;

use types::{Code, Millis};

use crate::address::{Names, SystemNames};
use crate::event::Event;
use crate::settings::{Channel, Target};

pub use http::Answered;
pub(crate) use http::Post;
pub use signature::sign;

/// Is why a message was not delivered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{says}")]
pub struct Failure {
    /// The stable code.
    pub code: Code,
    /// What happened, for people; it holds no secret, and no address that is one.
    pub says: String,
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
    /// How long the target wants to be left alone, in milliseconds.
    pub wait_ms: Option<i64>,
    /// The target says that it is gone for good.
    pub gone: bool,
}

impl Failure {
    /// Builds a failure without an answer.
    pub fn new(code: Code, says: impl Into<String>) -> Self {
        Self { code, says: says.into(), status: None, wait_ms: None, gone: false }
    }
}

/// Sends messages.
pub struct Sender {
    names: Arc<dyn Names>,
    /// Where messages say that they come from.
    source: String,
}

impl Sender {
    /// Prepares to send; nothing is sent yet.
    ///
    /// - `source`: where CloudEvents say that they come from.
    pub fn new(source: String) -> Self {
        Self::over(Arc::new(SystemNames), source)
    }

    /// Prepares to send with another resolver than the machine's.
    pub fn over(names: Arc<dyn Names>, source: String) -> Self {
        Self { names, source }
    }

    /// Sends one message to a target, and returns the status of the answer, if the channel has one.
    ///
    /// The target's name is resolved and judged anew each time. It takes at most 30 seconds.
    ///
    /// # Errors
    ///
    /// [`Failure`] with `address-forbidden`, `upstream-unavailable`, `upstream-timeout`, `upstream-invalid` for an answer that is no
    /// success, or `notify-invalid`.
    pub async fn send(&self, target: &Target, event: &Event, now: Millis) -> Result<Option<u16>, Failure> {
        match &target.channel {
            Channel::Webhook { url, secrets } => {
                let request = http::webhook(url, secrets, event, &self.source, now)?;
                http::post(self.names.as_ref(), target, request, now).await.map(Some)
            }
            Channel::Slack(address) => {
                let request = http::message(address, &crate::message::slack::body(event))?;
                http::post(self.names.as_ref(), target, request, now).await.map(Some)
            }
            Channel::Teams(address) => {
                let request = http::message(address, &crate::message::teams::body(event))?;
                http::post(self.names.as_ref(), target, request, now).await.map(Some)
            }
            Channel::Email(mail) => smtp::send(self.names.as_ref(), target, mail, event, now).await.map(|()| None),
        }
    }
}
