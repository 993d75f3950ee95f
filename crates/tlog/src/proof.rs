//! Verification of inclusion and consistency proofs (RFC 6962 section 2.1, algorithms of RFC 9162 section 2.1).

use thiserror::Error;

use crate::hash::{Hash, node_hash};

/// Why a proof does not hold or cannot be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ProofError {
    /// The tree has no such entry.
    #[error("entry {index} is not in a tree of {size} entries")]
    IndexOutOfRange {
        /// The entry asked for, counted from 0.
        index: u64,
        /// The size of the tree.
        size: u64,
    },
    /// The older tree is larger than the newer one.
    #[error("a tree of {size1} entries cannot grow into one of {size2}")]
    SizesOutOfOrder {
        /// The size of the older tree.
        size1: u64,
        /// The size of the newer tree.
        size2: u64,
    },
    /// The older tree is empty: every tree is consistent with it, and no proof can say more.
    #[error("there is no consistency proof from an empty tree")]
    EmptyTree,
    /// The number of hashes does not fit the place in the tree.
    #[error("a proof of {hashes} hashes has the wrong length")]
    WrongLength {
        /// The number of hashes in the proof.
        hashes: usize,
    },
    /// The proof leads to another root than the one given.
    #[error("the proof leads to root {computed}, not to {expected}")]
    RootMismatch {
        /// The root the caller expects.
        expected: Hash,
        /// The root the proof leads to.
        computed: Hash,
    },
}

impl ProofError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            ProofError::IndexOutOfRange { .. } => "proof-index-out-of-range",
            ProofError::SizesOutOfOrder { .. } => "proof-sizes-out-of-order",
            ProofError::EmptyTree => "proof-from-empty-tree",
            ProofError::WrongLength { .. } => "proof-wrong-length",
            ProofError::RootMismatch { .. } => "proof-root-mismatch",
        }
    }
}

/// Verifies that the leaf hash stands at `index` (from 0) in the tree of `size` leaves with this `root`.
///
/// # Errors
///
/// [`ProofError::IndexOutOfRange`] if `index` is not below `size`; [`ProofError::WrongLength`] if the proof has
/// too few or too many hashes; [`ProofError::RootMismatch`] if it leads to another root. No others.
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> Result<(), ProofError> {
    same_root(root, inclusion_root(leaf, index, size, proof)?)
}

/// Computes the root of the only tree of `size` leaves in which the proof puts the leaf hash at `index` (from 0).
///
/// # Errors
///
/// [`ProofError::IndexOutOfRange`] if `index` is not below `size`; [`ProofError::WrongLength`] if the proof has
/// too few or too many hashes. No others.
pub fn inclusion_root(leaf: &Hash, index: u64, size: u64, proof: &[Hash]) -> Result<Hash, ProofError> {
    if index >= size {
        return Err(ProofError::IndexOutOfRange { index, size });
    }
    let mut node = *leaf;
    let mut climb = Climb { at: index, last: size - 1 };
    for sibling in proof {
        node = match climb.step(proof.len())? {
            Side::Left => node_hash(sibling, &node),
            Side::Right => node_hash(&node, sibling),
        };
    }
    climb.finish(proof.len())?;
    Ok(node)
}

/// Verifies that the tree of `size1` leaves is a prefix of the tree of `size2` leaves.
///
/// There is no proof from the empty tree: who starts at size 0 compares `root1` with [`crate::empty_root`].
///
/// # Errors
///
/// [`ProofError::EmptyTree`] if `size1` is 0; [`ProofError::SizesOutOfOrder`] if `size1` is above `size2`;
/// [`ProofError::WrongLength`] if the proof has too few or too many hashes;
/// [`ProofError::RootMismatch`] if it leads to another root on either side. No others.
pub fn verify_consistency(
    size1: u64,
    root1: &Hash,
    size2: u64,
    root2: &Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    check_sizes(size1, size2)?;
    let wrong_length = ProofError::WrongLength { hashes: proof.len() };
    if size1 == size2 {
        return if proof.is_empty() { same_root(root1, *root2) } else { Err(wrong_length) };
    }
    // The old root is itself a node of the new tree if the old tree is complete; the proof then leaves it out.
    let (seed, path) =
        if size1.is_power_of_two() { (root1, proof) } else { proof.split_first().ok_or(wrong_length)? };
    let shift = size1.trailing_zeros();
    let mut climb = Climb { at: (size1 >> shift) - 1, last: (size2 - 1) >> shift };
    let (mut old, mut new) = (*seed, *seed);
    for sibling in path {
        match climb.step(proof.len())? {
            Side::Left => (old, new) = (node_hash(sibling, &old), node_hash(sibling, &new)),
            Side::Right => new = node_hash(&new, sibling),
        }
    }
    climb.finish(proof.len())?;
    same_root(root1, old)?;
    same_root(root2, new)
}

/// Refuses pairs of sizes between which no consistency proof exists.
pub(crate) fn check_sizes(size1: u64, size2: u64) -> Result<(), ProofError> {
    if size1 > size2 {
        return Err(ProofError::SizesOutOfOrder { size1, size2 });
    }
    if size1 == 0 { Err(ProofError::EmptyTree) } else { Ok(()) }
}

fn same_root(expected: &Hash, computed: Hash) -> Result<(), ProofError> {
    if *expected == computed { Ok(()) } else { Err(ProofError::RootMismatch { expected: *expected, computed }) }
}

/// The side on which the next sibling of a proof stands.
enum Side {
    Left,
    Right,
}

/// The way from a node to the root: the node's index and the last index of its level.
struct Climb {
    at: u64,
    last: u64,
}

impl Climb {
    /// Says where the next sibling stands, and moves to the parent of both.
    fn step(&mut self, hashes: usize) -> Result<Side, ProofError> {
        if self.last == 0 {
            return Err(ProofError::WrongLength { hashes });
        }
        let side = if self.at & 1 == 1 || self.at == self.last {
            // A last node without a right neighbour moves up until it has a left one. `at` is not 0 here.
            self.shift(self.at.trailing_zeros());
            Side::Left
        } else {
            Side::Right
        };
        self.shift(1);
        Ok(side)
    }

    fn shift(&mut self, levels: u32) {
        self.at >>= levels;
        self.last >>= levels;
    }

    fn finish(&self, hashes: usize) -> Result<(), ProofError> {
        if self.last == 0 { Ok(()) } else { Err(ProofError::WrongLength { hashes }) }
    }
}
