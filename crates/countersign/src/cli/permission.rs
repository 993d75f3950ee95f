//! `countersign permission`, declared.

use clap::{Args, Subcommand};
use types::{AgentId, PermissionId, PersonId, ToolName};

/// What agents may do in advance, within bounds that people have approved.
#[derive(Debug, Subcommand)]
pub enum PermissionCommand {
    /// Ask for a permission: with an agent's key for itself, with a person's for an agent that they own.
    Request(Box<PermissionRequestArgs>),
    /// List the permissions that hold.
    List,
    /// Show a permission.
    Show {
        /// The permission.
        permission: PermissionId,
    },
    /// Revoke a permission, at once.
    Revoke {
        /// The permission.
        permission: PermissionId,
        /// Why.
        #[arg(long)]
        reason: String,
    },
}

/// A permission to be asked for.
#[derive(Debug, Args)]
pub struct PermissionRequestArgs {
    /// The agent, if you are not it.
    #[arg(long)]
    pub agent: Option<AgentId>,
    /// On whose behalf it will act.
    #[arg(long, value_name = "PERSON")]
    pub on_behalf_of: Option<PersonId>,
    /// The tool, as `server.tool`.
    #[arg(long)]
    pub tool: ToolName,
    /// The arguments of one action that must be covered, as JSON; what has no bound may only be as it is there.
    #[arg(long, value_name = "JSON", default_value = "{}")]
    pub arguments: String,
    /// An argument that may be one of several values: `NAME=VALUE`, once for each; JSON, or else text.
    #[arg(long, value_name = "NAME=VALUE")]
    pub one_of: Vec<String>,
    /// An argument that may be a whole number in a range: `NAME=1..5`.
    #[arg(long, value_name = "NAME=FROM..TO")]
    pub between: Vec<String>,
    /// An argument that may be a path or anything below it: `NAME=/srv/app`.
    #[arg(long, value_name = "NAME=PATH")]
    pub within: Vec<String>,
    /// An argument that may be anything.
    #[arg(long, value_name = "NAME")]
    pub any: Vec<String>,
    /// An environment; that of the action that must be covered, if none is named.
    #[arg(long = "in", value_name = "ENVIRONMENT")]
    pub environments: Vec<String>,
    /// For how many minutes, from when it is given.
    #[arg(long)]
    pub minutes: u32,
    /// For how many actions.
    #[arg(long)]
    pub uses: u32,
    /// What for.
    #[arg(long)]
    pub purpose: String,
}
