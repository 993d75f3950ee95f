//! Checks after an action: which watch it, and what their looks come to.

use std::collections::{BTreeSet, VecDeque};

use types::bundle::BundleData;
use types::check::{Check, Judgement, LOOKS_MAX, Look};
use types::{ActionProposal, CheckId, Decision, Principal};

use crate::limits::Covered;

/// Returns the checks that watch an action once it has ended: those that cover it, and those that its obligations name. Nobody watches what a person does.
///
/// Reads `tool.class`, without which nobody can say what covers it, and `resource.env`.
pub fn covering(bundle: &BundleData, proposal: &ActionProposal, decision: &Decision) -> Vec<CheckId> {
    let Principal::Agent(_) = &proposal.principal else { return Vec::new() };
    let covered = Covered::by(proposal, &decision.facts);
    let covers = |check: &Check| match (&check.covers, &covered) {
        (Some(scope), Some(covered)) => covered.matches(scope),
        _ => false,
    };
    let by_scope = bundle.checks.iter().filter(|(_, check)| covers(check)).map(|(id, _)| id);
    let obliged = decision.obligations.iter().filter_map(|id| bundle.obligations.get(id)?.verify.as_ref());
    let all: BTreeSet<&CheckId> = by_scope.chain(obliged).collect();
    all.into_iter().cloned().collect()
}

/// Is what was seen so far, as far as a judgement reads it back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Looks {
    /// How many looks were good.
    pub good: u32,
    /// How many were bad.
    pub bad: u32,
    /// How many saw nothing.
    pub nothing: u32,
    /// The last [`LOOKS_MAX`] that saw something, in order.
    last: VecDeque<Look>,
}

impl Looks {
    /// Takes one more.
    pub fn take(&mut self, look: Look) {
        let count = match look {
            Look::Good => &mut self.good,
            Look::Bad => &mut self.bad,
            Look::Nothing => &mut self.nothing,
        };
        *count = count.saturating_add(1);
        if look != Look::Nothing {
            self.last.push_back(look);
            let over = self.last.len().saturating_sub(LOOKS_MAX as usize);
            self.last.drain(..over);
        }
    }
}

/// Says what looks come to so far; nothing, as long as that is open.
///
/// It is violated as soon as [`Check::failures`] of the last [`Check::of_last`] looks that saw something were bad. At the end it has held if the last look
/// that saw something was good, and at least half of the looks that there should have been were good. Everything else is inconclusive: whoever saw nothing knows nothing.
///
/// - `over`: there are no more looks.
pub fn judge(check: &Check, looks: &Looks, over: bool) -> Option<Judgement> {
    let last = looks.last.iter().rev().take(check.of_last() as usize);
    let bad = last.filter(|look| **look == Look::Bad).count();
    if bad >= check.failures() as usize && bad > 0 {
        return Some(Judgement::Violated);
    }
    if !over {
        return None;
    }
    let enough = i64::from(looks.good).saturating_mul(2) >= check.looks();
    Some(if enough && looks.last.back() == Some(&Look::Good) { Judgement::Held } else { Judgement::Inconclusive })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn check(every_ms: i64, for_ms: i64, failures: u32, of_last: u32) -> Check {
        let text =
            serde_json::json!({ "every_ms": every_ms, "for_ms": for_ms, "failures": failures, "of_last": of_last });
        serde_json::from_value(text).unwrap()
    }

    fn looks(text: &str) -> Looks {
        let mut looks = Looks::default();
        for letter in text.chars() {
            looks.take(match letter {
                'g' => Look::Good,
                'b' => Look::Bad,
                _ => Look::Nothing,
            });
        }
        looks
    }

    #[test]
    fn looks_come_to_what_was_seen() {
        use Judgement::{Held, Inconclusive, Violated};
        // Five looks: three bad ones of the last three, or of the last five.
        let (in_a_row, of_five) = (check(10, 40, 3, 3), check(10, 40, 3, 5));
        for (seen, rule, judged) in [
            ("ggggg", &in_a_row, Held),
            ("bbb", &in_a_row, Violated),
            ("gbbb", &in_a_row, Violated),
            ("bbggg", &in_a_row, Held),
            // It flaps: only who reads back further than a row sees that.
            ("bgbgb", &in_a_row, Inconclusive),
            ("bgbgb", &of_five, Violated),
            ("gbgbg", &in_a_row, Held),
            // A look that saw nothing neither breaks a row nor counts in it.
            ("b-b-b", &in_a_row, Violated),
            ("-----", &in_a_row, Inconclusive),
            ("", &in_a_row, Inconclusive),
            ("gg---", &in_a_row, Inconclusive),
            ("g-g-g", &in_a_row, Held),
            // It was well, and ended badly.
            ("ggggb", &in_a_row, Inconclusive),
            ("gggb-", &in_a_row, Inconclusive),
        ] {
            assert_eq!(judge(rule, &looks(seen), true), Some(judged), "{seen}");
        }
        assert_eq!(judge(&check(10, 0, 1, 1), &looks("g"), true), Some(Held));
        assert_eq!(judge(&check(10, 0, 1, 1), &looks("-"), true), Some(Inconclusive));
    }

    #[test]
    fn nothing_is_said_before_the_end_but_that_it_is_violated() {
        let rule = check(10, 40, 2, 2);
        for open in ["", "g", "b", "-----", "gbgbgb"] {
            assert_eq!(judge(&rule, &looks(open), false), None, "{open}");
        }
        assert_eq!(judge(&rule, &looks("gbb"), false), Some(Judgement::Violated));
    }

    #[test]
    fn nothing_seen_is_never_good_news() {
        // Every sequence of up to six looks, for every rule up to three of four.
        let letters = ['g', 'b', '-'];
        let all = (0..=6).flat_map(|length| {
            (0..3_usize.pow(length))
                .map(move |number| (0..length).map(|at| letters[number / 3_usize.pow(at) % 3]).collect::<String>())
        });
        for seen in all {
            let made = looks(&seen);
            let good = made.good;
            for (failures, of_last) in [(1, 1), (2, 2), (2, 4), (3, 3), (3, 4)] {
                let rule = check(10, 50, failures, of_last);
                let judged = judge(&rule, &made, true).unwrap();
                assert!(judged != Judgement::Held || good >= 3, "{seen}");
                assert!(judged != Judgement::Violated || seen.contains('b'), "{seen}");
                // More of what is bad never makes it better.
                let worse = judge(&rule, &looks(&format!("{seen}b")), true).unwrap();
                assert!(worse != Judgement::Held, "{seen}b");
            }
        }
    }
}
