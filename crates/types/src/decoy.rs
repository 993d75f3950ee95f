//! Decoys: requests that nobody made, shown to people among the others to see whether they look.

use std::collections::BTreeMap;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::{AgentId, Arguments, DecoyId, JsonError, PersonId, ToolName};

/// Is the most decoys for 100 cases that people are asked about.
pub const PER_100_MAX: u32 = 50;

/// Is the most templates of a bundle.
pub const TEMPLATES_MAX: usize = 64;

/// Are the longest arguments of a template, in bytes.
pub const ARGUMENTS_BYTES_MAX: usize = 64 << 10;

/// Are the states that a record of a decoy reports; that of one which ended unanswered is the case's own.
pub mod status {
    use crate::case::{Ballot, CaseState};

    /// It was shown.
    pub const SHOWN: u8 = 0;
    /// Somebody refused it.
    pub const CAUGHT: u8 = 1;
    /// Somebody approved it.
    pub const MISSED: u8 = 2;
    /// Nobody answered in time.
    pub const EXPIRED: u8 = CaseState::Expired as u8;
    /// What it was about has changed, or the log was closed.
    pub const VOID: u8 = CaseState::Void as u8;

    /// Returns the state that a vote leads to.
    pub const fn of(ballot: Ballot) -> u8 {
        match ballot {
            Ballot::Approve => MISSED,
            Ballot::Deny => CAUGHT,
        }
    }

    /// Returns the word for a state; `None` if there is no such state.
    pub const fn word(status: u8) -> Option<&'static str> {
        Some(match status {
            SHOWN => "shown",
            CAUGHT => "caught",
            MISSED => "missed",
            EXPIRED => "unanswered",
            VOID => "void",
            _ => return None,
        })
    }
}

/// Is `decoys.toml`: how often people are shown a decoy, and which.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decoys {
    /// How many there are for 100 cases that people are asked about; 0 to [`PER_100_MAX`].
    #[serde(default)]
    pub per_100: u32,
    /// What they are, by name; at most [`TEMPLATES_MAX`].
    #[serde(default, rename = "decoys")]
    pub templates: BTreeMap<DecoyId, DecoyTemplate>,
}

/// Is one request as its agent would make it, and should not get.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecoyTemplate {
    /// The agent that seems to ask.
    pub agent: AgentId,
    /// The person it seems to act for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<PersonId>,
    /// What is to be called.
    pub tool: ToolName,
    /// With what: an object.
    pub arguments: serde_json::Value,
    /// What the agent seems to say of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// Why it should be refused, which people are told after they have voted.
    pub why: String,
}

impl DecoyTemplate {
    /// Returns the arguments as a call has them.
    ///
    /// # Errors
    ///
    /// [`JsonError`] if they are no object that a call may have, or are longer than [`ARGUMENTS_BYTES_MAX`].
    pub fn call(&self) -> Result<Arguments, JsonError> {
        Arguments::parse(&self.arguments.to_string(), ARGUMENTS_BYTES_MAX)
    }
}

/// Is what the record that shows a decoy says of it, besides what a decision says.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Shown {
    /// The template's name.
    #[n(0)]
    pub template: DecoyId,
    /// Why it should be refused.
    #[n(1)]
    pub why: String,
}
