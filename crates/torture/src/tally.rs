//! Counts of what happens, for those who wait for the next one.

use tokio::sync::watch;

/// Counts events of one kind.
#[derive(Debug)]
pub struct Tally(watch::Sender<u64>);

impl Default for Tally {
    fn default() -> Self {
        Self(watch::channel(0).0)
    }
}

impl Tally {
    /// Counts one more.
    pub fn add(&self) {
        self.0.send_modify(|count| *count += 1);
    }

    /// Returns how many there were.
    pub fn count(&self) -> u64 {
        *self.0.borrow()
    }

    /// Waits until there are `more` more than now.
    pub async fn wait_for(&self, more: u64) {
        let mut counts = self.0.subscribe();
        let goal = *counts.borrow_and_update() + more;
        // The counter lives as long as this borrow of it, so waiting never fails.
        let _ = counts.wait_for(|count| *count >= goal).await;
    }
}
