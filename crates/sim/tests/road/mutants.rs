//! Every planted bug of the road is noticed within so many seeds, and where none is planted nothing is.

use std::sync::{Mutex, MutexGuard, PoisonError};

use countersign_sim::road::seeds::play_all;
use types::mutant::{self, Mutant};

/// Within how many seeds a planted bug must show.
const SEEDS: u64 = 800;

/// Says what each planted bug must be noticed by: parts of what is told, one of which is enough.
fn signs(planted: Mutant) -> &'static [&'static str] {
    match planted {
        Mutant::DispatchBeforeRecord => &["it left before a permit was durable"],
        Mutant::KillCheckedEarly => &["after the kill of", "under the kill switch"],
        Mutant::ApprovalKept => &["they were used before"],
        Mutant::ApprovalAfterExpiry => &["they have expired"],
        Mutant::ApprovalAfterPolicyChange => &["the policy has changed since"],
        Mutant::ApprovalForOtherArguments => &["about something else"],
        Mutant::FreshKeyPerAttempt => &["it left with the key"],
        Mutant::UnsafeRetried => &["it left 2 times", "it left 3 times"],
        Mutant::OutcomeBeforeAnswer => &["it left after its outcome was recorded"],
        Mutant::BudgetChargedLate | Mutant::BudgetKept => &["of the budget"],
        Mutant::DefinitionCheckedAtListing => &["is not defined as it was reviewed"],
        Mutant::RequesterVotes => &["voted and has a part in it"],
        Mutant::VoteCountedTwice => &["voted twice"],
        Mutant::ErrorAllows => &["its amount cannot be read"],
        Mutant::EpochIgnored => {
            &["at that moment", "ran alone", "not the active one", "is not what the records before make it"]
        }
        Mutant::SaltReused => &["its commitments were seen before"],
        Mutant::PermitOutlivesKill => &["is alive after a kill"],
        Mutant::CounterNotStored => &["the stored rate `"],
        Mutant::RecordTakenTwice => &["the stored rate `", "the stored session `"],
        // The network shows the first three, and races the others.
        Mutant::ResetTakenForRefusal
        | Mutant::WithdrawalIgnored
        | Mutant::TimeWaits
        | Mutant::GateLooksFirst
        | Mutant::ShownBeforeSync
        | Mutant::WaiterLooksFirst
        | Mutant::AnsweredBeforeSync => &[],
    }
}

/// Says which invariant each of these planted bugs breaks; several where it depends on what comes first.
const BREAKING: [(Mutant, &[&str]); 8] = [
    (Mutant::KillCheckedEarly, &["kill-holds"]),
    (Mutant::ApprovalKept, &["ticket-once"]),
    (Mutant::ApprovalAfterExpiry, &["ticket-once"]),
    (Mutant::ApprovalAfterPolicyChange, &["ticket-once"]),
    (Mutant::ApprovalForOtherArguments, &["ticket-once"]),
    (Mutant::BudgetChargedLate, &["limit-holds", "refund-fits"]),
    (Mutant::VoteCountedTwice, &["vote-once"]),
    (Mutant::RecordTakenTwice, &["limit-holds", "flight-once", "case-moves", "vote-once"]),
];

/// A planted bug is on for the whole process, so one test runs at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn invariants_stop_what_breaks_them() {
    let _alone = alone();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    mutant::plant(None);
    let (wrong, _, _) = play_all(1, 41, threads, false);
    assert!(wrong.is_empty(), "nothing is planted: {wrong:?}");
    let mut survived = Vec::new();
    for (planted, names) in BREAKING {
        mutant::plant_asserted(planted);
        let fired = fires(names, threads);
        mutant::plant(None);
        match fired {
            Ok((seed, what)) => println!("{planted:?}: seed {seed}: {what}"),
            Err(told) => survived.push(format!("{planted:?} survived {SEEDS} seeds; told was {told:?}")),
        }
    }
    assert!(survived.is_empty(), "{}", survived.join("\n"));
}

/// Plays seeds until one of these invariants fires: what else is wrong may be noticed first.
fn fires(names: &[&str], threads: usize) -> Result<(u64, String), Vec<String>> {
    let is_told = |what: &String| names.iter().any(|name| what.contains(&format!("the invariant `{name}` is broken")));
    let (mut from, mut others) = (1, Vec::new());
    while from <= SEEDS {
        let (wrong, _, seeds) = play_all(from, 1 + SEEDS, threads, true);
        from += seeds;
        for played in wrong {
            match played.wrong.iter().find(|what| is_told(what)) {
                Some(what) => return Ok((played.seed, what.clone())),
                None => others.extend(played.wrong),
            }
        }
    }
    Err(others)
}

#[test]
fn every_planted_bug_is_noticed() {
    let _alone = alone();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    mutant::plant(None);
    let (wrong, _, _) = play_all(1, 41, threads, false);
    assert!(wrong.is_empty(), "nothing is planted: {wrong:?}");
    let mut survived = Vec::new();
    for planted in mutant::ALL {
        mutant::plant(Some(*planted));
        let (wrong, _, seeds) = play_all(1, 1 + SEEDS, threads, true);
        mutant::plant(None);
        let told = wrong.iter().flat_map(|played| played.wrong.iter().map(move |what| (played.seed, what)));
        match told.into_iter().find(|(_, what)| signs(*planted).iter().any(|sign| what.contains(sign))) {
            Some((seed, what)) => println!("({}) {planted:?}: seed {seed} of {seeds}: {what}", *planted as u8),
            None => {
                survived.push(format!("({}) {planted:?} survived {seeds} seeds; told was {wrong:?}", *planted as u8))
            }
        }
    }
    assert!(survived.is_empty(), "{}", survived.join("\n"));
}
