//! Planted bugs of the store and the ledger: each must be noticed by some seed.

use countersign_sim::power_loss;
use store::mutant::{ALL, plant};

/// Is how many seeds a planted bug may survive.
const SEEDS: u64 = 200;

#[test]
fn every_planted_bug_is_noticed() {
    for mutant in ALL {
        plant(Some(*mutant));
        let noticed = (0..SEEDS).find_map(|seed| power_loss(seed).err());
        plant(None);
        let noticed = noticed.unwrap_or_else(|| panic!("{mutant:?} survives {SEEDS} seeds"));
        println!("{mutant:?}: {noticed}");
    }
}
