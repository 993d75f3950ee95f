//! Every planted bug is noticed by the reference among the cases that the differential test generates.

use countersign_stages::mutant;

use crate::differential::each_case;
use crate::fast;
use crate::{behaviour, breaker};

/// Within how many cases a planted bug must show.
const CASES: u64 = 100_000;

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

/// Each planted bug in what breakers keep is noticed by a model that forgets nothing.
#[test]
fn every_planted_bug_in_what_breakers_keep_is_caught() {
    for planted in mutant::BREAKERS {
        mutant::plant(Some(*planted));
        let caught = (0..2_000)
            .find(|seed| !breaker::circuits_agree(*seed))
            .or_else(|| (0..200).find(|seed| !breaker::bulks_agree(*seed)));
        mutant::plant(None);
        assert!(caught.is_some(), "{planted:?} survived");
        println!("{planted:?} caught at seed {}", caught.unwrap_or_default());
    }
}

/// Each planted bug in what baselines learn is noticed by a model that forgets nothing.
#[test]
fn every_planted_bug_in_what_baselines_learn_is_caught() {
    for planted in mutant::LEARNING {
        mutant::plant(Some(*planted));
        let differs = |seed: &u64| behaviour::learned(*seed).0 != behaviour::learned(*seed).1;
        let caught = (0..2_000).find(differs);
        mutant::plant(None);
        assert!(caught.is_some(), "{planted:?} survived");
        println!("{planted:?} caught at seed {}", caught.unwrap_or_default());
    }
}
