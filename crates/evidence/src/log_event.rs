//! What a leaf says in the open about the log itself: which keys sign it, where another log was taken up, and what became of
//! one that was closed.
//!
//! It is no content: a reader who holds nothing but the published log can follow the keys of the log and sees every gap.

use minicbor::{Decode, Encode};
use serde::Serialize;
use types::Digest;

use crate::log_archive::Contents;

/// Says what became of the keys that sign checkpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, Serialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum LogEventKind {
    /// A second key of the same name signs besides the old one.
    #[n(0)]
    Rotated,
    /// The old key signs no longer.
    #[n(1)]
    Retired,
    /// The keys may be in other hands; this log ends here.
    #[n(2)]
    Compromised,
    /// Another log ended, and the same records go on under a new origin.
    #[n(3)]
    Continued,
    /// The log is complete: this is its last record.
    #[n(4)]
    Closed,
    /// A new log begins after one that was closed: this is its first record.
    #[n(5)]
    Began,
    /// Somebody said that a closed log is in an archive, which they have read back; who writes the record did not read it.
    #[n(6)]
    Archived,
    /// A closed log was deleted; its final checkpoint is kept.
    #[n(7)]
    Deleted,
    /// Contents of a closed log were erased.
    #[n(8)]
    Erased,
}

impl LogEventKind {
    /// Returns the name used in output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rotated => "rotated",
            Self::Retired => "retired",
            Self::Compromised => "compromised",
            Self::Continued => "continued",
            Self::Closed => "closed",
            Self::Began => "began",
            Self::Archived => "archived",
            Self::Deleted => "deleted",
            Self::Erased => "erased",
        }
    }
}

/// Says where a log ended that is taken up under a new origin.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize)]
#[cbor(map)]
pub struct LogEnd {
    /// How many of its records are there.
    #[n(0)]
    pub found: u64,
    /// How many records it is known to have had; more than were found if some are lost.
    #[n(1)]
    pub seen: u64,
    /// The root over all it is known to have had; absent if only the number is known, as from a witness.
    #[n(2)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<Digest>,
}

impl LogEnd {
    /// Returns how many records are lost.
    pub fn lost(&self) -> u64 {
        self.seen.saturating_sub(self.found)
    }
}

/// Is what a record says about the log itself.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize)]
#[cbor(map)]
pub struct LogEvent {
    /// What happened.
    #[n(0)]
    pub event: LogEventKind,
    /// The verifier keys that signed until then.
    #[n(1)]
    pub old: Vec<String>,
    /// The verifier keys that sign from then on.
    #[n(2)]
    pub new: Vec<String>,
    /// Where the log ended that it is about, if that is another one, or an earlier epoch of this one.
    #[n(3)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<LogEnd>,
    /// The SHA-256 of that log's final checkpoint, with the cosignatures it had, byte for byte.
    #[n(4)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<Digest>,
    /// The digest of the archive that it is said to be in.
    #[n(5)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archive: Option<Digest>,
    /// What that archive is said to have of the contents.
    #[n(6)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contents: Option<Contents>,
}

impl LogEvent {
    /// Says that something happened while some keys signed, and nothing else.
    pub fn of(event: LogEventKind, old: Vec<String>, new: Vec<String>) -> Self {
        Self { event, old, new, ended: None, checkpoint: None, archive: None, contents: None }
    }
}
