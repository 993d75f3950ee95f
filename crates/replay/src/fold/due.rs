//! What ends by itself, ordered by when, so that a tick looks at nothing that is not due.

use std::collections::BTreeSet;

use types::Millis;

/// Is how many of each kind one tick ends at most; the rest wait for the next.
pub(super) const ENDED_MAX: usize = 1_000;

/// Orders keys by the instant at which they end.
#[derive(Debug, Clone)]
pub(super) struct Due<K>(BTreeSet<(Millis, K)>);

impl<K> Default for Due<K> {
    fn default() -> Self {
        Self(BTreeSet::new())
    }
}

impl<K: Ord + Clone> Due<K> {
    pub(super) fn add(&mut self, end: Millis, key: K) {
        self.0.insert((end, key));
    }

    pub(super) fn remove(&mut self, end: Millis, key: K) {
        self.0.remove(&(end, key));
    }

    /// Returns the first keys that have ended at `now`, at most [`ENDED_MAX`] of them; they stay until removed.
    pub(super) fn ended(&self, now: Millis) -> Vec<K> {
        self.0.iter().take_while(|(end, _)| *end <= now).take(ENDED_MAX).map(|(_, key)| key.clone()).collect()
    }
}
