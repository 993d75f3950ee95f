//! `countersign model`, declared.

use clap::{Args, Subcommand};

/// Registered models: what is kept of them besides what MLflow's clients read.
#[derive(Debug, Subcommand)]
pub enum ModelCommand {
    /// Tell who moved what: versions, aliases and stages, from where to where, and when.
    History(ModelHistoryArgs),
    /// Let an alias name a version: what is decided, and approved where policy asks for it, is done.
    Promote(PromoteArgs),
    /// Let an alias name the version again that it named before.
    Rollback(RollbackArgs),
}

/// Tell who moved what.
#[derive(Debug, Args)]
pub struct ModelHistoryArgs {
    /// A name that a registered model has or had.
    pub name: String,
}

/// Let an alias name a version.
#[derive(Debug, Args)]
pub struct PromoteArgs {
    /// The registered model.
    pub name: String,
    /// The version's number.
    pub version: u64,
    /// The alias.
    #[arg(long, default_value = "champion", value_name = "ALIAS")]
    pub alias: String,
    /// Why; it is recorded.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
}

/// Let an alias name the version again that it named before.
#[derive(Debug, Args)]
pub struct RollbackArgs {
    /// The registered model.
    pub name: String,
    /// The version's number; the one that the alias named before by default.
    #[arg(long, value_name = "VERSION")]
    pub to: Option<u64>,
    /// The alias.
    #[arg(long, default_value = "champion", value_name = "ALIAS")]
    pub alias: String,
    /// Why; it is recorded.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
}
