//! `countersign model`, declared.

use clap::{Args, Subcommand};

/// Registered models: what is kept of them besides what MLflow's clients read.
#[derive(Debug, Subcommand)]
pub enum ModelCommand {
    /// Tell who moved what: versions, aliases and stages, from where to where, and when.
    History(ModelHistoryArgs),
}

/// Tell who moved what.
#[derive(Debug, Args)]
pub struct ModelHistoryArgs {
    /// A name that a registered model has or had.
    pub name: String,
}
