//! Arguments of `countersign saga`.

use std::path::PathBuf;

use clap::Subcommand;
use types::SessionId;

/// Sagas: several steps that belong together, and are taken back together.
#[derive(Debug, Subcommand)]
pub enum SagaCommand {
    /// Have a plan carried out, with an agent's key, and tell how each step went until it is over.
    Run {
        /// The plan as JSON: `{ "steps": [{ "tool": "server.tool", "arguments": {…}, "check": "…" }] }`.
        file: PathBuf,
        /// Do not wait until it is over.
        #[arg(long)]
        no_wait: bool,
    },
    /// List those that are under way, and the last of those that are over.
    List,
    /// Show one: its steps, how it stands, and why it was turned back.
    Show {
        /// The session that it runs in.
        saga: SessionId,
    },
}
