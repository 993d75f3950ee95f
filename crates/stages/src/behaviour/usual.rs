//! What is usual: medians of hours, and how far hours commonly are from them.

use std::collections::{BTreeMap, BTreeSet};

use types::baseline::BaselineRule;
use types::{Millis, ToolName};

use super::hour::{Hour, Hours, Range, hour_of};
use crate::mutant::{self, Mutant};

/// Is what is usual for an agent in a class. A bound that is absent rests on too few hours to be known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Usual {
    /// In how many whole hours of the window it acted.
    pub hours: i64,
    /// The most permits in an hour.
    pub volume_max: Option<i64>,
    /// The most failures among an hour's endings, in basis points.
    pub errors_bp_max: Option<i64>,
    /// The longest that an hour's answers took on average, in milliseconds.
    pub pace_ms_max: Option<i64>,
    /// The amounts, by where they stand in the arguments.
    pub amounts: BTreeMap<String, Range>,
    /// The tools it had permits for in enough hours.
    pub tools: BTreeSet<ToolName>,
    /// The marks of the resources it had permits for in enough hours.
    pub resources: BTreeSet<u64>,
}

/// Tells what is usual at `now`, from the whole hours of the window before the present one.
pub fn usual(hours: &Hours, rule: &BaselineRule, now: Millis) -> Usual {
    let past = Past::of(hours, rule, now);
    let amounts = rule.amounts.iter().filter_map(|pointer| Some((pointer.clone(), past.amounts(pointer)?)));
    Usual {
        hours: past.acted(),
        volume_max: past.volume_max(),
        errors_bp_max: past.errors_bp_max(),
        pace_ms_max: past.pace_ms_max(),
        amounts: amounts.collect(),
        tools: past.often(|hour| &hour.tools),
        resources: past.often(|hour| &hour.resources),
    }
}

/// Are the whole hours that a baseline looks back on.
struct Past<'a> {
    hours: Vec<&'a Hour>,
    rule: &'a BaselineRule,
}

impl<'a> Past<'a> {
    /// Takes the hours of the window before the present one.
    fn of(hours: &'a Hours, rule: &'a BaselineRule, now: Millis) -> Self {
        let present = hour_of(now) + i64::from(mutant::on(Mutant::HourTeachesItself));
        let first = present.saturating_sub(24 * i64::from(rule.window_days));
        Self { hours: hours.range(first..present).map(|(_, hour)| hour).collect(), rule }
    }

    /// Returns in how many of them the agent acted.
    fn acted(&self) -> i64 {
        i64::try_from(self.hours.iter().filter(|hour| hour.permits > 0).count()).unwrap_or(i64::MAX)
    }

    /// Returns what was seen in enough of them.
    fn often<T: Ord + Clone + 'a>(&self, seen: impl Fn(&'a Hour) -> &'a BTreeSet<T>) -> BTreeSet<T> {
        let min = if mutant::on(Mutant::SeenOnceIsUsual) { 1 } else { self.rule.seen_min.max(1) };
        let mut hours: BTreeMap<&T, u32> = BTreeMap::new();
        self.hours.iter().flat_map(|hour| seen(hour)).for_each(|one| *hours.entry(one).or_default() += 1);
        hours.into_iter().filter(|(_, count)| *count >= min).map(|(one, _)| one.clone()).collect()
    }

    // A spread of nothing would make the smallest change unusual: each series has a least one.

    fn volume_max(&self) -> Option<i64> {
        let permits = self.hours.iter().map(|hour| i64::from(hour.permits)).filter(|permits| *permits > 0);
        Some(bounds(permits.collect(), self.rule, 1)?.most)
    }

    fn errors_bp_max(&self) -> Option<i64> {
        Some(bounds(self.ended().filter_map(Hour::errors_bp).collect(), self.rule, 200)?.most)
    }

    fn pace_ms_max(&self) -> Option<i64> {
        Some(bounds(self.ended().filter_map(Hour::pace_ms).collect(), self.rule, 50)?.most)
    }

    /// Returns which amounts at a place are usual: from what the hours' smallest ones lie above, to what their largest lie below.
    fn amounts(&self, pointer: &str) -> Option<Range> {
        let ranges = || self.hours.iter().filter_map(|hour| hour.amounts.get(pointer));
        let least = bounds(ranges().map(|range| range.least).collect(), self.rule, 1)?.least;
        let most = bounds(ranges().map(|range| range.most).collect(), self.rule, 1)?.most;
        Some(Range { least, most })
    }

    fn ended(&self) -> impl Iterator<Item = &'a Hour> {
        self.hours.iter().copied().filter(|hour| hour.is_judged(self.rule))
    }
}

/// Returns which values are usual: the median, and on either side of it so many standard deviations as the rule says. `None` if
/// they come from fewer hours than the rule demands.
///
/// A standard deviation is taken as 1.4826 times the median distance from the median, as for values that are distributed
/// normally; so up to half of the hours may be wild without moving it far. It counts as `least` at least, and as a tenth
/// of the median.
fn bounds(values: Vec<i64>, rule: &BaselineRule, least: i64) -> Option<Range> {
    if values.len() < usize::try_from(rule.hours_min.max(1)).unwrap_or(usize::MAX) {
        return None;
    }
    let doubled: Vec<i64> = values.into_iter().map(|value| value.saturating_mul(2)).collect();
    let median = middle(doubled.clone())?;
    let distance = middle(doubled.into_iter().map(|value| value.saturating_sub(median).saturating_abs()).collect())?;
    let spread = i128::from(distance) * 14_826;
    let floor = i128::from(least.saturating_mul(2).max(median / 10)) * 10_000;
    let beyond = spread.max(floor) * i128::from(rule.deviations) / 10_000;
    let whole = |doubled: i128| i64::try_from(doubled.div_euclid(2)).ok();
    // Of halves, the lower end is rounded up and the upper one down: both belong to what is usual.
    let (least, most) = (whole(i128::from(median) - beyond + 1), whole(i128::from(median) + beyond));
    Some(Range { least: least.unwrap_or(i64::MIN), most: most.unwrap_or(i64::MAX) })
}

/// Returns the median of numbers that are even, which is whole then too.
fn middle(mut values: Vec<i64>) -> Option<i64> {
    values.sort_unstable();
    let upper = values.get(values.len() / 2)?;
    let lower = values.get(values.len().checked_sub(1)? / 2)?;
    Some(lower.midpoint(*upper))
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::baseline::{Before, Watched};
    use types::bundle::Scope;

    fn rule(hours_min: u32, deviations: u32) -> BaselineRule {
        BaselineRule {
            covers: Scope::default(),
            watch: Watched::ALL.into(),
            amounts: Vec::new(),
            window_days: 7,
            hours_min,
            seen_min: 3,
            deviations,
            endings_min: 10,
            profile: None,
            before: Before::Allow,
        }
    }

    #[test]
    fn what_is_usual_lies_around_the_median() {
        for (values, expected) in [
            (vec![10, 10, 10, 10], Some((7, 13))),
            (vec![100, 100, 100, 100], Some((70, 130))),
            (vec![0, 0, 0, 0], Some((-3, 3))),
            (vec![10, 11, 10, 11], Some((8, 13))),
            // The median is 12 and the median distance from it 2, so a standard deviation is 2.97.
            (vec![8, 10, 12, 14, 16], Some((4, 20))),
            (vec![8, 10, 12, 14, 1_000_000], Some((4, 20))),
            (vec![1, 2], None),
            (vec![], None),
        ] {
            let found = bounds(values.clone(), &rule(3, 3), 1).map(|range| (range.least, range.most));
            assert_eq!(found, expected, "{values:?}");
        }
    }

    #[test]
    fn nothing_overflows() {
        assert!(bounds(vec![i64::MAX; 5], &rule(1, u32::MAX), 1).unwrap().most > 0);
        assert!(bounds(vec![i64::MIN, i64::MAX, 0], &rule(1, 20), i64::MAX).unwrap().most > 0);
    }

    proptest::proptest! {
        /// As long as fewer than half of the hours are wild, the bounds are those of the others and what lies beyond.
        #[test]
        fn a_few_wild_hours_move_nothing_far(tame in proptest::collection::vec(10_i64..20, 9..40), wild in proptest::collection::vec(0_i64..1_000_000, 0..8)) {
            let rule = rule(1, 3);
            let mut all = tame.clone();
            all.extend(wild);
            let found = bounds(all, &rule, 1).unwrap();
            // The median is one of the tame, and more than half of all are within nine of it.
            proptest::prop_assert!((-31..=19).contains(&found.least) && (10..=61).contains(&found.most), "{found:?}");
        }
    }
}
