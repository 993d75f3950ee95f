//! Hashes of a Merkle tree as RFC 6962 section 2.1 defines them, with SHA-256.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use thiserror::Error;

const LEAF_PREFIX: [u8; 1] = [0x00];
const NODE_PREFIX: [u8; 1] = [0x01];

/// A SHA-256 hash of a leaf, of an inner node or of a whole tree.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; Hash::LEN]);

/// Why a text or a byte string is no hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HashError {
    /// The text is not padded standard base64 of exactly 32 bytes.
    #[error("not the padded standard base64 of 32 bytes")]
    Base64,
    /// The text is not 64 hexadecimal digits.
    #[error("not 64 hexadecimal digits")]
    Hex,
    /// The byte string is not exactly 32 bytes long.
    #[error("{0} bytes where a hash has 32")]
    Length(usize),
}

impl HashError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> &'static str {
        "hash-malformed"
    }
}

impl Hash {
    /// The length of a hash in bytes.
    pub const LEN: usize = 32;

    /// Returns the bytes of the hash.
    pub fn as_bytes(&self) -> &[u8; Hash::LEN] {
        &self.0
    }

    /// Prints the hash as padded standard base64, 44 characters.
    pub fn to_base64(&self) -> String {
        STANDARD.encode(self.0)
    }

    /// Parses padded standard base64 and accepts only the one canonical spelling of each hash.
    ///
    /// # Errors
    ///
    /// [`HashError::Base64`] if the text is anything but 32 bytes in that encoding.
    pub fn from_base64(text: &str) -> Result<Self, HashError> {
        let bytes = STANDARD.decode(text).map_err(|_| HashError::Base64)?;
        bytes.try_into().map(Hash).map_err(|_| HashError::Base64)
    }

    /// Parses 64 hexadecimal digits of either case.
    ///
    /// # Errors
    ///
    /// [`HashError::Hex`] if the text is anything else.
    pub fn from_hex(text: &str) -> Result<Self, HashError> {
        let mut bytes = [0; Hash::LEN];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| HashError::Hex)?;
        Ok(Hash(bytes))
    }
}

impl TryFrom<&[u8]> for Hash {
    type Error = HashError;

    fn try_from(bytes: &[u8]) -> Result<Self, HashError> {
        bytes.try_into().map(Hash).map_err(|_| HashError::Length(bytes.len()))
    }
}

impl From<[u8; Hash::LEN]> for Hash {
    fn from(bytes: [u8; Hash::LEN]) -> Self {
        Hash(bytes)
    }
}

impl AsRef<[u8]> for Hash {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Hashes one log entry into its leaf hash, `SHA-256(0x00 || entry)`.
pub fn leaf_hash(entry: &[u8]) -> Hash {
    Hash(Sha256::new().chain_update(LEAF_PREFIX).chain_update(entry).finalize().into())
}

/// Hashes two neighbouring subtrees into their parent, `SHA-256(0x01 || left || right)`.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Hash(Sha256::new().chain_update(NODE_PREFIX).chain_update(left.0).chain_update(right.0).finalize().into())
}

/// Returns the root of the tree without leaves, `SHA-256("")`.
pub fn empty_root() -> Hash {
    Hash(Sha256::digest([]).into())
}

/// Computes the root over a row of neighbouring hashes of one level, taken as leaves.
///
/// A hash without a right neighbour moves up unchanged, which for every length gives the tree of RFC 6962
/// section 2.1. Needs memory for half the row.
pub fn merkle_root(row: &[Hash]) -> Hash {
    let mut above = parents(row);
    while above.len() > 1 {
        above = parents(&above);
    }
    above.first().copied().unwrap_or_else(empty_root)
}

fn parents(row: &[Hash]) -> Vec<Hash> {
    row.chunks(2)
        .filter_map(|pair| match pair {
            [left, right] => Some(node_hash(left, right)),
            [alone] => Some(*alone),
            _ => None,
        })
        .collect()
}
