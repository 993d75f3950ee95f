//! `countersign tool`, declared.

use clap::Subcommand;
use types::ToolName;

/// Tools and their reviewed definitions.
#[derive(Debug, Subcommand)]
pub enum ToolCommand {
    /// List the tools of the catalogue, with the digests of their definitions.
    List,
    /// Show a tool's definition as its server listed it last, the digest to pin, and what of it is redacted and why.
    Show {
        /// The tool, as `server.tool`.
        tool: ToolName,
    },
    /// Pin the definition you have read; refused if the server lists another by now.
    Pin {
        /// The tool, as `server.tool`.
        tool: ToolName,
        /// The digest of the definition you have read, as `show` prints it.
        #[arg(long, value_name = "DIGEST")]
        definition: String,
        /// What you found.
        #[arg(long)]
        reason: String,
    },
}
