//! What an agent or a person wants: the proposal, untrusted until decided.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::planning::Plan;
use crate::{ActionId, AgentId, Arguments, Digest, Millis, PersonId, SessionId, TenantId, ToolName, cbor};

/// Is who proposes an action.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Principal {
    /// An agent.
    #[n(0)]
    Agent(#[n(0)] AgentId),
    /// A person, as in administration or when adopting a recommendation.
    #[n(1)]
    Person(#[n(0)] PersonId),
}

impl Principal {
    /// Returns the agent, if it is one.
    pub fn agent(&self) -> Option<&AgentId> {
        match self {
            Self::Agent(agent) => Some(agent),
            Self::Person(_) => None,
        }
    }

    /// Returns the name with its kind in front, such as `agent:sre-bot`: the subject its content is encrypted for.
    pub fn subject(&self) -> String {
        match self {
            Self::Agent(agent) => format!("agent:{agent}"),
            Self::Person(person) => format!("person:{person}"),
        }
    }

    /// Reads what [`Principal::subject`] writes; `None` if it is nothing of that.
    pub fn from_subject(text: &str) -> Option<Self> {
        match text.split_once(':')? {
            ("agent", name) => name.parse().ok().map(Self::Agent),
            ("person", name) => name.parse().ok().map(Self::Person),
            _ => None,
        }
    }
}

impl std::fmt::Display for Principal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.subject())
    }
}

/// Says over which door a proposal came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// The MCP gateway: Countersign executes and sees the outcome.
    #[n(0)]
    Mcp,
    /// The HTTP contract: the agent executes by itself and reports.
    #[n(1)]
    Http,
    /// A person at the command line or in the console.
    #[n(2)]
    Person,
}

/// Is what an agent says of itself. It can only tighten a decision.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
#[serde(default, deny_unknown_fields)]
pub struct Claims {
    /// What the action is for.
    #[n(0)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// How sure the agent is, in basis points, 0 to 10,000.
    #[n(1)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence_bp: Option<u32>,
    /// How the agent got there.
    #[n(2)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<String>,
    /// A digest of the prompt, as the client computed it.
    #[n(3)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_digest: Option<String>,
}

/// Is one proposed action.
#[derive(Debug, Clone, PartialEq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct ActionProposal {
    /// Its identity through its whole life.
    #[n(0)]
    pub id: ActionId,
    /// The tenant it belongs to.
    #[n(1)]
    pub tenant: TenantId,
    /// Who proposes it.
    #[n(2)]
    pub principal: Principal,
    /// On whose behalf; the rights are the intersection of both.
    #[n(3)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<PersonId>,
    /// The session it is part of.
    #[n(4)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// What is to be called.
    #[n(5)]
    pub tool: ToolName,
    /// The digest of the tool's definition as the server lists it now; absent if nobody has seen one.
    #[n(6)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub definition: Option<Digest>,
    /// With what.
    #[n(7)]
    pub arguments: Arguments,
    /// What the agent says of itself.
    #[n(8)]
    pub claims: Claims,
    /// The door it came through.
    #[n(9)]
    pub channel: Channel,
    /// When it came.
    #[n(10)]
    pub at: Millis,
    /// What the tool that plans told that it would do, where the catalogue declares one; absent if it told nothing.
    #[n(11)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
}

impl ActionProposal {
    /// Digests what an approval binds to: tenant, principal, delegator, tool, definition and arguments, and what it would do
    /// where a plan tells that.
    ///
    /// Two proposals with the same digest are the same action proposed twice; the id, the session and what
    /// the agent says of itself do not count.
    pub fn digest(&self) -> Digest {
        let asked = self.digest_of_asked();
        self.plan
            .as_ref()
            .map_or(asked, |plan| Digest::of("countersign/planned/1", &cbor::encode(&(asked, plan.bound))))
    }

    /// Digests what was asked for, whatever it would do: what a repeat under the same key must be.
    pub fn digest_of_asked(&self) -> Digest {
        #[derive(Encode)]
        #[cbor(array)]
        struct Bound<'a> {
            #[n(0)]
            tenant: &'a TenantId,
            #[n(1)]
            principal: &'a Principal,
            #[n(2)]
            on_behalf_of: &'a Option<PersonId>,
            #[n(3)]
            tool: &'a ToolName,
            #[n(4)]
            definition: &'a Option<Digest>,
            #[n(5)]
            arguments: &'a Arguments,
        }
        let bound = Bound {
            tenant: &self.tenant,
            principal: &self.principal,
            on_behalf_of: &self.on_behalf_of,
            tool: &self.tool,
            definition: &self.definition,
            arguments: &self.arguments,
        };
        Digest::of("countersign/action/1", &cbor::encode(&bound))
    }

    /// Returns the subjects whose keys the record of this action needs.
    pub fn subjects(&self) -> Vec<String> {
        let delegator = self.on_behalf_of.as_ref().map(|p| Principal::Person(p.clone()).subject());
        let mut subjects: Vec<String> = std::iter::once(self.principal.subject()).chain(delegator).collect();
        subjects.sort();
        subjects.dedup();
        subjects
    }
}
