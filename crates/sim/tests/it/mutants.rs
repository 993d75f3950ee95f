//! Planted bugs of the store and the ledger: each must be noticed by some seed, and by its own sign.

use countersign_sim::planted::{ISSUE, Switch, number};
use countersign_sim::power_loss;
use store::mutant::{ALL, plant};

/// Is how many seeds a planted bug may survive.
const SEEDS: u64 = 200;

#[test]
fn every_planted_bug_is_noticed_by_its_sign() {
    let mut survived = Vec::new();
    for mutant in ALL {
        let switch = Switch::PowerLoss(*mutant);
        let mut others = std::collections::BTreeSet::new();
        plant(Some(*mutant));
        let found = (0..SEEDS).filter_map(|seed| power_loss(seed).err()).find(|violation| {
            let is_sign = switch.signs().iter().any(|sign| violation.what.contains(sign));
            if !is_sign {
                others.insert(violation.what.chars().take(160).collect::<String>());
            }
            is_sign
        });
        plant(None);
        match (found, number(switch)) {
            (Some(violation), Some(number)) => println!("({number}) {mutant:?}: {violation}"),
            (Some(violation), None) => println!("(beside the 22) {mutant:?}: {violation}"),
            (None, _) => survived.push(format!("{mutant:?} survives {SEEDS} seeds; told was {others:?}")),
        }
    }
    assert!(survived.is_empty(), "{}", survived.join("\n"));
}

/// Each of the 22 has its number once, a switch of its own, and a simulation that demands its sign: the road that of each of
/// [`types::mutant::ALL`], this one that of each of [`store::mutant::ALL`].
#[test]
fn all_22_mutants_have_a_switch_and_one_who_notices() {
    let numbers: Vec<u8> = ISSUE.iter().map(|(number, ..)| *number).collect();
    assert_eq!(numbers, (1..=22).collect::<Vec<u8>>());
    for (place, (number, what, switch)) in ISSUE.iter().enumerate() {
        assert!(!switch.signs().is_empty(), "({number}) {what}: nothing tells");
        assert!(
            ISSUE.iter().skip(place + 1).all(|(_, _, other)| other != switch),
            "({number}) {what}: a shared switch"
        );
        match switch {
            Switch::Road(mutant) => {
                assert_eq!(*mutant as u8, *number, "{what}");
                assert!(types::mutant::ALL.contains(mutant), "({number}) {what}: the road does not look for it");
            }
            Switch::PowerLoss(mutant) => {
                assert!(ALL.contains(mutant), "({number}) {what}: no loss of power looks for it");
            }
        }
    }
}
