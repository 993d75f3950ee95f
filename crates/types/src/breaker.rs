//! Breakers: what stops an agent by itself when its calls fail, or when it does too much that is hard to take back.

use std::collections::{BTreeMap, BTreeSet};

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::bundle::Scope;
use crate::{AgentId, LimitId, ProfileId, Reversibility, ToolName};

/// Is the status of the record of a switch that resets a breaker; of kill switches it is 1 if set, 0 if lifted and 2 where a drill is told.
pub const RESET: u8 = 3;

/// Is the most endings a circuit looks at, and so the most that are kept of each.
pub const ENDINGS_MAX: u32 = 100;

/// Is the most permits a bulk breaker can allow in its time, and so the most that are kept of each agent.
pub const PERMITS_MAX: u32 = 1_000;

/// Is the most probes that may be out at a time.
pub const PROBES_MAX: u32 = 16;

/// Is `breakers.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Breakers {
    /// Circuit breakers: each agent has one of its own on each tool.
    pub circuits: BTreeMap<LimitId, CircuitRule>,
    /// Bulk breakers: each agent has one, over all tools that are covered.
    pub bulks: BTreeMap<LimitId, BulkRule>,
}

impl Breakers {
    /// Says whether there are none.
    pub fn is_empty(&self) -> bool {
        self.circuits.is_empty() && self.bulks.is_empty()
    }
}

/// Says when the circuit of an agent on a tool opens, and how it closes again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CircuitRule {
    /// Which calls of agents it covers.
    #[serde(default)]
    pub covers: Scope,
    /// It opens once so many of the endings it looks at are failures.
    pub failures: u32,
    /// How many of the last endings it looks at, at most [`ENDINGS_MAX`]; as many as `failures` means so many in a row.
    pub of_last: u32,
    /// For how long an ending counts, in milliseconds.
    pub within_ms: i64,
    /// How long it stays open the first time, in milliseconds.
    pub pause_ms: i64,
    /// How long at most: each time that a probe fails the pause doubles, up to this, in milliseconds.
    pub pause_ms_max: i64,
    /// How many probes may be out at a time after the pause, at most [`PROBES_MAX`].
    #[serde(default = "one")]
    pub probes: u32,
    /// How many probes must succeed until it closes.
    #[serde(default = "one")]
    pub successes: u32,
}

fn one() -> u32 {
    1
}

/// Says how much of what is hard to take back an agent may do in a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BulkRule {
    /// Which calls of agents it covers.
    #[serde(default)]
    pub covers: Scope,
    /// How hard to take back a covered call must be to count; one that only reads never counts, and one of which that is
    /// not known does.
    #[serde(default = "destructive")]
    pub counts: BTreeSet<Reversibility>,
    /// How many such permits an agent may have within the time, at most [`PERMITS_MAX`]; one call more stops it.
    pub permits_max: u32,
    /// The time, in milliseconds; it slides.
    #[serde(default = "minute")]
    pub within_ms: i64,
    /// The people who may let through what is stopped; without a profile it is denied.
    #[serde(default)]
    pub profile: Option<ProfileId>,
    /// How long the agent stays stopped, in milliseconds; without it, until a person resets the breaker.
    #[serde(default)]
    pub hold_ms: Option<i64>,
}

fn destructive() -> BTreeSet<Reversibility> {
    BTreeSet::from([Reversibility::Compensable, Reversibility::Irreversible])
}

fn minute() -> i64 {
    60_000
}

/// Names one breaker of one agent: a circuit, which is on one tool, or a bulk breaker, which is over all of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct BreakerName {
    /// The agent.
    #[n(0)]
    pub agent: AgentId,
    /// The tool, of a circuit.
    #[n(1)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<ToolName>,
    /// What the bundle calls it.
    #[n(2)]
    pub breaker: LimitId,
}

impl BreakerName {
    /// Returns the key under which its state is kept.
    pub fn key(&self) -> String {
        match &self.tool {
            Some(tool) => format!("{}/{tool}/{}", self.agent, self.breaker),
            None => format!("{}/{}", self.agent, self.breaker),
        }
    }
}
