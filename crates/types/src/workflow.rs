//! Workflows: why agents work somewhere, and where that ends.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{ClassId, PersonId};

/// Is a workflow: why agents work here, and where that ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workflow {
    /// What it is for.
    pub purpose: String,
    /// The person who answers for it.
    pub owner: PersonId,
    /// The action classes inside its boundary.
    pub boundary: BTreeSet<ClassId>,
    /// Outcomes that are never acceptable, in words.
    #[serde(default)]
    pub never: Vec<String>,
    /// Which evidence controls which decision, in words.
    #[serde(default)]
    pub evidence: BTreeMap<String, String>,
    /// How often it is reviewed, in days.
    pub review_days: u32,
}
