//! The desk: follows what is recorded, keeps what is to be delivered, and delivers it.
//!
//! One task follows, and each target has one of its own, so that a target that hangs holds up nobody else. A notice is noted
//! as sent only after the target has taken it: whatever dies in between, it is sent again under the same id.

mod courier;
mod router;
mod stand;
pub mod view;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use store::outbox::{Outbox, OutboxError};
use tokio::sync::watch;

use crate::send::Sender;
use crate::settings::Settings;
use crate::source::Source;

pub use stand::Stand;

/// Delivers notices for one application.
pub struct Desk {
    settings: Settings,
    source: Arc<dyn Source>,
    sender: Sender,
    outbox: Mutex<Outbox>,
    /// Moves whenever there is something new for a target.
    news: watch::Sender<u64>,
}

impl Desk {
    /// Opens the desk over the outbox at a path; nothing is followed or sent yet.
    ///
    /// What waits for targets that the settings do not name any more is dropped.
    ///
    /// # Errors
    ///
    /// What the outbox says.
    pub fn open(
        path: &Path,
        settings: Settings,
        source: Arc<dyn Source>,
        sender: Sender,
    ) -> Result<Arc<Self>, OutboxError> {
        let mut outbox = Outbox::open(path)?;
        let names: Vec<&str> = settings.targets.iter().map(|target| target.name.as_str()).collect();
        outbox.keep_targets(&names)?;
        let (news, _) = watch::channel(0);
        Ok(Arc::new(Self { settings, source, sender, outbox: Mutex::new(outbox), news }))
    }

    /// Begins to follow and to deliver, until the source has ended.
    ///
    /// What is recorded once this has returned is told, however late the first round comes.
    pub fn spawn(self: &Arc<Self>) {
        if let Err(why) = self.take_place() {
            tracing::warn!(%why, "notifications are held up");
        }
        tokio::spawn(router::run(self.clone()));
        for place in 0..self.settings.targets.len() {
            tokio::spawn(courier::run(self.clone(), place));
        }
    }

    /// Returns with what it runs.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    fn outbox(&self) -> MutexGuard<'_, Outbox> {
        // Every change is one transaction, so a panic elsewhere leaves the outbox whole.
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows what is to be delivered and what was, the newest first.
    ///
    /// # Errors
    ///
    /// What the outbox says.
    pub fn view(&self, wanted: &view::Wanted) -> Result<view::View, OutboxError> {
        view::of(&self.outbox(), &self.settings, wanted)
    }
}

/// Runs something that reads files where it holds up no other task; `None` if it did not come to its end.
async fn beside<T: Send + 'static>(desk: &Arc<Desk>, work: impl FnOnce(&Desk) -> T + Send + 'static) -> Option<T> {
    let desk = desk.clone();
    tokio::task::spawn_blocking(move || work(&desk)).await.ok()
}
