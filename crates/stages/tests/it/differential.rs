//! The decider against the reference, on generated cases.

use std::collections::BTreeMap;

use types::ClassId;
use types::bundle::BundleData;

use crate::fast;
use crate::generate::{self, Case, Dice};

/// How many cases the test generates.
const CASES: u64 = 100_000;

/// How many cases share a bundle.
const CASES_PER_BUNDLE: u64 = 20;

/// Calls `look` with generated cases until it says stop; returns how many it saw.
pub fn each_case(cases: u64, mut look: impl FnMut(u64, &BundleData, &Case) -> bool) -> u64 {
    let mut bundle = BundleData::default();
    for seed in 0..cases {
        let mut bytes = generate::bytes(seed);
        let mut dice = Dice(&mut bytes);
        if seed % CASES_PER_BUNDLE == 0 {
            bundle = generate::bundle(&mut dice);
        }
        if !look(seed, &bundle, &generate::case(&mut dice, &bundle)) {
            return seed + 1;
        }
    }
    cases
}

#[test]
fn the_decider_equals_the_reference_on_generated_cases() {
    let mut verdicts: BTreeMap<&str, u64> = BTreeMap::new();
    each_case(CASES, |seed, bundle, case| {
        let expected = spec::decide(&case.proposal, &case.facts, bundle, &|asker, mode| case.permits(asker, mode));
        let finished = fast::decide(&case.proposal, &case.facts, bundle, &|asker, mode| case.permits(asker, mode));
        assert_eq!(finished.decision.verdict, expected, "seed={seed} case={case:#?} bundle={bundle:#?}");
        // A permit is of a class, and no bundle has one whose name is none.
        let classed = case.facts.text("tool.class").is_some_and(|name| ClassId::new(name).is_ok());
        assert_eq!(finished.granted.is_some(), expected.permits() && classed, "seed={seed}");
        *verdicts.entry(finished.decision.verdict.as_str()).or_default() += 1;
        true
    });
    // Cases that nearly all end alike would prove little.
    for verdict in ["allow", "allow_observed", "escalate", "deny"] {
        assert!(verdicts[verdict] >= CASES / 100, "{verdicts:?}");
    }
}
