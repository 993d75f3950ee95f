//! The right edge of a growing tree: all that is needed to append leaves and to compute the root.

use thiserror::Error;

use crate::hash::{Hash, empty_root, node_hash};
use crate::prove::HashReader;

const SIZE_LEN: usize = 8;

/// The compact range of a tree: the roots of its complete subtrees from the left, largest first.
///
/// A tree of `size` leaves has one such subtree for each set bit of `size`, hence at most 64.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    edge: Vec<Hash>,
}

/// Why a frontier cannot be read or cannot grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FrontierError {
    /// The bytes are not a size followed by as many hashes as that size has set bits.
    #[error("{bytes} bytes are not a frontier: a size in 8 bytes and one hash for each of its set bits")]
    Malformed {
        /// The number of bytes given.
        bytes: usize,
    },
    /// The tree already has 2^64-1 leaves.
    #[error("the tree is full")]
    Full,
}

impl FrontierError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            FrontierError::Malformed { .. } => "frontier-malformed",
            FrontierError::Full => "tree-full",
        }
    }
}

impl Frontier {
    /// Creates the frontier of the empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf hash.
    ///
    /// # Errors
    ///
    /// [`FrontierError::Full`] if the tree has 2^64-1 leaves; the frontier is then unchanged.
    pub fn push(&mut self, leaf: Hash) -> Result<(), FrontierError> {
        self.push_with(leaf, |_, _, _| ())
    }

    /// Appends a leaf hash and calls `visit(level, index, hash)` for each subtree it completes, from the
    /// leaf itself at level 0 upwards.
    ///
    /// The arguments are those of [`HashReader::read`], so that the visited hashes can be stored to serve it.
    ///
    /// # Errors
    ///
    /// [`FrontierError::Full`] if the tree has 2^64-1 leaves; the frontier is then unchanged and nothing visited.
    pub fn push_with(&mut self, leaf: Hash, mut visit: impl FnMut(u8, u64, Hash)) -> Result<(), FrontierError> {
        let size = self.size.checked_add(1).ok_or(FrontierError::Full)?;
        let (mut level, mut index, mut node) = (0, self.size, leaf);
        visit(level, index, node);
        while index & 1 == 1
            && let Some(left) = self.edge.pop()
        {
            node = node_hash(&left, &node);
            (level, index) = (level + 1, index >> 1);
            visit(level, index, node);
        }
        self.edge.push(node);
        self.size = size;
        Ok(())
    }

    /// Computes the root of the tree.
    pub fn root(&self) -> Hash {
        self.edge.iter().rev().copied().reduce(|right, left| node_hash(&left, &right)).unwrap_or_else(empty_root)
    }

    /// Reads the frontier of the tree of `size` leaves, one hash for each set bit of `size`.
    ///
    /// # Errors
    ///
    /// The reader's own error, if a hash cannot be read.
    pub fn read<R: HashReader + ?Sized>(size: u64, reader: &R) -> Result<Self, R::Error> {
        let levels = (0..64u8).rev().filter(|level| (size >> level) & 1 == 1);
        let edge = levels.map(|level| reader.read(level, (size >> level) - 1)).collect::<Result<_, _>>()?;
        Ok(Self { size, edge })
    }

    /// Encodes the frontier as its size, 8 bytes big-endian, followed by its hashes, largest subtree first.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(SIZE_LEN + self.edge.len() * Hash::LEN);
        bytes.extend_from_slice(&self.size.to_be_bytes());
        self.edge.iter().for_each(|hash| bytes.extend_from_slice(&hash.0));
        bytes
    }

    /// Decodes what [`Frontier::to_bytes`] encodes.
    ///
    /// # Errors
    ///
    /// [`FrontierError::Malformed`] if there are fewer than 8 bytes, or if the rest is not exactly one hash
    /// for each set bit of the size.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FrontierError> {
        let malformed = FrontierError::Malformed { bytes: bytes.len() };
        let (size, rest) = bytes.split_first_chunk::<SIZE_LEN>().ok_or(malformed)?;
        let size = u64::from_be_bytes(*size);
        let (hashes, tail) = rest.as_chunks::<{ Hash::LEN }>();
        if !tail.is_empty() || hashes.len() != size.count_ones() as usize {
            return Err(malformed);
        }
        Ok(Self { size, edge: hashes.iter().copied().map(Hash).collect() })
    }
}
