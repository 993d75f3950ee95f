//! Reaching approvers: who is told what, over which channel, and that they are.
//!
//! A [`desk::Desk`] follows the records through a [`source::Source`], keeps what is to be delivered in the store's outbox, and
//! sends it: webhooks, Slack, Teams, e-mail. Nothing here decides: a message leads to a case, and is never an answer to it.
//! Nothing here is waited for: a target that is slow, dead or hostile holds up nobody but itself.

pub mod address;
pub mod backoff;
pub mod desk;
pub mod event;
pub mod message;
pub mod rate;
pub mod send;
pub mod settings;
pub mod source;
pub mod text;
pub mod webhooks;

pub use desk::Desk;
pub use event::{Event, EventKind};
pub use settings::{Settings, SettingsError, Target};
pub use source::Source;
