//! The leaf: the part of a record that goes into the log, at most 2 KiB of deterministic CBOR.

use minicbor::{Decode, Encode};
use serde::Serialize;
use types::id::RecordId;
use types::{ActionId, Digest, Millis, SessionId, cbor};

use crate::log_event::LogEvent;

/// Is how many fields every record commits to, used or not, so that presence does not leak.
pub const FIELDS: usize = 12;

/// Is the largest leaf, in bytes.
pub const LEAF_BYTES_MAX: usize = 2_048;

/// Is the version of the leaf schema this code writes.
pub const VERSION: u8 = 1;

/// Says what a record is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum RecordKind {
    /// The log begins.
    #[n(0)]
    Genesis,
    /// A session begins.
    #[n(1)]
    SessionOpen,
    /// A session ends, with its closing counts.
    #[n(2)]
    SessionClose,
    /// A proposal was decided; if it was permitted, this is the intent.
    #[n(3)]
    Decided,
    /// An action ended.
    #[n(4)]
    Outcome,
    /// A person voted on a case.
    #[n(5)]
    Vote,
    /// A case ended without a vote: expired or void.
    #[n(6)]
    CaseEnded,
    /// A kill switch was set or lifted.
    #[n(7)]
    Switch,
    /// A level was given or taken.
    #[n(8)]
    Grant,
    /// A key was created or revoked.
    #[n(9)]
    Key,
    /// A bundle was activated.
    #[n(10)]
    Bundle,
    /// A tool was pinned or quarantined.
    #[n(11)]
    Tool,
    /// Denials of one agent were counted instead of recorded one by one.
    #[n(12)]
    Aggregate,
    /// The journal was opened again, after a clean stop or a crash.
    #[n(13)]
    Recovered,
    /// A sign of life.
    #[n(14)]
    Heartbeat,
    /// A subject's keys were destroyed.
    #[n(15)]
    Erasure,
    /// The keys that sign the log changed, or may be in other hands.
    #[n(16)]
    KeyEvent,
    /// The records go on under a new origin, after a log that ended.
    #[n(17)]
    Epoch,
    /// A reviewer agent said what it wants done with a case; it is no vote.
    #[n(18)]
    Review,
    /// A request that nobody made was shown to people, answered, or ended unanswered.
    #[n(19)]
    Decoy,
    /// A model was sealed, or a write to a sealed one was refused.
    #[n(20)]
    Model,
    /// An agent named a model or a prompt that it had not named before, or no longer known: an epoch of it begins.
    #[n(21)]
    Identity,
    /// The state that an action changes was seen: before it, after it, or as it was taken back.
    #[n(22)]
    State,
    /// A system was held against the journal: what changed it, and what was done.
    #[n(23)]
    Reconciliation,
    /// What an action has led to was looked at for a while: how that came out, or what followed upon it.
    #[n(24)]
    Check,
    /// A saga was taken on, went on or ended.
    #[n(25)]
    Saga,
}

impl RecordKind {
    /// Returns the name used in output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Genesis => "genesis",
            Self::SessionOpen => "session_open",
            Self::SessionClose => "session_close",
            Self::Decided => "decided",
            Self::Outcome => "outcome",
            Self::Vote => "vote",
            Self::Review => "review",
            Self::Decoy => "decoy",
            Self::Model => "model",
            Self::Identity => "identity",
            Self::State => "state",
            Self::Reconciliation => "reconciliation",
            Self::Check => "check",
            Self::Saga => "saga",
            Self::CaseEnded => "case_ended",
            Self::Switch => "switch",
            Self::Grant => "grant",
            Self::Key => "key",
            Self::Bundle => "bundle",
            Self::Tool => "tool",
            Self::Aggregate => "aggregate",
            Self::Recovered => "recovered",
            Self::Heartbeat => "heartbeat",
            Self::Erasure => "erasure",
            Self::KeyEvent => "key_event",
            Self::Epoch => "epoch",
        }
    }
}

/// Is the place of a record in its session.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize)]
#[cbor(array)]
pub struct InSession {
    /// The session.
    #[n(0)]
    pub session: SessionId,
    /// 0 for the opening record, then one more each time, without a gap.
    #[n(1)]
    pub seq: u64,
    /// The leaf hash of the record before it in the session; absent for the opening record.
    #[n(2)]
    pub previous: Option<Digest>,
}

/// Is a list that was committed item by item: how many, and the root over their commitments.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize)]
#[cbor(array)]
pub struct Rooted {
    /// How many items there are.
    #[n(0)]
    pub count: u32,
    /// The RFC 6962 root over the commitments, in order.
    #[n(1)]
    pub root: Digest,
}

/// Is the committed part of a record.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize)]
#[cbor(map)]
pub struct Leaf {
    /// The version of this schema.
    #[n(0)]
    pub version: u8,
    /// What it is about.
    #[n(1)]
    pub kind: RecordKind,
    /// The record's own id.
    #[n(2)]
    pub record: RecordId,
    /// When it was written, in the order of the journal.
    #[n(3)]
    pub at: Millis,
    /// The action it belongs to.
    #[n(4)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<ActionId>,
    /// Its place in its session.
    #[n(5)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<InSession>,
    /// The digest of the policy bundle in force.
    #[n(6)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bundle: Option<Digest>,
    /// The rank of the verdict, 0 allow to 3 deny.
    #[n(7)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<u8>,
    /// The autonomy level, 0 to 3.
    #[n(8)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<u8>,
    /// The state the record reports, by the kind's own numbering: outcome status, ballot, case state.
    #[n(9)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u8>,
    /// The root over the commitments to the fields, of which there are always [`FIELDS`].
    #[n(10)]
    pub fields: Digest,
    /// The findings.
    #[n(11)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub findings: Option<Rooted>,
    /// The facts.
    #[n(12)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub facts: Option<Rooted>,
    /// The digest of the sealed content.
    #[n(13)]
    pub content: Digest,
    /// The version of the rules that decided.
    #[n(14)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub semantics: Option<u32>,
    /// What it says about the log itself.
    #[n(15)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<LogEvent>,
}

/// Says why bytes are not a leaf.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LeafError {
    /// The bytes are not the canonical encoding of a leaf.
    #[error("leaf is {0}")]
    Encoding(#[from] cbor::CborError),
    /// The leaf is larger than 2 KiB.
    #[error("leaf has {0} bytes, at most {LEAF_BYTES_MAX} are allowed")]
    TooLarge(usize),
    /// The leaf has another version than this code knows.
    #[error("leaf has version {0}, this program knows {VERSION}")]
    Version(u8),
}

impl Leaf {
    /// Returns the canonical bytes: what the log commits to.
    pub fn to_bytes(&self) -> Vec<u8> {
        cbor::encode(self)
    }

    /// Reads a leaf strictly.
    ///
    /// # Errors
    ///
    /// [`LeafError`], as described there.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, LeafError> {
        if bytes.len() > LEAF_BYTES_MAX {
            return Err(LeafError::TooLarge(bytes.len()));
        }
        let leaf: Self = cbor::decode(bytes)?;
        if leaf.version != VERSION {
            return Err(LeafError::Version(leaf.version));
        }
        Ok(leaf)
    }

    /// Returns the RFC 6962 hash under which the log knows these bytes.
    pub fn hash_of(bytes: &[u8]) -> Digest {
        Digest(tlog::hash::leaf_hash(bytes).0)
    }
}
