//! `countersign host`, declared.

use std::path::PathBuf;

use clap::Subcommand;

/// Keys of hosts, with which they sign what they say that they run.
#[derive(Debug, Subcommand)]
pub enum HostCommand {
    /// Make a key on this host, and print its public half; needs no server.
    Keygen {
        /// The file of the secret key; there must be none yet.
        file: PathBuf,
    },
    /// Let a key sign what the host of one target says, by decision: nothing that is not signed counts for it from then on.
    Enroll {
        /// The target.
        target: String,
        /// The public key, as `host keygen` prints it.
        #[arg(long, value_name = "KEY")]
        public_key: String,
        /// Why; it is recorded.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Take a key back; it is worth nothing at once.
    Revoke {
        /// The key's id.
        id: String,
        /// Why.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// List the keys.
    List,
}
