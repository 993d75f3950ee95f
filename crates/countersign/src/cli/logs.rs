//! The command line of a tenant's logs: listed, closed, archived, deleted.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// The tenant's logs: the live one, and those that were closed.
#[derive(Debug, Subcommand)]
pub enum LogsCommand {
    /// List the logs: how each stands, what it spans, its final checkpoint, and whether witnesses hold that.
    List,
    /// Close the log: it is complete from then on, and the next start of the server begins a new one with all that is open.
    Close {
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// Put a closed log into a file or a folder that a stranger verifies, read it back, and record that.
    Archive(Archive),
    /// Delete a closed log, if retention allows it: journal, contents, keys and published files. Its final checkpoint stays.
    Delete {
        /// The log: its number, as `log list` shows it, or its origin.
        log: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
}

/// Put a closed log into an archive.
#[derive(Debug, Args)]
pub struct Archive {
    /// The log: its number, as `log list` shows it, or its origin.
    pub log: String,
    /// The archive: a file, or a folder if it ends with a slash or is there already. What is there is verified, never
    /// overwritten.
    #[arg(long, value_name = "FILE|DIR/")]
    pub to: PathBuf,
    /// What becomes of the contents. Sealed ones are readable for as long as the closed log's keys are here, which its
    /// deletion destroys.
    #[arg(long, value_enum, default_value_t = KeptContents::Sealed)]
    pub contents: KeptContents,
    /// Why; it is recorded.
    #[arg(long, default_value = "archived and verified")]
    pub reason: String,
    /// Write and verify it, and record nothing: no server need run, and deletion does not count it.
    #[arg(long)]
    pub unrecorded: bool,
}

/// Says what becomes of the contents in an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum KeptContents {
    /// They stay sealed.
    Sealed,
    /// They are open to whoever has the archive.
    Opened,
    /// None are in it.
    Left,
}
