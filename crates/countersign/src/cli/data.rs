//! `countersign data`, declared.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// Data: whether a file is as expected, before anything is trained on it.
#[derive(Debug, Subcommand)]
pub enum DataCommand {
    /// Hold a file against what is expected of it; exits with 1 if it is otherwise.
    Check(DataCheckArgs),
}

/// Hold a file against what is expected of it.
#[derive(Debug, Args)]
pub struct DataCheckArgs {
    /// The file: CSV with the names of the columns in its first line, or a JSON object on each line.
    pub file: PathBuf,
    /// What is expected, as TOML.
    #[arg(long, value_name = "FILE")]
    pub against: PathBuf,
    /// Record the verdict as evidence of this tracked run.
    #[arg(long, value_name = "RUN_ID")]
    pub run: Option<String>,
    /// Record the verdict under this name of a dataset, as the run logs it; the file's name without its ending by default.
    #[arg(long, value_name = "NAME")]
    pub dataset: Option<String>,
    /// Judge freshness at this instant instead of now, such as `2026-11-02T08:00:00Z`.
    #[arg(long, value_name = "INSTANT")]
    pub at: Option<String>,
    /// How the file is written; told by its ending by default.
    #[arg(long, value_enum)]
    pub format: Option<DataFormat>,
}

/// Says how a file of data is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DataFormat {
    /// Fields apart by commas, or by what is expected, with the names of the columns first.
    Csv,
    /// A JSON object on each line.
    Jsonl,
}
