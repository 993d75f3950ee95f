//! How many messages a target gets: so many at once, then so many a minute.

use minicbor::{Decode, Encode};

/// Is a minute in milliseconds, and a message in thousandths of one.
const MINUTE_MS: i64 = 60_000;
const WHOLE: i64 = 1_000;

/// Counts what a target may still get, in thousandths of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Encode, Decode)]
#[cbor(array)]
pub struct Bucket {
    #[n(0)]
    left: i64,
    #[n(1)]
    at: i64,
}

impl Bucket {
    /// Returns a bucket that is full: as many messages as a minute may have.
    pub fn full(per_minute: u32, now: i64) -> Self {
        Self { left: i64::from(per_minute) * WHOLE, at: now }
    }

    /// Lets time pass. A clock that was set back fills nothing, and empties nothing.
    pub fn refill(&mut self, per_minute: u32, now: i64) {
        let passed = now.saturating_sub(self.at).clamp(0, MINUTE_MS);
        let most = i64::from(per_minute) * WHOLE;
        self.left = self.left.saturating_add(passed * i64::from(per_minute) * WHOLE / MINUTE_MS).min(most);
        self.at = now;
    }

    /// Returns how many whole messages may go now.
    pub fn whole(&self) -> i64 {
        self.left / WHOLE
    }

    /// Takes one message out.
    pub fn take(&mut self) {
        self.left -= WHOLE;
    }

    /// Returns in how many milliseconds there is a whole message, at least 1.
    pub fn wait_ms(&self, per_minute: u32) -> i64 {
        let missing = WHOLE - self.left;
        let a_minute = i64::from(per_minute.max(1)) * WHOLE;
        ((missing * MINUTE_MS + a_minute - 1) / a_minute).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_has_no_more_messages_than_its_rate_after_the_first_ones() {
        let (mut bucket, mut sent) = (Bucket::full(6, 0), 0);
        for now in 0..=600 {
            bucket.refill(6, now * 100);
            while bucket.whole() > 0 {
                bucket.take();
                sent += 1;
            }
        }
        assert_eq!(sent, 6 + 6, "six at once, then six in the minute after");
    }

    #[test]
    fn after_the_wait_there_is_a_message_and_not_before() {
        for per_minute in [1, 7, 60, 600] {
            let mut bucket = Bucket::full(per_minute, 0);
            while bucket.whole() > 0 {
                bucket.take();
            }
            let wait = bucket.wait_ms(per_minute);
            let (mut early, mut then) = (bucket, bucket);
            early.refill(per_minute, wait - 1);
            then.refill(per_minute, wait);
            assert_eq!((early.whole(), then.whole()), (0, 1), "{per_minute}");
        }
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing() {
        let mut bucket = Bucket::full(1, 100_000);
        bucket.take();
        bucket.refill(1, 0);
        assert_eq!(bucket.whole(), 0);
    }
}
