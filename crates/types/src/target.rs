//! What a kill switch covers.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::id::IdError;
use crate::{AgentId, ClassId, TenantId, ToolName};

/// Is what a kill switch covers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize, Deserialize)]
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
        match self {
            Self::Tenant(stopped) => stopped == tenant,
            Self::Agent(stopped) => Some(stopped) == agent,
            Self::Tool(stopped) => Some(stopped) == tool,
            Self::Class(stopped) => Some(stopped) == class,
        }
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
