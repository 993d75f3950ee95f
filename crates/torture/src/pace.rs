//! Load that is offered at a rate, however fast it is done, and what lists of times say.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, watch};

use crate::clock;

/// Offers so much a second until it is told to stop; whoever takes a place does one piece.
#[derive(Debug)]
pub struct Pace {
    places: Semaphore,
    stop: watch::Sender<bool>,
}

/// Is what was offered in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Offered {
    /// How much.
    pub pieces: u64,
    /// Over how long, in microseconds.
    pub us: u64,
    /// The longest that the queue of those who had not begun ever was.
    pub waiting_max: usize,
}

impl Default for Pace {
    fn default() -> Self {
        Self { places: Semaphore::new(0), stop: watch::channel(false).0 }
    }
}

impl Pace {
    /// Offers `rate` pieces a second until [`Pace::stop`].
    pub async fn offer(self: Arc<Self>, rate: u64) -> Offered {
        let begun = clock::now();
        let mut offered = Offered::default();
        let mut tick = tokio::time::interval(Duration::from_millis(1));
        while !*self.stop.borrow() {
            tick.tick().await;
            let due = clock::us_since(begun).saturating_mul(rate) / 1_000_000;
            let more = due.saturating_sub(offered.pieces);
            self.places.add_permits(usize::try_from(more).unwrap_or(0));
            offered.pieces += more;
            offered.waiting_max = offered.waiting_max.max(self.places.available_permits());
        }
        offered.us = clock::us_since(begun);
        self.places.close();
        offered
    }

    /// Stops offering. What was offered and nobody has begun is not done any more.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Waits for a piece; false once there is none any more.
    pub async fn take(&self) -> bool {
        self.places.acquire().await.map(tokio::sync::SemaphorePermit::forget).is_ok()
    }
}

/// Is a list of times, in microseconds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Times(Vec<u64>);

impl Times {
    /// Adds what has passed since an instant.
    pub fn add_since(&mut self, begun: Instant) {
        self.0.push(clock::us_since(begun));
    }

    /// Adds a time.
    pub fn add(&mut self, us: u64) {
        self.0.push(us);
    }

    /// Adds those of another list.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Returns how many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Returns the time that so many in a hundred do not exceed: the nearest rank; 0 of none.
    pub fn percentile(&self, percent: usize) -> u64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() * percent).div_ceil(100).max(1);
        sorted.get(rank - 1).copied().unwrap_or(0)
    }

    /// Returns the first and the last quarter, in the order in which they were added.
    pub fn first_and_last_quarter(&self) -> [Self; 2] {
        let quarter = self.0.len() / 4;
        [self.0.get(..quarter), self.0.get(self.0.len() - quarter..)]
            .map(|part| Self(part.unwrap_or_default().to_vec()))
    }

    /// Tells the median, the 99th of a hundred and the most, in milliseconds.
    pub fn told(&self) -> String {
        let ms = |us: u64| format!("{}.{:02}", us / 1_000, us % 1_000 / 10);
        format!(
            "p50 {} ms, p99 {} ms, max {} ms",
            ms(self.percentile(50)),
            ms(self.percentile(99)),
            ms(self.percentile(100))
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_the_nearest_rank() {
        let mut times = Times::default();
        assert_eq!(times.percentile(99), 0);
        (1..=50).rev().for_each(|us| times.add(us * 1_000));
        assert_eq!([50, 99, 100, 1].map(|percent| times.percentile(percent)), [25_000, 50_000, 50_000, 1_000]);
        assert_eq!(times.told(), "p50 25.00 ms, p99 50.00 ms, max 50.00 ms");
        let [first, last] = times.first_and_last_quarter();
        assert_eq!([first.count(), last.count()], [12, 12]);
        assert_eq!([first.percentile(1), last.percentile(1)], [39_000, 1_000]);
    }

    #[tokio::test]
    async fn what_is_offered_does_not_wait_for_what_is_done() {
        let pace = Arc::new(Pace::default());
        let offering = tokio::spawn(pace.clone().offer(1_000));
        for _ in 0..20 {
            assert!(pace.take().await);
        }
        clock::sleep(30).await;
        pace.stop();
        let offered = offering.await.unwrap();
        assert!(offered.pieces >= 40 && offered.waiting_max > 0, "{offered:?}");
        assert!(!pace.take().await);
    }
}
