//! Every test run's share of the schedules.

use countersign_races::again;
use countersign_races::scenes::{SCENES, Scene};
use countersign_races::schedules::run_all;

/// Is how many schedules of each race every test run takes.
const SCHEDULES: u64 = 1_500;

/// Lists what must have been told in so many schedules, so that each race is one: now one side was first, now the other.
fn happens(scene: Scene) -> &'static [&'static str] {
    match scene {
        Scene::Timeout => &[
            "vote of ben approved",
            "vote of ben case-closed",
            "waited Approved",
            "waited approval-expired",
            "call 11 answered",
            "call 11 held",
            "call 12 answered",
            "call 12 held",
        ],
        Scene::Kill => &[
            "armed, 0 in flight",
            "armed, 1 in flight",
            "armed, 2 in flight",
            "call 11 answered",
            "call 11 killed",
            "call 12 answered",
            "call 12 killed",
            "handed out",
            "not handed out, killed",
            "alive true",
            "alive false",
            "vote of ben approved",
            "vote of ben case-closed",
        ],
        Scene::Policy => &[
            "call 11 answered",
            "call 11 held",
            "call 11 state-conflict",
            "call 12 answered",
            "call 12 held",
            "call 12 state-conflict",
            "vote of ben approved",
            "vote of ben case-closed",
        ],
        Scene::Votes => &[
            "vote of ben open",
            "vote of ben approved",
            "vote of ben vote-repeated",
            "vote of ben case-closed",
            "vote of cleo open",
            "vote of cleo approved",
            "call 11 answered",
            "call 11 held",
            "call 12 answered",
            "call 12 held",
        ],
        Scene::Deputy => &[
            "ben gave eve",
            "ben took back from eve",
            "ben took back from eve not-found",
            "vote of eve open",
            "vote of eve approved",
            "vote of eve vote-repeated",
            "vote of eve voter-excluded",
            "vote of cleo open",
            "vote of cleo approved",
            "vote of cleo vote-repeated",
            "vote of cleo voter-excluded",
            "vote of ben approved",
            "vote of ben voter-excluded",
            "call 11 answered",
            "call 11 held",
        ],
        Scene::Ballot => &[
            "cast by ben approved",
            "cast by ben ballot-used",
            "cast by ben ballot-void",
            "cast by cleo approved",
            "cast by cleo passkey-revoked",
            "cast by cleo ballot-void",
            "passkey of cleo revoked",
            "call 11 answered",
            "call 11 held",
        ],
    }
}

#[test]
fn nothing_goes_wrong_and_each_side_is_first_in_turn() {
    let _alone = crate::alone();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    for scene in SCENES {
        let counts = run_all(scene, 1, 1 + SCHEDULES, threads)
            .unwrap_or_else(|wrong| panic!("{}\n{}", wrong.what, again::line(scene, wrong.seed, None, None)));
        println!("{}: {counts:?}", scene.name());
        for told in happens(scene) {
            assert!(counts.get(*told).is_some_and(|count| *count > 0), "{}: `{told}` never happened", scene.name());
        }
    }
}

#[test]
fn a_seed_is_one_schedule() {
    let _alone = crate::alone();
    for scene in SCENES {
        for seed in [2, 3, 2_718] {
            let once = || run_all(scene, seed, seed + 1, 1).unwrap();
            assert_eq!(once(), once(), "{} --seed {seed}", scene.name());
        }
    }
}
