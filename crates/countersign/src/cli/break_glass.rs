//! `countersign break-glass`, declared.

use clap::{Args, Subcommand};
use types::{AgentId, ClassId, GlassId, ToolName};

/// Break the glass: in an emergency, run without approvals what two people answer for.
#[derive(Debug, Subcommand)]
pub enum BreakGlassCommand {
    /// Turn the first key; it grants nothing, and everybody is told.
    Ask(AskGlass),
    /// Turn the second key, within five minutes; from then on it is in force.
    Confirm(StepGlass),
    /// End it at once.
    End(StepGlass),
    /// List those that are not closed, and the last few that are.
    List,
    /// Close the review of one that is over; until then no other glass can be broken.
    Review {
        /// The break-glass.
        glass: GlassId,
        /// What you found.
        #[arg(long)]
        findings: String,
    },
}

/// What the glass is to be broken for.
#[derive(Debug, Args)]
pub struct AskGlass {
    /// The agent.
    #[arg(long)]
    pub agent: AgentId,
    /// The action class.
    #[arg(long, required_unless_present = "tool", conflicts_with = "tool")]
    pub class: Option<ClassId>,
    /// The one tool, as `server.tool`.
    #[arg(long)]
    pub tool: Option<ToolName>,
    /// The environment; without one, only what is in no known environment.
    #[arg(long = "env", value_name = "NAME")]
    pub environment: Option<String>,
    /// For how many minutes; as long as the bundle allows, if it is not said.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=60))]
    pub minutes: Option<u32>,
    /// Why.
    #[arg(long)]
    pub reason: String,
}

/// A step of a break-glass.
#[derive(Debug, Args)]
pub struct StepGlass {
    /// The break-glass.
    pub glass: GlassId,
    /// Why.
    #[arg(long)]
    pub reason: String,
}
