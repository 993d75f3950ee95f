//! Reviews: what an independent reviewer agent says of a case. They are no votes.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::{AgentId, CaseId, Digest, Millis};

/// Says what a reviewer wants done with a case. There is none that approves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum Advice {
    /// It goes on to people, with the reviewer's reason.
    #[n(0)]
    On,
    /// It goes back to who proposed it, and the case ends.
    #[n(1)]
    Back,
}

impl Advice {
    /// Returns the name used on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Back => "back",
        }
    }
}

/// Is one review, given by a reviewer agent with its own credential on what it was shown.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct Review {
    /// The case.
    #[n(0)]
    pub case: CaseId,
    /// Who reviews.
    #[n(1)]
    pub reviewer: AgentId,
    /// The model family that the bundle declared for the reviewer when it reviewed.
    #[n(2)]
    pub family: String,
    /// What it wants done.
    #[n(3)]
    pub advice: Advice,
    /// Why, in the reviewer's words: untrusted, as all that an agent writes.
    #[n(4)]
    pub reason: String,
    /// The digest of what was displayed; it equals the case's own or the review does not count.
    #[n(5)]
    pub shown: Digest,
    /// When.
    #[n(6)]
    pub at: Millis,
}
