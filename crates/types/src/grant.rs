//! A grant: authority that a person gave an agent, for a while.

use std::collections::BTreeSet;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::identity::FIRST;
use crate::{ActionId, AgentId, AutonomyLevel, ClassId, GrantId, Millis, Principal};

/// Is a level given by hand: an expiring override that says who and why.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct Grant {
    /// Its identity.
    #[n(0)]
    pub id: GrantId,
    /// The agent.
    #[n(1)]
    pub agent: AgentId,
    /// The action class.
    #[n(2)]
    pub class: ClassId,
    /// The level.
    #[n(3)]
    pub level: AutonomyLevel,
    /// The environments it holds in, for L2.
    #[n(4)]
    pub environments: BTreeSet<String>,
    /// Why.
    #[n(5)]
    pub reason: String,
    /// Who gave it.
    #[n(6)]
    pub by: Principal,
    /// When it was given.
    #[n(7)]
    pub at: Millis,
    /// When it ends; from then on the level is L0.
    #[n(8)]
    pub expires: Millis,
    /// The number of the agent's epoch that it holds in: elsewhere the level is L1 at most. Absent if the agent had named nothing by then,
    /// which is its first.
    #[n(9)]
    pub epoch: Option<u64>,
    /// The action whose check took the level away: since then it is L0.
    #[n(10)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<ActionId>,
}

impl Grant {
    /// Returns the number of the agent's epoch that it holds in.
    pub fn holds_in(&self) -> u64 {
        self.epoch.unwrap_or(FIRST)
    }

    /// Returns how far the agent may go in an epoch: outside the one that it was given to, the level is L1 at most.
    pub fn level_in(&self, epoch: u64) -> AutonomyLevel {
        if epoch == self.holds_in() { self.level } else { self.level.min(AutonomyLevel::L1) }
    }
}
