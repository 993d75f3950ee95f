//! Letting time pass: what ends by it ends, once a tick.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use crate::control::Control;
use crate::door::Refusal;
use crate::machine::Command;

/// Is how often time passes, in milliseconds.
pub(crate) const TICK_MS: i64 = 250;

impl Control {
    /// Lets time pass once: permits that agents held end, cases expire, and what is kept for a time only goes.
    ///
    /// # Errors
    ///
    /// What the journal says.
    pub async fn tick(&self) -> Result<(), Refusal> {
        let now = self.now();
        self.handed.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, (_, expires)| *expires > now);
        self.ask(Command::Tick).await?;
        self.show_decoys().await
    }

    pub(crate) fn spawn_ticks(self: &Arc<Self>) {
        let this = Arc::downgrade(self);
        tokio::spawn(async move {
            let mut every = tokio::time::interval(Duration::from_millis(TICK_MS.unsigned_abs()));
            loop {
                every.tick().await;
                let Some(this) = this.upgrade() else { return };
                if let Err(refusal) = this.tick().await {
                    tracing::warn!(code = %refusal.code, "a tick was not recorded");
                    if matches!(
                        refusal.code,
                        types::Code::JournalStopped
                            | types::Code::InvariantBroken
                            | types::Code::LogFrozen
                            | types::Code::LogClosed
                            | types::Code::ShuttingDown
                    ) {
                        return;
                    }
                }
            }
        });
    }
}
