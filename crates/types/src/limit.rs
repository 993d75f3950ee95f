//! Limits: rates, budgets, change windows, freezes and maximum impact, and what they cover.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::glob::Glob;
use crate::{LimitId, ProfileId};

/// Is `limits.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Token buckets.
    pub rates: BTreeMap<LimitId, Rate>,
    /// Amounts per period.
    pub budgets: BTreeMap<LimitId, Budget>,
    /// Times at which a change may happen.
    pub windows: BTreeMap<LimitId, Window>,
    /// Times at which none may.
    pub freezes: BTreeMap<LimitId, Freeze>,
    /// How much one action may touch.
    pub impacts: BTreeMap<LimitId, Impact>,
}

/// Says which actions a limit covers; every pattern must match.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scope {
    /// The agent.
    pub agent: Glob,
    /// The action class.
    pub class: Glob,
    /// The tool, as `server.tool`.
    pub tool: Glob,
    /// The resource's `env` attribute; an unknown environment matches every pattern.
    pub env: Glob,
}

/// Is a token bucket per agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// What it covers.
    #[serde(default)]
    pub covers: Scope,
    /// How many actions fit in the bucket.
    pub burst: i64,
    /// How long the bucket takes to refill wholly, in milliseconds.
    pub refill_ms: i64,
}

/// Is an amount that may be spent per period, per agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// What it covers.
    #[serde(default)]
    pub covers: Scope,
    /// Where in the arguments the amount stands, as a JSON Pointer; without one each action counts 1.
    #[serde(default)]
    pub amount: Option<String>,
    /// The most that may be spent in a period.
    pub max: i64,
    /// The length of a period, in milliseconds, counted from the epoch.
    pub period_ms: i64,
}

/// Is a weekly time at which covered changes may happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// What it covers.
    #[serde(default)]
    pub covers: Scope,
    /// The IANA time zone, such as `Europe/Berlin`.
    pub zone: String,
    /// The days, `mon` to `sun`.
    pub days: BTreeSet<String>,
    /// The first minute, `HH:MM`.
    pub from: String,
    /// The minute at which it closes, `HH:MM`, after `from`.
    pub to: String,
    /// The people who may allow a change outside it; without a profile it is denied.
    #[serde(default)]
    pub outside: Option<ProfileId>,
}

/// Is a time at which covered changes do not happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Freeze {
    /// What it covers.
    #[serde(default)]
    pub covers: Scope,
    /// The beginning, as an RFC 3339 instant.
    pub from: String,
    /// The end, as an RFC 3339 instant.
    pub to: String,
    /// Why, for people.
    pub reason: String,
}

/// Is how much one action may touch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Impact {
    /// What it covers.
    #[serde(default)]
    pub covers: Scope,
    /// The most things one action may touch.
    #[serde(default)]
    pub touches_max: Option<i64>,
    /// Where in the arguments a bounded amount stands, as a JSON Pointer.
    #[serde(default)]
    pub amount: Option<String>,
    /// The largest such amount.
    #[serde(default)]
    pub amount_max: Option<i64>,
    /// An amount of the plan, by its name in the catalogue; a tool whose plan does not tell it exceeds every bound.
    #[serde(default)]
    pub plan: Option<String>,
    /// The largest such amount.
    #[serde(default)]
    pub plan_max: Option<i64>,
}
