//! Arguments of `countersign target`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Offer a system to agents as an MCP server.
#[derive(Debug, Subcommand)]
pub enum TargetCommand {
    /// Be an MCP server over a database, on standard input and output.
    Sql {
        #[command(flatten)]
        database: DatabaseArg,
        /// How many rows a change may change, those of cascades among them.
        #[arg(long, default_value_t = 1_000)]
        rows_max: usize,
        /// How many rows a query tells.
        #[arg(long, default_value_t = 1_000)]
        told_max: usize,
        /// How long a statement may run, in milliseconds.
        #[arg(long, default_value_t = 30_000, value_parser = clap::value_parser!(u64).range(1..=3_600_000))]
        statement_ms: u64,
        /// How long a statement may wait for others, in milliseconds.
        #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(1..=3_600_000))]
        lock_ms: u64,
    },
    /// Be an MCP server over a folder, on standard input and output.
    Files {
        /// The folder.
        root: PathBuf,
        /// Where files are kept as they were before: a folder of this target's own, outside of the one that is offered.
        #[arg(long)]
        store: PathBuf,
        /// How many files a change may change.
        #[arg(long, default_value_t = 100)]
        files_max: usize,
        /// How large a file may be, in bytes.
        #[arg(long, default_value_t = 1 << 20)]
        bytes_max: usize,
    },
    /// Be an MCP server over declared operations of a server that speaks HTTP, on standard input and output.
    Http {
        /// The file that declares the operations: TOML.
        operations: PathBuf,
        /// Where resources are kept as they were before: a folder of this target's own.
        #[arg(long)]
        store: PathBuf,
    },
    /// Keep what changes tables from now on, whoever changes them: what `sql` needs to take changes back. Connect as their owner.
    Capture {
        #[command(flatten)]
        database: DatabaseArg,
        /// The tables.
        #[arg(required = true)]
        tables: Vec<String>,
    },
}

/// Names a database.
#[derive(Debug, Args)]
pub struct DatabaseArg {
    /// `postgresql://ROLE@HOST/DATABASE`, or `sqlite:PATH`. A password belongs into the variable, where nobody sees it in the list of processes.
    #[arg(long, env = "COUNTERSIGN_DATABASE", hide_env_values = true)]
    pub database: String,
}
