//! Each planted bug that a network must show is noticed within so many seeds, for the right reason.

use countersign_sim::net::seeds::play_all;
use types::mutant::{Mutant, NETWORK};

use crate::asked;

/// Within how many seeds a planted bug must show.
const SEEDS: u64 = 300;

/// Says what each planted bug must be noticed by: parts of what is told, one of which is enough.
fn signs(planted: Mutant) -> &'static [&'static str] {
    match planted {
        Mutant::DispatchBeforeRecord => &["it left before a permit was durable"],
        Mutant::ApprovalKept => &["they were used before"],
        Mutant::FreshKeyPerAttempt => &["it left with the key"],
        Mutant::UnsafeRetried => &["it left 2 times", "it left 3 times"],
        Mutant::OutcomeBeforeAnswer => &["it left after its outcome was recorded"],
        Mutant::ResetTakenForRefusal => &["it may have been done", "it took effect, and its agent was told"],
        Mutant::WithdrawalIgnored => &["after its client had withdrawn it"],
        Mutant::TimeWaits => &["ms after it was asked for"],
        _ => &[],
    }
}

#[test]
fn every_planted_bug_of_the_network_is_noticed() {
    let mut survived = Vec::new();
    for planted in NETWORK {
        let sum = play_all(&asked(1, 1 + SEEDS, Some(*planted as u8)));
        let told = sum.wrong.iter().flat_map(|played| played.wrong.iter().map(move |what| (played.seed, what)));
        match told.into_iter().find(|(_, what)| signs(*planted).iter().any(|sign| what.contains(sign))) {
            Some((seed, what)) => println!("({}) {planted:?}: seed {seed} of {}: {what}", *planted as u8, sum.seeds),
            None => survived.push(format!("{planted:?} survived {} seeds; told was {:?}", sum.seeds, sum.wrong)),
        }
    }
    assert!(survived.is_empty(), "{}", survived.join("\n"));
}
