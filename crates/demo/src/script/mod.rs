//! The story: what the agent calls, what is decided, who acts then, and what has come of it.
//!
//! It is data. Whoever plays it sends each call through the gateway, holds what comes back against the scene, and reads
//! the inventory itself to see what has happened and what has not.

mod scenes;

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use serde_json::{Map, Value, json};
use types::{Claims, Code, Verdict};

use crate::inventory::{Inventory, InventoryError, MailStatus};
pub use scenes::story;

/// Is one scene.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// What happens, in a few words.
    pub title: &'static str,
    /// What it shows, in one sentence.
    pub shows: &'static str,
    /// What somebody does before the agent calls.
    pub before: Before,
    /// What the agent calls.
    pub call: Call,
    /// What is decided when the call comes in.
    pub decides: Decides,
    /// What people do while the call is held.
    pub then: Then,
    /// What the agent gets in the end.
    pub ends: Ends,
    /// What of the inventory is worth a look, and by how much it has changed.
    pub effect: Option<Effect>,
}

/// Says what somebody does before the agent calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// Nothing.
    Nothing,
    /// The server changes a tool's description: [`crate::inventory::poison`]. The call comes once the server has
    /// announced it and the gateway has listed the tools again.
    Poison,
    /// Somebody stops the agent.
    Kill {
        /// Who.
        by: &'static str,
        /// Why.
        reason: &'static str,
    },
}

/// Is what the agent calls.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The tool, as the server names it.
    pub tool: &'static str,
    /// The arguments.
    pub arguments: Value,
    /// What the agent says of itself.
    pub claims: Claims,
}

impl Call {
    /// Returns the `params` of the agent's `tools/call`, its claims under our `_meta` keys.
    pub fn params(&self) -> Value {
        json!({ "name": self.tool, "arguments": self.arguments, "_meta": self.meta() })
    }

    fn meta(&self) -> Map<String, Value> {
        let Claims { purpose, confidence_bp, reasoning, prompt_digest } = &self.claims;
        let confidence = confidence_bp.map(|bp| json!(f64::from(bp) / 10_000.0));
        let said = [
            ("purpose", purpose.clone().map(Value::String)),
            ("confidence", confidence),
            ("reasoning", reasoning.clone().map(Value::String)),
            ("promptDigest", prompt_digest.clone().map(Value::String)),
        ];
        said.into_iter().filter_map(|(name, value)| Some((format!("countersign.dev/{name}"), value?))).collect()
    }
}

/// Says what is decided when the call comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decides {
    /// It runs.
    Allow,
    /// It runs with enhanced logging.
    AllowObserved,
    /// People of these profiles, in order of name, must approve it.
    Escalate(&'static [&'static str]),
    /// It does not run.
    Deny,
}

impl Decides {
    /// Says whether a verdict is this one, profiles included.
    pub fn is(self, verdict: &Verdict) -> bool {
        match (self, verdict) {
            (Self::Allow, Verdict::Allow)
            | (Self::AllowObserved, Verdict::AllowObserved)
            | (Self::Deny, Verdict::Deny) => true,
            (Self::Escalate(wanted), Verdict::Escalate(profiles)) => {
                let named: BTreeSet<&str> = profiles.iter().map(types::ProfileId::as_str).collect();
                named == wanted.iter().copied().collect()
            }
            _ => false,
        }
    }
}

/// Says what people do while the call is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// Nothing: the call is not held.
    Nothing,
    /// Somebody approves it.
    Approve {
        /// Who.
        by: &'static str,
        /// Why.
        reason: &'static str,
    },
    /// Somebody refuses it.
    Refuse {
        /// Who.
        by: &'static str,
        /// Why.
        reason: &'static str,
    },
    /// Nobody answers until the time is over.
    Silence,
}

/// Says what the agent gets in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// The tool's own answer.
    Runs,
    /// A refusal that begins with this code.
    Refused(Code),
}

/// Is what has come of a scene in the inventory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effect {
    /// What to look at.
    pub watch: Watch,
    /// By how much it is more than before; 0 says that nothing has happened.
    pub change: i64,
}

/// Is a number in the inventory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watch {
    /// How many services there are.
    Services,
    /// How often a service was restarted.
    Restarts(&'static str),
    /// How many of a service run.
    Replicas(&'static str),
    /// The version of a database's schema.
    SchemaVersion(&'static str),
    /// How many mails wait in the drafts folder.
    Drafts,
    /// How many mails have left.
    Sent,
}

impl Watch {
    /// Reads the number as it is now.
    ///
    /// # Errors
    ///
    /// [`InventoryError`] if the inventory does not answer, or no longer has what is watched.
    pub fn read(self, db: &Path) -> Result<i64, InventoryError> {
        let inventory = Inventory::open(db)?;
        match self {
            Self::Services => Ok(i64::try_from(inventory.services()?.len()).unwrap_or(i64::MAX)),
            Self::Restarts(service) => Ok(inventory.service(service)?.restarts),
            Self::Replicas(service) => Ok(inventory.service(service)?.replicas),
            Self::SchemaVersion(database) => inventory.schema_version(database),
            Self::Drafts => inventory.mails(MailStatus::Draft),
            Self::Sent => inventory.mails(MailStatus::Sent),
        }
    }
}

impl fmt::Display for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Services => f.write_str("services"),
            Self::Restarts(service) => write!(f, "restarts of {service}"),
            Self::Replicas(service) => write!(f, "replicas of {service}"),
            Self::SchemaVersion(database) => write!(f, "schema version of {database}"),
            Self::Drafts => f.write_str("drafts"),
            Self::Sent => f.write_str("mails sent"),
        }
    }
}
