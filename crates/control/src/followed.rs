//! What is followed to its end beside the requests: each thing by one task, anew after a failure and after a restart.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::MissedTickBehavior;

use crate::error::Failure;

/// Is how often what is to be followed is looked for though nobody has said that there is more, and how long a failure rests.
pub(crate) const EVERY: Duration = Duration::from_secs(5);

/// Are the things that are followed at present, by their keys.
#[derive(Clone, Default)]
pub(crate) struct Followed(Arc<Mutex<BTreeSet<String>>>);

impl Followed {
    fn keys(&self) -> MutexGuard<'_, BTreeSet<String>> {
        // Every change is one insert or remove.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Follows something, unless that is done already. What fails is told, and tried again when things are looked for the next time.
    pub(crate) fn follow<F>(&self, key: String, work: impl FnOnce() -> F)
    where
        F: Future<Output = Failure<()>> + Send + 'static,
    {
        if !self.keys().insert(key.clone()) {
            return;
        }
        let (all, work) = (self.clone(), work());
        tokio::spawn(async move {
            if let Err(refusal) = work.await {
                tracing::warn!(key, code = %refusal.code, message = %refusal.message, "it is not followed to its end yet");
                tokio::time::sleep(EVERY).await;
            }
            all.keys().remove(&key);
        });
    }
}

/// Looks for what is to be followed whenever somebody says that there is more, and now and then besides, until `look` says that it is over.
pub(crate) async fn look_now_and_then(more: Arc<Notify>, mut look: impl FnMut() -> bool) {
    /// Is how long what comes together is gathered.
    const GATHER: Duration = Duration::from_millis(20);
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = more.notified() => tokio::time::sleep(GATHER).await,
            _ = every.tick() => {}
        }
        if !look() {
            return;
        }
    }
}
