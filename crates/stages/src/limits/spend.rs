//! What is spent of a budget in its current period.

use types::Millis;
use types::bundle::Budget;

/// Is the state of one budget of one principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spend {
    /// When the period began that `spent` counts.
    ///
    /// The instant, not the number of the period, so that a bundle that changes the period's length neither
    /// forgets what was spent nor remembers it forever.
    pub from: Millis,
    /// What was spent since.
    pub spent: i64,
}

impl Spend {
    /// Returns what is left of the budget at `now`; a `now` before the period counts as inside it.
    pub fn left(&self, budget: &Budget, now: Millis) -> i64 {
        budget.max.saturating_sub(self.current(budget, now).spent)
    }

    /// Returns the state after `amount` is spent at `now`; a negative amount gives nothing back.
    #[must_use]
    pub fn charge(&self, budget: &Budget, now: Millis, amount: i64) -> Self {
        let current = self.current(budget, now);
        Self { spent: current.spent.saturating_add(amount.max(0)), ..current }
    }

    fn current(&self, budget: &Budget, now: Millis) -> Self {
        let period_ms = budget.period_ms.max(1);
        let from = Millis(now.0.saturating_sub(now.0.rem_euclid(period_ms)));
        if from > self.from { Self { from, spent: 0 } } else { *self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::bundle::Scope;

    const HOUR: i64 = 3_600_000;

    fn budget(max: i64, period_ms: i64) -> Budget {
        Budget { covers: Scope::default(), amount: None, max, period_ms }
    }

    #[test]
    fn a_period_begins_at_multiples_of_its_length() {
        let budget = budget(100, HOUR);
        let spend = Spend::default().charge(&budget, Millis(5 * HOUR), 30);
        for (now, left) in [(5 * HOUR, 70), (6 * HOUR - 1, 70), (6 * HOUR, 100), (9 * HOUR, 100)] {
            assert_eq!(spend.left(&budget, Millis(now)), left, "at {now}");
        }
    }

    #[test]
    fn going_back_in_time_gives_nothing_back() {
        let budget = budget(100, HOUR);
        let spend = Spend::default().charge(&budget, Millis(5 * HOUR), 30);
        assert_eq!(spend.left(&budget, Millis(2 * HOUR)), 70);
        let spend = spend.charge(&budget, Millis(2 * HOUR), 30);
        assert_eq!(spend.left(&budget, Millis(5 * HOUR)), 40);
    }

    #[test]
    fn overspending_shows_and_negative_amounts_do_not_refund() {
        let budget = budget(100, HOUR);
        let spend = Spend::default().charge(&budget, Millis(HOUR), 130).charge(&budget, Millis(HOUR), -50);
        assert_eq!(spend.left(&budget, Millis(HOUR)), -30);
        assert_eq!(spend.charge(&budget, Millis(HOUR), i64::MAX).left(&budget, Millis(HOUR)), 100 - i64::MAX);
    }

    #[test]
    fn a_longer_period_does_not_keep_the_old_spending_forever() {
        let (hourly, daily) = (budget(100, HOUR), budget(100, 24 * HOUR));
        let spend = Spend::default().charge(&hourly, Millis(30 * HOUR), 60);
        assert_eq!(spend.left(&daily, Millis(31 * HOUR)), 40);
        assert_eq!(spend.left(&daily, Millis(48 * HOUR)), 100);
    }
}
