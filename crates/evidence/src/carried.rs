//! What a closed log hands to the one that comes after it, and how both say so.
//!
//! The last record of a log counts what it leaves open. The first record of the next one commits, in its content, to
//! everything the next decision reads; nothing guessable stands in its leaf.

use minicbor::{Decode, Encode};
use types::{Digest, Millis, cbor};

/// Keeps the digest of carried state apart from every other digest.
const DOMAIN: &str = "countersign/carried-state/1";

/// Is the body of the record that closes a log: how many records it has, and what goes on in the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Counts {
    /// The records of the log, this one included.
    #[n(0)]
    pub records: u64,
    /// The sessions that were closed with it.
    #[n(1)]
    pub sessions: u64,
    /// The cases that wait for people or for their one use.
    #[n(2)]
    pub cases: u64,
    /// The permits whose agents have not reported yet.
    #[n(3)]
    pub flights: u64,
    /// The kill switches that are set.
    #[n(4)]
    pub switches: u64,
}

/// Is the body of the record that begins a log after one that was closed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Carried {
    /// The number of the closed log, from 1.
    #[n(0)]
    pub number: u64,
    /// The final checkpoint of the closed log, with the cosignatures it had, byte for byte.
    #[n(1)]
    pub checkpoint: String,
    /// The digest of the state that was carried over, see [`state_digest`].
    #[n(2)]
    pub state: Digest,
    /// How many rows that are.
    #[n(3)]
    pub rows: u64,
    /// The origins that the closed log had, its last one last.
    #[n(4)]
    pub origins: Vec<String>,
    /// A quorum of the witnesses had cosigned that checkpoint.
    #[n(5)]
    pub is_witnessed: bool,
    /// When its first record was written.
    #[n(6)]
    pub first: Millis,
    /// When its last record was written.
    #[n(7)]
    pub last: Millis,
}

/// Returns the digest of some state: of its rows in canonical encoding, sorted by kind and key, whatever order they come in.
///
/// - `rows`: kind, key and value in canonical bytes; a kind and key MUST NOT come twice.
pub fn state_digest<'a>(rows: impl IntoIterator<Item = (&'a str, &'a str, &'a [u8])>) -> Digest {
    let mut rows: Vec<_> = rows.into_iter().collect();
    rows.sort_unstable();
    let rows: Vec<(&str, &str, &minicbor::bytes::ByteSlice)> =
        rows.into_iter().map(|(kind, key, value)| (kind, key, value.into())).collect();
    Digest::of(DOMAIN, &cbor::encode(&rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: [(&str, &str, &[u8]); 3] = [("case", "b", &[1]), ("case", "a", &[2]), ("bundle", "z", &[])];

    #[test]
    fn the_order_of_rows_does_not_matter_and_everything_else_does() {
        let digest = state_digest(ROWS);
        assert_eq!(state_digest(ROWS.into_iter().rev()), digest);
        for (place, changed) in [(0, ("case", "b", &[2][..])), (1, ("case", "aa", &[2])), (2, ("bundl", "ez", &[]))] {
            let mut rows = ROWS;
            rows[place] = changed;
            assert_ne!(state_digest(rows), digest, "{changed:?}");
        }
        assert_ne!(state_digest(ROWS.into_iter().skip(1)), digest);
    }

    #[test]
    fn its_encoding_is_an_array_of_rows() {
        let bytes = [&[0x81, 0x83, 0x61, b'k', 0x61, b'y', 0x42, 7, 8][..]].concat();
        assert_eq!(state_digest([("k", "y", &[7, 8][..])]), Digest::of(DOMAIN, &bytes));
    }
}
