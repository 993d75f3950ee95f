//! Budgets of approvals, against a model that counts minute by minute and remembers everything.

use countersign_stages::approval_budget::{WINDOW_MS, room_from};
use proptest::prelude::*;
use types::Millis;

/// Says whether there is room by looking at every vote there ever was.
fn has_room(budget: u32, now: i64, votes: &[i64]) -> bool {
    let within = votes.iter().filter(|at| now - **at < WINDOW_MS).count();
    within < usize::try_from(budget).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn there_is_room_exactly_when_fewer_votes_lie_within_the_hour(
        budget in 1_u32..6,
        gaps in prop::collection::vec(0_i64..2_000_000, 0..20),
        later in 0_i64..4_000_000,
    ) {
        let mut at = 0;
        let votes: Vec<i64> = gaps.iter().map(|gap| { at += gap; at }).collect();
        let now = at + later;
        let recent = || votes.iter().map(|at| Millis(*at));
        match room_from(budget, Millis(now), recent()) {
            None => prop_assert!(has_room(budget, now, &votes)),
            Some(from) => {
                prop_assert!(from > Millis(now));
                prop_assert!(!has_room(budget, now, &votes));
                // The instant it names is the first at which there is room.
                prop_assert!(!has_room(budget, from.0 - 1, &votes));
                prop_assert!(has_room(budget, from.0, &votes));
            }
        }
    }
}

#[test]
fn a_budget_of_nothing_is_one_of_one() {
    assert_eq!(room_from(0, Millis(5), std::iter::empty()), None);
    assert_eq!(room_from(0, Millis(5), [Millis(4)].into_iter()), Some(Millis(4 + WINDOW_MS)));
}
