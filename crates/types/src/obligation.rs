//! Obligations: what must happen besides an action that a policy permits.

use serde::{Deserialize, Serialize};

use crate::CheckId;

/// Is what must happen besides the action.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Obligation {
    /// Records the whole result rather than its first 1 MiB.
    pub record_result: bool,
    /// Ends the call after so long, in milliseconds.
    pub deadline_ms: Option<i64>,
    /// Refuses a larger result, in bytes.
    pub result_bytes_max: Option<u64>,
    /// Sends nothing, and hands out no permit, before the record of the decision has this receipt.
    pub receipt: Option<Receipt>,
    /// Demands a check after the action, by its name in `checks.toml`.
    pub verify: Option<CheckId>,
    /// Demands another form of the action, by name; the gateway has none yet, so this denies.
    pub rewrite: Option<String>,
}

/// Says how far the proof of a record must have come, beyond being durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Receipt {
    /// A signed checkpoint covers it.
    Signed,
    /// A quorum of witnesses has cosigned such a checkpoint.
    Witnessed,
}
