//! Generation of inclusion and consistency proofs from whatever stores the tree's hashes.

use thiserror::Error;

use crate::hash::{Hash, empty_root, merkle_root, node_hash};
use crate::proof::{ProofError, check_sizes};

/// A source of the hashes of complete subtrees: tiles, a database, or the leaf hashes in memory.
///
/// A slice of leaf hashes is such a source; it computes each subtree anew, which suits tests and small trees.
pub trait HashReader {
    /// What the source reports when it cannot give a hash.
    type Error;

    /// Reads the root of the subtree over leaves `index * 2^level` up to and without `(index + 1) * 2^level`.
    ///
    /// Level 0 are the leaves. Callers MUST only ask for subtrees that are complete in the tree.
    ///
    /// # Errors
    ///
    /// The source's own error if it does not have the hash.
    fn read(&self, level: u8, index: u64) -> Result<Hash, Self::Error>;
}

/// Why a slice of leaf hashes cannot give a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ReadError {
    /// The subtree reaches beyond the last leaf.
    #[error("the tree has no complete subtree {index} at level {level}")]
    NotInTree {
        /// The level asked for, 0 being the leaves.
        level: u8,
        /// The index asked for within the level.
        index: u64,
    },
}

impl ReadError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> &'static str {
        "hash-not-in-tree"
    }
}

impl HashReader for [Hash] {
    type Error = ReadError;

    fn read(&self, level: u8, index: u64) -> Result<Hash, ReadError> {
        let leaves = || {
            let width = 1usize.checked_shl(level.into())?;
            let start = usize::try_from(index).ok()?.checked_mul(width)?;
            self.get(start..start.checked_add(width)?)
        };
        leaves().map(merkle_root).ok_or(ReadError::NotInTree { level, index })
    }
}

/// Why a proof cannot be generated.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProveError<E> {
    /// No such proof exists.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// A hash the proof needs cannot be read.
    #[error("a hash of the tree cannot be read")]
    Read(#[source] E),
}

impl<E> ProveError<E> {
    /// Returns the stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            ProveError::Proof(error) => error.code(),
            ProveError::Read(_) => "hash-unreadable",
        }
    }
}

/// Generates the proof that the tree of `size` leaves has its leaf at `index`, from the leaf's sibling upwards.
///
/// # Errors
///
/// [`ProofError::IndexOutOfRange`] if `index` is not below `size`; [`ProveError::Read`] if a hash cannot be read.
pub fn prove_inclusion<R: HashReader + ?Sized>(
    index: u64,
    size: u64,
    reader: &R,
) -> Result<Vec<Hash>, ProveError<R::Error>> {
    if index >= size {
        return Err(ProofError::IndexOutOfRange { index, size }.into());
    }
    let mut proof = Vec::new();
    climb(reader, 0, index, size, &mut proof).map_err(ProveError::Read)?;
    Ok(proof)
}

/// Generates the proof that the tree of `size1` leaves is a prefix of the tree of `size2` leaves.
///
/// # Errors
///
/// [`ProofError::EmptyTree`] if `size1` is 0; [`ProofError::SizesOutOfOrder`] if `size1` is above `size2`;
/// [`ProveError::Read`] if a hash cannot be read.
pub fn prove_consistency<R: HashReader + ?Sized>(
    size1: u64,
    size2: u64,
    reader: &R,
) -> Result<Vec<Hash>, ProveError<R::Error>> {
    check_sizes(size1, size2)?;
    let mut proof = Vec::new();
    if size1 < size2 {
        consistency_path(reader, size1, size2, &mut proof).map_err(ProveError::Read)?;
    }
    Ok(proof)
}

/// Computes the root of the tree of `size` leaves.
///
/// # Errors
///
/// The reader's own error, if a hash cannot be read.
pub fn tree_root<R: HashReader + ?Sized>(size: u64, reader: &R) -> Result<Hash, R::Error> {
    range_root(reader, 0, size)
}

/// Proves the last complete subtree of the old tree within the new one: from it both roots can be computed.
fn consistency_path<R: HashReader + ?Sized>(
    reader: &R,
    size1: u64,
    size2: u64,
    proof: &mut Vec<Hash>,
) -> Result<(), R::Error> {
    let level = size1.trailing_zeros() as u8;
    let index = (size1 >> level) - 1;
    if !size1.is_power_of_two() {
        proof.push(reader.read(level, index)?);
    }
    climb(reader, level, index, size2, proof)
}

/// Appends the siblings on the way from the subtree at (`level`, `index`) to the root. `size` is not 0.
fn climb<R: HashReader + ?Sized>(
    reader: &R,
    level: u8,
    index: u64,
    size: u64,
    proof: &mut Vec<Hash>,
) -> Result<(), R::Error> {
    let (mut index, mut last) = (index, (size - 1) >> level);
    for level in level..64 {
        let sibling = index ^ 1;
        if sibling <= last {
            let start = sibling << level;
            let end = start.checked_add(1 << level).map_or(size, |end| end.min(size));
            proof.push(range_root(reader, start, end)?);
        }
        (index, last) = (index >> 1, last >> 1);
    }
    Ok(())
}

/// Computes the root over the leaves from `start` up to and without `end`, where `start` is a multiple of some
/// power of two not below the number of leaves: from the right, each complete subtree joins those after it.
fn range_root<R: HashReader + ?Sized>(reader: &R, start: u64, mut end: u64) -> Result<Hash, R::Error> {
    let mut root = None;
    while end > start {
        let level = (end - start).trailing_zeros() as u8;
        let left = reader.read(level, (end >> level) - 1)?;
        root = Some(root.map_or(left, |right| node_hash(&left, &right)));
        end -= 1 << level;
    }
    Ok(root.unwrap_or_else(empty_root))
}
