//! A token bucket in whole numbers: it neither drifts nor gains from a clock that goes back.

use types::Millis;
use types::bundle::Rate;

/// Is the state of one rate of one principal.
///
/// It counts in parts of a token, `parts_per_token` to the token, chosen so that a millisecond always adds a whole
/// number of parts: nothing is ever rounded, however often one looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// How full it is.
    pub parts: i64,
    /// How many parts make a token: the rate's `refill_ms` when this was written.
    pub parts_per_token: i64,
    /// The latest instant it has been filled up to.
    pub at: Millis,
}

impl Bucket {
    /// Returns a bucket nobody has taken from.
    pub fn full(rate: &Rate, now: Millis) -> Self {
        let parts_per_token = rate.refill_ms.max(1);
        Self { parts: capacity(rate), parts_per_token, at: now }
    }

    /// Returns how many whole tokens are left at `now`.
    pub fn peek(&self, rate: &Rate, now: Millis) -> i64 {
        let filled = self.filled(rate, now);
        filled.parts.div_euclid(filled.parts_per_token)
    }

    /// Returns the bucket after one token is taken; it MUST NOT be called unless [`Bucket::peek`] gives at least 1.
    ///
    /// A bucket without a whole token is left empty rather than in debt.
    #[must_use]
    pub fn take(&self, rate: &Rate, now: Millis) -> Self {
        let filled = self.filled(rate, now);
        Self { parts: filled.parts.saturating_sub(filled.parts_per_token).max(0), ..filled }
    }

    /// Fills up to `now`. A `now` before the last one adds nothing and moves nothing.
    fn filled(&self, rate: &Rate, now: Millis) -> Self {
        let parts_per_token = rate.refill_ms.max(1);
        // A changed rate changes what a part is; rounding down there can only tighten.
        let parts = i128::from(self.parts) * i128::from(parts_per_token) / i128::from(self.parts_per_token.max(1));
        let gained = i128::from(now.since(self.at).max(0)) * i128::from(rate.burst.max(0));
        let parts = (parts + gained).min(i128::from(capacity(rate)));
        Self { parts: i64::try_from(parts).unwrap_or(0), parts_per_token, at: self.at.max(now) }
    }
}

/// In one `refill_ms` the bucket gains `burst` times `refill_ms` parts, which is `burst` tokens: it is full.
fn capacity(rate: &Rate) -> i64 {
    rate.burst.max(0).saturating_mul(rate.refill_ms.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::bundle::Scope;

    fn rate(burst: i64, refill_ms: i64) -> Rate {
        Rate { covers: Scope::default(), burst, refill_ms }
    }

    #[test]
    fn it_starts_full_and_empties() {
        let rate = rate(2, 60_000);
        let mut bucket = Bucket::full(&rate, Millis(0));
        for left in [2, 1, 0, 0] {
            assert_eq!(bucket.peek(&rate, Millis(0)), left);
            bucket = bucket.take(&rate, Millis(0));
        }
    }

    #[test]
    fn a_token_comes_back_exactly_when_its_time_is_up() {
        let rate = rate(3, 7_000);
        let mut bucket = Bucket::full(&rate, Millis(0));
        for _ in 0..3 {
            bucket = bucket.take(&rate, Millis(0));
        }
        // One token takes 7000/3 ms = 2333.3 ms.
        for (now, expected) in [(2_333, 0), (2_334, 1), (4_666, 1), (4_667, 2), (6_999, 2), (7_000, 3), (9_999_999, 3)]
        {
            assert_eq!(bucket.peek(&rate, Millis(now)), expected, "at {now}");
        }
    }

    #[test]
    fn looking_every_millisecond_loses_nothing() {
        let rate = rate(3, 7_001);
        let mut often = Bucket { parts: 0, parts_per_token: 7_001, at: Millis(0) };
        for now in 1..=5_000 {
            often = often.filled(&rate, Millis(now));
        }
        let once = Bucket { parts: 0, parts_per_token: 7_001, at: Millis(0) }.filled(&rate, Millis(5_000));
        assert_eq!(often, once);
    }

    #[test]
    fn a_clock_that_goes_back_and_forth_adds_nothing() {
        let rate = rate(10, 1_000);
        let mut bucket = Bucket { parts: 0, parts_per_token: 1_000, at: Millis(10_000) };
        for now in [9_000, 10_000, 0, 10_000, i64::MIN, 10_000] {
            bucket = bucket.filled(&rate, Millis(now));
            assert_eq!(bucket.peek(&rate, Millis(now)), 0, "at {now}");
        }
        assert_eq!(bucket.peek(&rate, Millis(10_100)), 1);
    }

    #[test]
    fn a_new_rate_keeps_the_tokens_and_obeys_the_new_size() {
        let (old, new) = (rate(10, 1_000), rate(4, 60_000));
        let bucket = Bucket::full(&old, Millis(0)).take(&old, Millis(0));
        assert_eq!(bucket.peek(&old, Millis(0)), 9);
        assert_eq!(bucket.peek(&new, Millis(0)), 4);
    }

    #[test]
    fn nonsense_in_a_bundle_gives_no_tokens_and_does_not_overflow() {
        for (burst, refill_ms, expected) in
            [(0, 1_000, 0), (-5, 1_000, 0), (i64::MAX, i64::MAX, 1), (1, i64::MAX, 1), (5, 0, 5)]
        {
            let rate = rate(burst, refill_ms);
            assert_eq!(
                Bucket::full(&rate, Millis(0)).peek(&rate, Millis(i64::MAX)),
                expected,
                "{burst} per {refill_ms}"
            );
        }
    }

    proptest::proptest! {
        /// In any span, at most the burst plus what the span refills is taken, whatever the clock does.
        #[test]
        fn never_more_than_the_rate(steps in proptest::collection::vec(0_i64..2_000, 1..200), burst in 1_i64..5, refill_ms in 1_i64..5_000) {
            let rate = rate(burst, refill_ms);
            let mut bucket = Bucket::full(&rate, Millis(0));
            let (mut now, mut taken) = (0, 0);
            for step in steps {
                now += step;
                if bucket.peek(&rate, Millis(now)) >= 1 {
                    bucket = bucket.take(&rate, Millis(now));
                    taken += 1;
                }
            }
            proptest::prop_assert!(taken <= burst + now * burst / refill_ms);
        }
    }
}
