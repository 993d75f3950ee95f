//! Which keys sign the log, which epoch it is in, and whether it is frozen: stored with the records that say so.

use evidence::LogEnd;
use minicbor::{Decode, Encode};
use store::{Reader, StoreError};
use tlog::key::VerifierKey;
use types::cbor;

/// Is the kind of stored state under which the standing is kept.
pub const KIND: &str = "log";

/// Is the key of the standing among that kind.
pub const KEY: &str = "standing";

/// Is a log that ended, and whose records go on under another origin.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Ended {
    /// Its origin.
    #[n(0)]
    pub origin: String,
    /// Where it ended.
    #[n(1)]
    pub end: LogEnd,
    /// The index of the record that took it up.
    #[n(2)]
    pub record: u64,
}

/// Is how the log stands.
///
/// It is written in the transaction of the record that changes it, so it is the one truth about which of the keys at hand
/// sign; a key that it does not name was prepared for a change that never came.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Standing {
    /// The verifier keys of those that sign, the oldest first: one, or two while keys overlap.
    #[n(0)]
    pub signers: Vec<String>,
    /// Its keys may be in other hands: nothing more is recorded under this origin.
    #[n(1)]
    pub frozen: bool,
    /// The logs before this one, the first first.
    #[n(2)]
    pub ended: Vec<Ended>,
}

impl Standing {
    /// Is how a log stands in which no key has changed yet.
    pub fn first(key: &VerifierKey) -> Self {
        Self { signers: vec![key.to_string()], frozen: false, ended: Vec::new() }
    }

    /// Reads a stored standing; `None` if no key has changed yet.
    ///
    /// # Errors
    ///
    /// What the store says; [`StoreError::Damaged`] if the value is no standing.
    pub fn read(reader: &Reader) -> Result<Option<Self>, StoreError> {
        let stored = reader.state_value(KIND, KEY)?;
        let decode = |bytes: Vec<u8>| {
            cbor::decode(&bytes).map_err(|e| StoreError::Damaged(format!("the stored standing of the log is {e}")))
        };
        stored.map(decode).transpose()
    }

    /// Returns the number of the epoch, from 1.
    pub fn epoch(&self) -> u64 {
        self.ended.len() as u64 + 1
    }
}
