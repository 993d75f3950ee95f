//! Knows when something has not been used for a while, without reading a clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

/// Counts the uses of something.
#[derive(Debug, Default)]
pub(crate) struct Idle {
    uses: AtomicUsize,
    changed: Notify,
}

/// Is one use; it ends when dropped.
#[derive(Debug)]
pub(crate) struct Use(Arc<Idle>);

impl Idle {
    /// Begins a use.
    pub(crate) fn begin(self: &Arc<Self>) -> Use {
        self.uses.fetch_add(1, Ordering::AcqRel);
        self.changed.notify_one();
        Use(Arc::clone(self))
    }

    /// Says whether nothing uses it now.
    pub(crate) fn is_unused(&self) -> bool {
        self.uses() == 0
    }

    /// Counts what uses it now.
    pub(crate) fn uses(&self) -> usize {
        self.uses.load(Ordering::Acquire)
    }

    /// Waits until it has been unused for that long.
    pub(crate) async fn unused_for(&self, span: Duration) {
        loop {
            let quiet = tokio::time::timeout(span, self.changed.notified()).await.is_err();
            if quiet && self.is_unused() {
                return;
            }
        }
    }
}

impl Drop for Use {
    fn drop(&mut self) {
        self.0.uses.fetch_sub(1, Ordering::AcqRel);
        self.0.changed.notify_one();
    }
}
