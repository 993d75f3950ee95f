//! Decoys: whether a case that people are asked about is followed by one, which, and when.
//!
//! Pure: the random bytes are given by the caller, so that a simulation draws the same decoys from the same seed.

use types::DecoyId;
use types::bundle::Decoys;

/// Is how soon after a case a decoy is shown at the earliest, in milliseconds.
pub const AFTER_MS_MIN: u32 = 5_000;

/// Is how late after a case a decoy is shown at the latest, in milliseconds.
pub const AFTER_MS_MAX: u32 = 300_000;

/// Is how many random bytes say what becomes of one case.
pub const RANDOM_BYTES: usize = 12;

/// Is a decoy that was drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drawn<'a> {
    /// The template.
    pub template: &'a DecoyId,
    /// When it is due, in milliseconds from the case on: [`AFTER_MS_MIN`] to [`AFTER_MS_MAX`].
    pub after_ms: i64,
}

/// Says whether decoys are shown at all; where not, nobody need draw.
pub fn are_shown(decoys: &Decoys) -> bool {
    decoys.per_100 > 0 && !decoys.templates.is_empty()
}

/// Says which decoy follows a case, and when, by random bytes; `None` if none does.
///
/// Four bytes each say whether, which and when. A rest of 2^32 makes the first ones likelier, by less than one in a million.
pub fn drawn(decoys: &Decoys, random: [u8; RANDOM_BYTES]) -> Option<Drawn<'_>> {
    let [a, b, c, d, e, f, g, h, i, j, k, l] = random;
    let below = |bytes: [u8; 4], end: u32| u32::from_le_bytes(bytes).checked_rem(end);
    if below([a, b, c, d], 100)? >= decoys.per_100 {
        return None;
    }
    let place = below([e, f, g, h], u32::try_from(decoys.templates.len()).ok()?)?;
    let template = decoys.templates.keys().nth(usize::try_from(place).ok()?)?;
    let after_ms = AFTER_MS_MIN + below([i, j, k, l], AFTER_MS_MAX - AFTER_MS_MIN + 1)?;
    Some(Drawn { template, after_ms: after_ms.into() })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::collections::{BTreeMap, BTreeSet};

    use types::bundle::DecoyTemplate;

    use super::*;

    fn decoys(per_100: u32, templates: usize) -> Decoys {
        let template = DecoyTemplate {
            agent: "a".parse().unwrap(),
            on_behalf_of: None,
            tool: "s.x".parse().unwrap(),
            arguments: serde_json::json!({}),
            purpose: None,
            why: "nobody needs it".into(),
        };
        let named = |n: usize| (format!("d{n}").parse().unwrap(), template.clone());
        Decoys { per_100, templates: (0..templates).map(named).collect() }
    }

    fn bytes(whether: u32, which: u32, when: u32) -> [u8; RANDOM_BYTES] {
        [whether, which, when].map(u32::to_le_bytes).concat().try_into().unwrap()
    }

    #[test]
    fn as_many_of_a_hundred_cases_are_followed_by_one_as_the_bundle_says() {
        for per_100 in [0, 1, 5, 50] {
            let decoys = decoys(per_100, 3);
            let count = (0..1_000).filter(|n| drawn(&decoys, bytes(*n, 0, 0)).is_some()).count();
            assert_eq!(count, usize::try_from(per_100).unwrap() * 10, "{per_100} of 100");
            assert_eq!(are_shown(&decoys), per_100 > 0);
        }
        assert_eq!(drawn(&decoys(50, 0), bytes(0, 0, 0)), None, "there is none to show");
        assert!(!are_shown(&decoys(50, 0)) && !are_shown(&Decoys::default()));
    }

    #[test]
    fn each_template_comes_as_often_as_another_and_never_at_once() {
        let decoys = decoys(50, 3);
        let mut counts = BTreeMap::new();
        let mut times = BTreeSet::new();
        for n in 0..3_000 {
            let found = drawn(&decoys, bytes(0, n, n * 98)).unwrap();
            *counts.entry(found.template.clone()).or_insert(0) += 1;
            times.insert(found.after_ms);
        }
        assert_eq!(counts.into_values().collect::<Vec<_>>(), [1_000, 1_000, 1_000]);
        assert_eq!(drawn(&decoys, bytes(0, 0, 295_000)).unwrap().after_ms, 300_000);
        assert_eq!(drawn(&decoys, bytes(0, 0, 295_001)).unwrap().after_ms, 5_000);
        assert!(times.len() > 2_900 && times.iter().all(|ms| (5_000..=300_000).contains(ms)));
    }
}
