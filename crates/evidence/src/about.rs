//! What a bundle says it is about, so that a reader can hold its records against it.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use types::text::escape;
use types::{ActionId, AgentId, SessionId};

/// Says what a bundle is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum About {
    /// Some actions, each with everything recorded of it and the votes it ran on.
    Actions(BTreeSet<ActionId>),
    /// A session from its opening to its end, and what became of its actions.
    Session(SessionId),
    /// What an agent proposed, and what became of it. Nobody but the exporter can say that nothing was left out.
    Agent(AgentId),
    /// A version of a registered model: the decisions that moved it, and what is recorded of its files, its run, its evaluations and where it
    /// runs. Nobody but the exporter can say that nothing was left out.
    Version {
        /// The registered model.
        model: String,
        /// The version's number.
        version: u64,
        /// The logged model whose files it has.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        logged_model: Option<String>,
        /// The run that it was made in.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        run: Option<String>,
        /// The actions that moved it.
        actions: BTreeSet<ActionId>,
    },
    /// All records of a part of the log.
    Records {
        /// The index of the first.
        from: u64,
        /// The index behind the last.
        to: u64,
    },
}

impl About {
    /// Is about one action.
    pub fn action(action: ActionId) -> Self {
        Self::Actions(BTreeSet::from([action]))
    }

    /// Says what such a bundle cannot prove, whatever it holds.
    pub fn unproven(&self) -> &'static str {
        match self {
            Self::Actions(_) => "that other actions are like these; and what never passed the gateway",
            Self::Session(_) | Self::Records { .. } => "what never passed the gateway",
            Self::Version { .. } => "that nothing of this version was left out; and what never passed the gateway",
            Self::Agent(_) => "that no action of this agent was left out; and what never passed the gateway",
        }
    }
}

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Actions(actions) => match (actions.first(), actions.len()) {
                (Some(action), 1) => write!(f, "action {action}"),
                (_, count) => write!(f, "{count} actions"),
            },
            Self::Session(session) => write!(f, "session {session}"),
            Self::Agent(agent) => write!(f, "agent {agent}"),
            Self::Version { model, version, .. } => write!(f, "version {version} of model {}", escape(model, false)),
            Self::Records { from, to } => write!(f, "records {from} up to {to}"),
        }
    }
}
