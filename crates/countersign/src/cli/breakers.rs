//! `countersign breakers`, declared.

use clap::{Args, Subcommand};
use types::{AgentId, LimitId, ToolName};

/// Breakers: what has stopped an agent by itself.
#[derive(Debug, Subcommand)]
pub enum BreakersCommand {
    /// List the breakers that have seen something, and how they stand.
    List,
    /// Reset a breaker, so that it is as if it had never been used.
    Reset(ResetArgs),
}

/// Reset a breaker.
#[derive(Debug, Args)]
pub struct ResetArgs {
    /// What the bundle calls it, as `list` shows it.
    pub breaker: LimitId,
    /// The agent.
    #[arg(long)]
    pub agent: AgentId,
    /// The tool of a circuit, as `server.tool`; a bulk breaker has none.
    #[arg(long)]
    pub tool: Option<ToolName>,
    /// Why.
    #[arg(long)]
    pub reason: String,
}
