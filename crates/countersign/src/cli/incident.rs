//! `countersign incident`, declared.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use types::{ServerName, SessionId};

/// Replay a recorded session.
#[derive(Debug, Subcommand)]
pub enum IncidentCommand {
    /// List the recorded sessions in which something was decided, the newest first.
    List,
    /// Be the servers of a recorded session: an MCP server that answers from the record and reaches nothing.
    Serve(IncidentServe),
    /// Run an agent against a recorded session, or decide its calls again, and say what comes out otherwise.
    Run(IncidentRun),
}

/// Which recorded session.
#[derive(Debug, Args)]
pub struct Recorded {
    /// A session of the journal, `last` for its newest, or an evidence bundle that holds one.
    #[arg(value_name = "SESSION|FILE")]
    pub what: String,
    /// The session, where an evidence bundle holds several.
    #[arg(long, value_name = "SESSION")]
    pub session: Option<SessionId>,
    /// The log's key, to check an evidence bundle with; without it only that the bundle agrees with itself is checked.
    #[arg(long = "log-key", value_name = "KEY")]
    pub log_key: Option<String>,
    /// Name the most similar recorded call in the error for a call that is not recorded; it is an error all the same.
    #[arg(long)]
    pub nearest: bool,
}

/// Be the servers of a recorded session.
#[derive(Debug, Args)]
pub struct IncidentServe {
    /// Which session.
    #[command(flatten)]
    pub recorded: Recorded,
    /// The server, where the session called several; without it, all of them behind one connection.
    #[arg(long)]
    pub server: Option<ServerName>,
    /// Serve over HTTP at this loopback address until told to stop, instead of over standard input and output.
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
    /// Write what came out otherwise into this file, as JSON.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
}

/// Run an agent against a recorded session.
#[derive(Debug, Args)]
pub struct IncidentRun {
    /// Which session.
    #[command(flatten)]
    pub recorded: Recorded,
    /// How often the agent runs.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub runs: u32,
    /// Decide by the policy bundle in this folder, instead of those that decided then.
    #[arg(long, value_name = "FOLDER")]
    pub bundle: Option<PathBuf>,
    /// End a run after so long, in seconds.
    #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub timeout: u64,
    /// The agent's command with its arguments; `{url}` and `{config}` in them are replaced. Without one, the recorded calls
    /// are decided again.
    #[arg(last = true, value_name = "AGENT")]
    pub agent: Vec<String>,
}
