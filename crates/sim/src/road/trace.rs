//! What the players of a run saw: their calls, what they were told, and in which order.

use std::collections::BTreeMap;

use control::state::Target;
use types::{ActionId, AgentId, Code};

/// Is one call of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The agent.
    pub agent: AgentId,
    /// The person it acts for.
    pub on_behalf_of: Option<types::PersonId>,
    /// The tool's name on the server.
    pub tool: String,
    /// The arguments as JSON text.
    pub arguments: String,
}

/// Says how a call came back to its agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ack {
    /// The server's answer was passed on.
    Answered,
    /// It was refused.
    Refused(Code),
    /// People must decide first.
    Held,
    /// A crash took it.
    Lost,
}

/// Is a kill switch as those saw it who set and lifted it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Armed {
    /// What it covers.
    pub target: Target,
    /// The moment it was acknowledged.
    pub from: u64,
    /// The moment somebody began to lift it.
    pub to: Option<u64>,
}

/// Is a permit that an agent carries out by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handed {
    /// The action.
    pub action: ActionId,
    /// What it is.
    pub call: Call,
}

/// Is what everybody saw.
#[derive(Debug, Default)]
pub struct Trace {
    /// The calls, by number.
    pub calls: BTreeMap<u64, Call>,
    /// How each came back.
    pub acks: BTreeMap<u64, Ack>,
    /// The kill switches, in order.
    pub armed: Vec<Armed>,
    /// The switches that somebody tried to lift, and when, where the journal stopped over it: they may be set still or not.
    pub lifting: Vec<(Target, u64)>,
    /// The permits that agents got.
    pub handed: Vec<Handed>,
    /// What somebody saw that must never be seen.
    pub wrong: Vec<String>,
}

impl Trace {
    /// Returns a switch that is acknowledged and covers a call now.
    pub fn stops(&self, call: &Call) -> Option<&Armed> {
        self.armed.iter().find(|armed| armed.to.is_none() && covers(&armed.target, call))
    }
}

/// Says whether a switch covers a call.
pub fn covers(target: &Target, call: &Call) -> bool {
    match target {
        Target::Tenant(_) => true,
        Target::Agent(agent) => *agent == call.agent,
        Target::Tool(tool) => tool.operation == call.tool,
        Target::Class(class) => class.as_str() == class_of(&call.tool),
    }
}

/// Returns the class of a tool.
pub fn class_of(tool: &str) -> &'static str {
    match tool {
        "peek" => "read",
        "put" | "send" => "note",
        "add" | "move" => "write",
        "wipe" => "destructive",
        _ => "",
    }
}
