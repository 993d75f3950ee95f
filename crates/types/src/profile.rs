//! A profile of escalation, as the bundle has it: whom it asks, and when an answer counts.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{AgentId, Principal, ProfileId, ScheduleId};

/// Is the largest budget of decisions in an hour: so many of a person's are remembered.
pub const DECISIONS_MAX: u32 = 1_000;

/// Says who decides an escalation, how many of them, and how long they have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The group of people who may vote; a profile has this, `on_call`, or both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The schedule whose person on call may vote, and nobody else; with `group`, only if they are in it too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_call: Option<ScheduleId>,
    /// How many must approve, at least 1.
    pub approvals: u32,
    /// How long they have, in milliseconds. Then `otherwise` is asked too; without it silence is refusal.
    pub timeout_ms: i64,
    /// The profile that answers for this one if they stay silent.
    #[serde(default)]
    pub otherwise: Option<ProfileId>,
    /// Votes count only if the person has signed them with a passkey.
    #[serde(default)]
    pub signed: bool,
    /// How often a person may decide in an hour before their approvals wait; a refusal never does. Without it, as often as asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decisions_per_hour: Option<u32>,
    /// The reviewer agents that are asked as this step begins, as `agent:NAME`. Their say is never an approval.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub review_by: BTreeSet<Reviewer>,
    /// How long they have, in milliseconds. Their silence passes the case on to people.
    #[serde(default)]
    pub review_ms: i64,
    /// Approvals wait until all of the reviewers have answered, or their time is over; a refusal never does.
    #[serde(default)]
    pub review_first: bool,
    /// What becomes of a new case while too few of its people have room for another decision.
    #[serde(default)]
    pub past_budget: PastBudget,
}

/// Names an agent that reviews, written `agent:NAME`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Reviewer(pub AgentId);

impl TryFrom<String> for Reviewer {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match Principal::from_subject(&text) {
            Some(Principal::Agent(agent)) => Ok(Self(agent)),
            Some(Principal::Person(_)) | None => Err(format!("`{text}` is no reviewer: write `agent:NAME`")),
        }
    }
}

impl From<Reviewer> for String {
    fn from(reviewer: Reviewer) -> Self {
        Principal::Agent(reviewer.0).subject()
    }
}

/// Says what becomes of a new case for which too few of a profile's people have room for another decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PastBudget {
    /// It waits for them, until the hour has room or its own time is over.
    #[default]
    Queue,
    /// Whoever answers for them if they stay silent is asked at once.
    Next,
    /// There is none: the action is denied.
    Deny,
}
