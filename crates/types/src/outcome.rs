//! What happened: seen by the gateway, or told by an agent that executes by itself.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::{ActionId, Millis};

/// Says how an action ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeStatus {
    /// The target answered that it did it.
    #[n(0)]
    Done,
    /// The target answered that it failed.
    #[n(1)]
    Failed,
    /// Nobody knows: the gateway died, or the connection did, after dispatch.
    #[n(2)]
    InDoubt,
    /// It was never dispatched.
    #[n(3)]
    NotDispatched,
}

impl OutcomeStatus {
    /// Returns the name used on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::InDoubt => "in_doubt",
            Self::NotDispatched => "not_dispatched",
        }
    }
}

/// Says who saw the outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum Provenance {
    /// The gateway carried the action out and saw the answer.
    #[n(0)]
    Observed,
    /// The agent says so; never evidence of good conduct.
    #[n(1)]
    Reported,
}

/// Is what happened to one action.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct Outcome {
    /// The action.
    #[n(0)]
    pub action: ActionId,
    /// How it ended.
    #[n(1)]
    pub status: OutcomeStatus,
    /// Who saw it.
    #[n(2)]
    pub provenance: Provenance,
    /// The answer as JSON text, whole or cut as the obligations say.
    #[n(3)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// What went wrong, for people.
    #[n(4)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// How many times it was sent, at most 1 unless the tool's effect class allows a retry.
    #[n(5)]
    pub dispatches: u32,
    /// How long the target took, in milliseconds.
    #[n(6)]
    pub took_ms: i64,
    /// When it was known.
    #[n(7)]
    pub at: Millis,
}
