//! Seals of models, as they are recorded: what was sealed, and what was tried against a seal.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::Digest;

/// Is the status of the record of a write to a sealed model that was refused.
pub const REFUSED: u8 = 0;

/// Is the status of the record of a model that was sealed.
pub const SEALED: u8 = 1;

/// Writes the line of a file in the text whose SHA-256 is the digest of a seal: its digest, its size and its path below the model. The lines
/// stand by path.
pub fn line(digest: &Digest, size: u64, path: &str) -> String {
    format!("{digest} {size} {path}\n")
}

/// Is a model that was sealed: none of its files changes any more.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct Sealed {
    /// The model: the id of a logged one, or `runs:/RUN/PATH` for files of a run that became a version.
    #[n(0)]
    pub model: String,
    /// The digest over all files: the SHA-256 of a line for each, with its digest, its size and its path below the model, by path.
    #[n(1)]
    pub digest: Digest,
    /// How many files there are.
    #[n(2)]
    pub files: u64,
    /// How many bytes they have together.
    #[n(3)]
    pub bytes: u64,
    /// When it was sealed, in milliseconds since the epoch; the record may follow later, by a start.
    #[n(4)]
    pub at: i64,
}

/// Is a write to a sealed model that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct WriteRefused {
    /// The model.
    #[n(0)]
    pub model: String,
    /// Where something was to be written or removed.
    #[n(1)]
    pub path: String,
    /// The SHA-256 of what was to be written; absent if something was to be removed.
    #[n(2)]
    pub digest: Option<Digest>,
    /// How often, since the last record of this.
    #[n(3)]
    pub times: u64,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::cbor;

    #[test]
    fn what_is_recorded_is_read_again() {
        let sealed = Sealed { model: "m-1".into(), digest: Digest([7; 32]), files: 2, bytes: 9, at: 5 };
        assert_eq!(cbor::decode::<Sealed>(&cbor::encode(&sealed)).unwrap(), sealed);
        let refused = WriteRefused { model: "m-1".into(), path: "0/m/a".into(), digest: None, times: 3 };
        assert_eq!(cbor::decode::<WriteRefused>(&cbor::encode(&refused)).unwrap(), refused);
    }
}
