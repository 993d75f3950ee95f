//! Every planted bug of the road is noticed within so many seeds, and where none is planted nothing is.

use std::sync::{Mutex, MutexGuard, PoisonError};

use countersign_sim::planted::Switch;
use countersign_sim::road::player::UNEASY;
use countersign_sim::road::seeds::{play_all, play_or_tell};
use types::mutant::{self, Mutant};

/// Within how many seeds a planted bug must show.
const SEEDS: u64 = 800;

/// Says what each planted bug of durability must be noticed by, where the disk under the road fails and loses its power.
const DURABILITY: [(store::mutant::Mutant, &[&str]); 2] = [
    (store::mutant::Mutant::NoSync, &["records survived", "is gone after a crash"]),
    (store::mutant::Mutant::TailNotSettled, &["records survived", "is gone after a crash", "a start was refused"]),
];

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
fn mutants_of_durability_are_noticed_by_what_the_road_shows() {
    let _alone = alone();
    // What every run begins with is made once, and without a bug.
    assert!(play_or_tell(UNEASY - 1).wrong.is_empty(), "nothing is planted");
    let mut survived = Vec::new();
    for (planted, signs) in DURABILITY {
        store::mutant::plant(Some(planted));
        let mut runs = (0..SEEDS).map(|n| play_or_tell(n * UNEASY + UNEASY - 1));
        let found = runs.find_map(|run| {
            let what = run.wrong.iter().find(|what| signs.iter().any(|sign| what.contains(sign)))?;
            Some((run.seed, what.clone()))
        });
        store::mutant::plant(None);
        match found {
            Some((seed, what)) => println!("{planted:?} on the road: seed {seed}: {what}"),
            None => survived.push(format!("{planted:?} survived {SEEDS} runs whose disk fails")),
        }
    }
    assert!(survived.is_empty(), "{}", survived.join("\n"));
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
        match told.into_iter().find(|(_, what)| Switch::Road(*planted).signs().iter().any(|sign| what.contains(sign))) {
            Some((seed, what)) => println!("({}) {planted:?}: seed {seed} of {seeds}: {what}", *planted as u8),
            None => {
                survived.push(format!("({}) {planted:?} survived {seeds} seeds; told was {wrong:?}", *planted as u8))
            }
        }
    }
    assert!(survived.is_empty(), "{}", survived.join("\n"));
}
