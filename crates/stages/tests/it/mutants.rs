//! Every planted bug is noticed by the reference within a few thousand generated cases.

use countersign_stages::mutant;

use crate::differential::each_case;
use crate::fast;

/// Within how many cases a planted bug must show.
const CASES: u64 = 20_000;

#[test]
fn every_planted_bug_is_caught() {
    for planted in mutant::ALL {
        mutant::plant(Some(*planted));
        let mut caught = false;
        let cases = each_case(CASES, |_, bundle, case| {
            let expected = spec::decide(&case.proposal, &case.facts, bundle, &|asker, mode| case.permits(asker, mode));
            let verdict = fast::decide(&case.proposal, &case.facts, bundle, &|asker, mode| case.permits(asker, mode))
                .decision
                .verdict;
            caught = verdict != expected;
            !caught
        });
        mutant::plant(None);
        assert!(caught, "{planted:?} survived {CASES} cases");
        println!("{planted:?} caught in case {cases}");
    }
}
