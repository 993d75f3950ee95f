//! What the machine stores between turns: small records by kind and key, in canonical bytes.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};
use types::id::{IdError, KeyId};
use types::{ActionId, AgentId, ClassId, Digest, Millis, PersonId, Principal, SessionId, TenantId, ToolName};

/// Names the kinds of stored state.
pub mod kind {
    /// The active bundle, and the files of every bundle that was ever active.
    pub const BUNDLE: &str = "bundle";
    /// Levels given by hand, by agent and class.
    pub const GRANT: &str = "grant";
    /// Kill switches that are set.
    pub const SWITCH: &str = "switch";
    /// Cases that are open or approved.
    pub const CASE: &str = "case";
    /// Permitted actions without an outcome.
    pub const FLIGHT: &str = "flight";
    /// Sessions that are open.
    pub const SESSION: &str = "session";
    /// Bearer keys.
    pub const KEY: &str = "key";
    /// Token buckets and spending, by principal.
    pub const METER: &str = "rate";
    /// How often an agent's actions of a class ended how.
    pub const CONDUCT: &str = "conduct";
    /// Tools whose definition is not the reviewed one.
    pub const QUARANTINE: &str = "quarantine";
    /// Definitions pinned by hand after a review.
    pub const PIN: &str = "pin";
    /// Idempotency keys of the HTTP contract, each until it ends.
    pub const IDEMPOTENCY: &str = "idempotency";
    /// Exact actions that a person refused, each until it may be proposed again.
    pub const REFUSAL: &str = "refusal";
    /// What erasures did, by the mark that remains of a subject.
    pub const ERASED: &str = "erased";
}

pub use types::Grant;

/// Is what a kill switch covers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// Everything of the tenant.
    #[n(0)]
    Tenant(#[n(0)] TenantId),
    /// One agent.
    #[n(1)]
    Agent(#[n(0)] AgentId),
    /// One tool.
    #[n(2)]
    Tool(#[n(0)] ToolName),
    /// One action class.
    #[n(3)]
    Class(#[n(0)] ClassId),
}

impl Target {
    /// Returns the key under which the switch is stored.
    pub fn key(&self) -> String {
        match self {
            Self::Tenant(name) => format!("tenant:{name}"),
            Self::Agent(name) => format!("agent:{name}"),
            Self::Tool(name) => format!("tool:{name}"),
            Self::Class(name) => format!("class:{name}"),
        }
    }

    /// Says whether a switch covers something of this tenant, agent, tool and action class, as far as it has them.
    pub fn covers(
        &self,
        tenant: &TenantId,
        agent: Option<&AgentId>,
        tool: Option<&ToolName>,
        class: Option<&ClassId>,
    ) -> bool {
        self.stop().covers(tenant, agent, tool, class)
    }

    /// Returns the word for what it covers.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Tenant(_) => "tenant",
            Self::Agent(_) => "agent",
            Self::Tool(_) => "tool",
            Self::Class(_) => "action class",
        }
    }

    /// Returns the switch as the gate knows it.
    pub fn stop(&self) -> executor::Stop {
        match self.clone() {
            Self::Tenant(name) => executor::Stop::Tenant(name),
            Self::Agent(name) => executor::Stop::Agent(name),
            Self::Tool(name) => executor::Stop::Tool(name),
            Self::Class(name) => executor::Stop::Class(name),
        }
    }
}

/// Reads what [`Target::key`] writes.
impl std::str::FromStr for Target {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let nothing = || IdError::Drawn(text.to_owned());
        let (kind, name) = text.split_once(':').ok_or_else(nothing)?;
        match kind {
            "tenant" => Ok(Self::Tenant(name.parse()?)),
            "agent" => Ok(Self::Agent(name.parse()?)),
            "tool" => Ok(Self::Tool(name.parse()?)),
            "class" => Ok(Self::Class(name.parse()?)),
            _ => Err(nothing()),
        }
    }
}

/// Is a kill switch that is set.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct Switch {
    /// What it covers.
    #[n(0)]
    pub target: Target,
    /// Who set it.
    #[n(1)]
    pub by: Principal,
    /// Why.
    #[n(2)]
    pub reason: String,
    /// When.
    #[n(3)]
    pub at: Millis,
}

impl Switch {
    /// Returns whom it names: who set it, and the agent it covers.
    pub fn subjects(&self) -> Vec<String> {
        let agent = if let Target::Agent(agent) = &self.target { Some(agent.clone()) } else { None };
        std::iter::once(self.by.subject()).chain(agent.map(|agent| Principal::Agent(agent).subject())).collect()
    }
}

/// Is a permitted action that has no outcome yet.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct OpenFlight {
    /// Who proposed it.
    #[n(0)]
    pub principal: Principal,
    /// On whose behalf.
    #[n(1)]
    pub on_behalf_of: Option<PersonId>,
    /// The tool.
    #[n(2)]
    pub tool: ToolName,
    /// The action class.
    #[n(3)]
    pub class: ClassId,
    /// The session.
    #[n(4)]
    pub session: Option<SessionId>,
    /// The agent carries it out by itself and reports.
    #[n(5)]
    pub reported: bool,
    /// When the permit was given.
    #[n(6)]
    pub since: Millis,
    /// When the permit ends.
    #[n(7)]
    pub expires: Millis,
    /// The budgets it was charged to, to be given back if nothing was dispatched: limit and amount.
    #[n(8)]
    pub charged: Vec<(String, i64)>,
}

impl OpenFlight {
    /// Returns the action as the gate lists it.
    pub fn listed(&self, action: ActionId, tenant: &TenantId) -> executor::Flight {
        executor::Flight {
            action,
            tenant: tenant.clone(),
            agent: self.principal.agent().cloned(),
            tool: self.tool.clone(),
            class: self.class.clone(),
            since: self.since,
        }
    }
}

/// Is a bearer key, by the digest of its secret.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct Key {
    /// Its identity.
    #[n(0)]
    pub id: KeyId,
    /// The digest of the secret, which is 256 random bits.
    #[n(1)]
    pub secret: Digest,
    /// Who it stands for.
    #[n(2)]
    pub holder: Principal,
    /// The person an agent's key acts for.
    #[n(3)]
    pub on_behalf_of: Option<PersonId>,
    /// Who made it.
    #[n(4)]
    pub by: Principal,
    /// When it was made.
    #[n(5)]
    pub at: Millis,
    /// When it ends.
    #[n(6)]
    pub expires: Option<Millis>,
    /// When it was revoked.
    #[n(7)]
    pub revoked: Option<Millis>,
}

impl Key {
    /// Returns whom it names: its holder, whom that acts for, and its maker.
    pub fn subjects(&self) -> Vec<String> {
        let delegator = self.on_behalf_of.clone().map(|person| Principal::Person(person).subject());
        [self.holder.subject(), self.by.subject()].into_iter().chain(delegator).collect()
    }
}

/// Counts how an agent's actions of a class ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Encode, Decode, Serialize, Deserialize)]
#[cbor(array)]
pub struct Conduct {
    /// Outcomes the gateway saw.
    #[n(0)]
    pub runs: i64,
    /// Those of them that failed or are in doubt.
    #[n(1)]
    pub errors: i64,
}

/// Is what an erasure did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct Erased {
    /// The index of its first record.
    #[n(0)]
    pub index: u64,
    /// When.
    #[n(1)]
    pub at: Millis,
    /// How many records lost their content.
    #[n(2)]
    pub records: u64,
    /// How many cases ended with it.
    #[n(3)]
    pub cases: u64,
    /// How many sessions ended with it.
    #[n(4)]
    pub sessions: u64,
    /// How many keys it took along.
    #[n(5)]
    pub keys: u64,
    /// How many levels given by hand it took along.
    #[n(6)]
    pub levels: u64,
}

/// Is an exact action that a person refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Refused {
    /// The action's digest.
    #[n(0)]
    pub digest: Digest,
    /// When it may be proposed again.
    #[n(1)]
    pub end: Millis,
    /// The proposal that opened the case.
    #[n(2)]
    pub opened_by: Option<ActionId>,
}

/// Is a tool whose definition is not the reviewed one.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct Quarantine {
    /// The tool.
    #[n(0)]
    pub tool: ToolName,
    /// The definition that was reviewed.
    #[n(1)]
    pub pinned: Option<Digest>,
    /// The definition that was seen.
    #[n(2)]
    pub seen: Digest,
    /// When.
    #[n(3)]
    pub at: Millis,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn the_key_of_a_switch_reads_back_as_its_target() {
        for key in ["tenant:default", "agent:sre-bot", "tool:sre.mcp:prompts/get", "class:countersign.admin"] {
            assert_eq!(key.parse::<Target>().unwrap().key(), key);
        }
        for wrong in ["", "agent", "planet:earth", "agent:", "tool:nodot"] {
            assert!(wrong.parse::<Target>().is_err(), "{wrong}");
        }
    }
}
