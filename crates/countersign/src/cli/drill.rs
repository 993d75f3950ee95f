//! The command line of `countersign drill`.

use clap::{Args, Subcommand};
use types::AgentId;

/// Drills.
#[derive(Debug, Subcommand)]
pub enum DrillCommand {
    /// Kill, measure how long that takes, and lift the switch again if it is still the drill's own.
    Kill(DrillKill),
}

/// Drill a kill.
#[derive(Debug, Args)]
pub struct DrillKill {
    /// Stop everything.
    #[arg(long, conflicts_with = "agent", required_unless_present = "agent")]
    pub all: bool,
    /// Stop one agent.
    #[arg(long)]
    pub agent: Option<AgentId>,
    /// Why.
    #[arg(long)]
    pub reason: String,
    /// Wait so long for what is in flight, in seconds; 60 at most.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(0..=60))]
    pub wait: u64,
    /// Keep the switch set so long at least, in milliseconds; 60,000 at most.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(0..=60_000))]
    pub hold: u64,
}
