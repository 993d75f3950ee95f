//! The road: nothing is wrong, a seed is one run, and everything that can happen does.

use countersign_sim::road::seeds::{play, play_all};

/// Is how many seeds every test run plays.
const SEEDS: u64 = 1_000;

#[test]
fn nothing_is_wrong_and_everything_happens() {
    let (wrong, coverage, count) = play_all(1, 1 + SEEDS, threads(), false);
    println!("{coverage}");
    let told: Vec<String> = wrong
        .iter()
        .flat_map(|played| played.wrong.iter().map(move |what| format!("seed={} {what}", played.seed)))
        .collect();
    assert!(told.is_empty(), "{} seeds: {}", wrong.len(), told.join("\n"));
    assert_eq!(count, SEEDS);
    for verdict in ["allow", "allow_observed", "escalate", "deny"] {
        assert!(coverage.of("verdicts", verdict) > 100, "{verdict}");
    }
    for point in ["decision", "answer", "outcome", "backoff", "listing"] {
        assert!(coverage.of("crashes", point) > 0, "no crash at `{point}`");
    }
    for tool in ["peek", "put", "send", "add", "move"] {
        assert!(coverage.of("effects", tool) > 10, "{tool}");
    }
    assert_eq!(coverage.of("effects", "wipe") + coverage.of("effects", "nothing"), 0);
}

#[test]
fn a_seed_is_one_run() {
    for seed in [3, 1_414, 27_182] {
        assert_eq!(play(seed), play(seed));
    }
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
