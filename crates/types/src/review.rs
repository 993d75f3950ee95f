//! Mandatory review as a bundle describes it: when a person must look, whatever the policy says.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::ProfileId;
use crate::glob::Glob;
use crate::planning::PlanTrigger;

/// Says when a person must look, whatever the policy says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Review {
    /// A claimed confidence below this, in basis points, escalates. 8,500 by default.
    pub confidence_below_bp: u32,
    /// The profile that looks; without one, a trigger denies.
    pub profile: Option<ProfileId>,
    /// Whole words that escalate wherever they stand in the arguments, in any case.
    pub words: BTreeSet<String>,
    /// Amounts that escalate.
    pub amounts: Vec<Amount>,
    /// Amounts of plans that escalate.
    pub plans: Vec<PlanTrigger>,
    /// A person looks each time, and no permission stands for them. True by default.
    pub each_time: bool,
}

impl Default for Review {
    fn default() -> Self {
        Self {
            confidence_below_bp: 8_500,
            profile: None,
            words: BTreeSet::new(),
            amounts: Vec::new(),
            plans: Vec::new(),
            each_time: true,
        }
    }
}

/// Is an amount in the arguments that needs a person's look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Amount {
    /// Which tools it concerns.
    #[serde(default)]
    pub tool: Glob,
    /// Where in the arguments it stands, as a JSON Pointer.
    pub pointer: String,
    /// The largest amount that needs no look, as the argument counts it.
    pub above: i64,
}
