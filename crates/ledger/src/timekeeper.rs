//! The journal's time: it never goes back, and a jump of the wall clock grants nothing.

use types::Millis;
use types::mutant::{self, Mutant};

/// Is how far wall clock and steady clock may drift apart before time is not believed, in milliseconds.
pub const SKEW_MS_MAX: i64 = 5_000;

/// Is how long a new wall clock must hold steady before it is believed, in milliseconds.
pub const SETTLE_MS: i64 = 30_000;

/// Is how much slower than the steady clock the journal's time runs while it is ahead of the wall clock, as a divisor: slow
/// enough that nothing lasts noticeably longer, and the two meet again.
const SLOWER_BY: i64 = 100;

/// Is one reading of the journal's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// The time records get.
    pub now: Millis,
    /// The wall clock has jumped, so nothing that depends on time is granted.
    pub jumped: bool,
}

/// Turns two clocks into one that only goes forward, and that never waits for a wall clock which was set back.
#[derive(Debug, Clone)]
pub struct Timekeeper {
    last: Millis,
    anchor: Option<(Millis, i64)>,
    doubt: Option<(i64, i64)>,
    /// Where the believed clock was leading last, and the steady clock then.
    led: (Millis, i64),
}

impl Timekeeper {
    /// Starts after the last record of the journal.
    pub fn after(last: Millis) -> Self {
        Self { last, anchor: None, doubt: None, led: (last, 0) }
    }

    /// Reads the time.
    pub fn read(&mut self, wall: Millis, steady_ms: i64) -> Reading {
        let (anchor_wall, anchor_steady) = *self.anchor.get_or_insert_with(|| {
            // A journal that ends in the future of the wall clock is a jump that happened while we were down.
            let behind = self.last.since(wall) > SKEW_MS_MAX;
            self.led = (self.last, steady_ms);
            (if behind { self.last } else { wall }, steady_ms)
        });
        let expected = anchor_wall.plus(steady_ms.saturating_sub(anchor_steady));
        let offset = wall.since(expected);
        if offset.abs() > SKEW_MS_MAX {
            self.settle(offset, wall, steady_ms);
        } else {
            // Small drift is how clocks are disciplined; follow it, so that it does not add up.
            self.doubt = None;
            self.anchor = Some((wall, steady_ms));
        }
        let believed = if self.doubt.is_some() { expected } else { wall };
        self.last = self.last.max(self.carried(believed, steady_ms));
        Reading { now: self.last, jumped: self.doubt.is_some() }
    }

    /// Returns the believed time, or how far the journal's own has been carried on since, if that is later: what ends by
    /// time ends though the wall clock was set back, and does not wait until it has caught up.
    ///
    /// Two readings of the steady clock in whole milliseconds may lie up to one more apart than what has passed. That one is left
    /// out, so that this is never ahead of a wall clock that goes on.
    fn carried(&mut self, believed: Millis, steady_ms: i64) -> Millis {
        let (from, since) = self.led;
        let passed = steady_ms.saturating_sub(since).saturating_sub(1).max(0);
        let carried = from.plus(passed - passed / SLOWER_BY);
        if believed >= carried {
            self.led = (believed, steady_ms);
        }
        if mutant::on(Mutant::TimeWaits) { believed } else { believed.max(carried) }
    }

    fn settle(&mut self, offset: i64, wall: Millis, steady_ms: i64) {
        match self.doubt {
            Some((seen, since)) if (seen - offset).abs() <= SKEW_MS_MAX => {
                if steady_ms.saturating_sub(since) >= SETTLE_MS {
                    self.anchor = Some((wall, steady_ms));
                    self.doubt = None;
                }
            }
            _ => self.doubt = Some((offset, steady_ms)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(keeper: &mut Timekeeper, wall: i64, steady: i64) -> (i64, bool) {
        let reading = keeper.read(Millis(wall), steady);
        (reading.now.0, reading.jumped)
    }

    #[test]
    fn a_forward_jump_is_doubted_until_it_settles() {
        let mut keeper = Timekeeper::after(Millis(0));
        assert_eq!(at(&mut keeper, 1_000_000, 0), (1_000_000, false));
        assert_eq!(at(&mut keeper, 1_001_000, 1_000), (1_001_000, false));
        assert_eq!(at(&mut keeper, 4_602_000, 2_000), (1_002_000, true));
        assert_eq!(at(&mut keeper, 4_631_900, 31_900), (1_031_900, true));
        assert_eq!(at(&mut keeper, 4_632_000, 32_000), (4_632_000, false));
    }

    #[test]
    fn a_backward_jump_never_takes_time_back_and_time_goes_on() {
        let mut keeper = Timekeeper::after(Millis(0));
        at(&mut keeper, 4_000_000, 0);
        assert_eq!(at(&mut keeper, 400_000, 1_000), (4_001_000, true));
        assert_eq!(at(&mut keeper, 429_900, 30_900), (4_030_900, true));
        // The clock is believed again, and what was to end meanwhile does not last until it has caught up.
        assert_eq!(at(&mut keeper, 441_000, 42_000), (4_041_889, false));
        assert_eq!(at(&mut keeper, 1_041_000, 642_000), (4_635_889, false));
    }

    #[test]
    fn it_is_never_ahead_of_a_wall_clock_that_goes_on() {
        // Both clocks are read in whole milliseconds, which begin at other moments in each.
        for (wall_us, steady_us) in [(0, 0), (0, 999), (999, 0), (500, 499), (499, 500), (1, 998)] {
            let mut keeper = Timekeeper::after(Millis(0));
            for passed_us in (0..20_000).step_by(37) {
                let wall = 1_000_000 + (wall_us + passed_us) / 1_000;
                let read = at(&mut keeper, wall, (steady_us + passed_us) / 1_000);
                assert_eq!(read, (wall, false), "{wall_us} {steady_us} {passed_us}");
            }
        }
    }

    #[test]
    fn a_clock_that_was_set_back_is_met_again() {
        let mut keeper = Timekeeper::after(Millis(0));
        at(&mut keeper, 1_000_000, 0);
        at(&mut keeper, 991_000, 1_000);
        at(&mut keeper, 1_031_000, 41_000);
        let (ahead, later) = (at(&mut keeper, 1_041_000, 51_000), at(&mut keeper, 3_000_000, 2_010_000));
        assert_eq!((ahead.0 - 1_041_000, later), (9_500, (3_000_000, false)));
    }

    #[test]
    fn a_journal_from_the_future_is_doubted_from_the_start() {
        let mut keeper = Timekeeper::after(Millis(9_000_000));
        assert_eq!(at(&mut keeper, 1_000_000, 500), (9_000_000, true));
        assert_eq!(at(&mut keeper, 1_029_000, 29_500), (9_029_000, true));
        assert_eq!(at(&mut keeper, 1_031_000, 31_500), (9_030_980, false));
    }

    #[test]
    fn slow_drift_is_followed() {
        let mut keeper = Timekeeper::after(Millis(0));
        for step in 0..100 {
            let (now, jumped) = at(&mut keeper, 1_000_000 + step * 1_100, step * 1_000);
            assert_eq!((now, jumped), (1_000_000 + step * 1_100, false));
        }
    }
}
