//! Nothing is wrong over so many seeds, everything that can go wrong does, and a seed goes the same way twice.

use countersign_sim::again;
use countersign_sim::net::seeds::{play_all, play_apart};
use countersign_sim::net::template::Template;

use crate::asked;

/// Is how many seeds every test run plays.
const SEEDS: u64 = 24;

#[test]
fn nothing_is_wrong_and_everything_goes_wrong() {
    let sum = play_all(&asked(1, 1 + SEEDS, None));
    let told: Vec<String> = sum
        .wrong
        .iter()
        .flat_map(|played| played.wrong.iter().map(|what| format!("{}: {what}", again::line("net", played.seed, None))))
        .collect();
    assert!(told.is_empty(), "{} seeds: {}", sum.wrong.len(), told.join("\n"));
    assert_eq!(sum.seeds, SEEDS);
    for trouble in ["partition", "one-way loss", "held back", "slow"] {
        for link in ["one–gateway", "two–gateway", "people–gateway", "gateway–box"] {
            assert!(sum.of("faults", &format!("{trouble} {link}")) > 0, "{trouble} {link}");
        }
    }
    for (kind, name) in [
        ("gateway ends", "after the ledger's answer"),
        ("gateway ends", "before the ledger took what was asked"),
        ("crashes", "held"),
        ("crashes", "sent without effect yet"),
        ("cuts", "gateway reading"),
        ("cuts", "gateway sending"),
        ("clients", "took a stream up again"),
        ("clients", "withdrew"),
        ("outcomes", "in_doubt"),
        ("outcomes", "sent again"),
        ("votes", "vote-repeated"),
        ("kills", "drained"),
    ] {
        assert!(sum.of(kind, name) > 0, "{kind}: {name}");
    }
    for tool in ["peek", "put", "send", "add"] {
        assert!(sum.of("effects", tool) > 10, "{tool}");
    }
    assert_eq!(sum.of("effects", "wipe") + sum.of("effects", "nothing"), 0);
}

#[test]
fn a_seed_is_one_run_in_every_process() {
    let (template, asked) = (Template::make(), asked(0, 0, None));
    for seed in [3, 1_414, 27_182] {
        let first = play_apart(&asked, seed, &template);
        // The other begins with a folder of its own.
        let second = play_apart(&asked, seed, &Template::make());
        assert_eq!(first, second);
        assert!(!first.digest.is_empty());
    }
}
