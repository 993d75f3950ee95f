//! Drawing a sample that neither side can steer.
//!
//! Each decision of the population has a rank, `SHA-256(20 ‖ "countersign/sample/1" ‖ seed ‖ root ‖ index)`, where 20 is
//! one byte, the seed is UTF-8, the root is the 32 bytes of the checkpoint's tree and the index has 8 bytes, the most
//! significant first. The sample is the `n` decisions of the lowest rank. The root binds the draw to one log, so an operator
//! cannot arrange records for a seed that is told only once the checkpoint is out; the seed binds it to the auditor.

use std::collections::BTreeMap;

use evidence::Leaf;
use tlog::hash::Hash;
use types::Digest;

use super::{Filter, Pick};

/// Is the domain of the rank's hash.
const DOMAIN: &str = "countersign/sample/1";

/// Returns the rank of a decision, by its index in the log.
pub fn rank(seed: &str, root: &Hash, index: u64) -> Digest {
    let bytes = [seed.as_bytes(), root.as_bytes().as_slice(), &index.to_be_bytes()].concat();
    Digest::of(DOMAIN, &bytes)
}

/// Draws the lowest ranks while a log goes by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draw {
    seed: String,
    root: Hash,
    filter: Filter,
    size: usize,
    kept: BTreeMap<(Digest, u64), Pick>,
    population: u64,
}

impl Draw {
    /// Starts to draw `size` decisions from a log.
    ///
    /// - `root`: the root of the checkpoint that is walked, and no other.
    pub fn new(seed: &str, root: Hash, filter: Filter, size: usize) -> Self {
        Self { seed: seed.to_owned(), root, filter, size, kept: BTreeMap::new(), population: 0 }
    }

    /// Takes the next leaf of the log, as [`super::walk`] hands them out.
    pub fn take(&mut self, index: u64, leaf: &Leaf, bytes: &[u8]) {
        if !self.filter.takes(leaf) {
            return;
        }
        self.population += 1;
        let place = (rank(&self.seed, &self.root, index), index);
        let late = self.kept.len() >= self.size && self.kept.last_key_value().is_none_or(|(last, _)| *last < place);
        if late {
            return;
        }
        self.kept.insert(place, Pick { index, action: leaf.action, leaf: Leaf::hash_of(bytes) });
        if self.kept.len() > self.size {
            self.kept.pop_last();
        }
    }

    /// Returns the drawn decisions in the order of the log, and of how many they were drawn.
    pub fn finish(self) -> (Vec<Pick>, u64) {
        let mut picks: Vec<Pick> = self.kept.into_values().collect();
        picks.sort_by_key(|pick| pick.index);
        (picks, self.population)
    }
}
