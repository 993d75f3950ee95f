//! `countersign policy`, declared.

use std::path::PathBuf;

use clap::Subcommand;
use types::Digest;

use super::OnCall;

/// The policy bundle.
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Say everything that is wrong with a bundle.
    Check {
        /// The bundle, instead of DIR/bundle.
        folder: Option<PathBuf>,
    },
    /// Run a bundle's own tests.
    Test {
        /// The bundle, instead of DIR/bundle.
        folder: Option<PathBuf>,
    },
    /// Say who is on call, and who is next.
    OnCall(OnCall),
    /// List which bundles were put in force, by whom and why.
    History,
    /// Say what differs from the bundle in force, line by line.
    Diff {
        /// The bundle, instead of DIR/bundle.
        folder: Option<PathBuf>,
        /// Hold it against this bundle of the history instead of the one in force.
        #[arg(long, value_name = "DIGEST")]
        from: Option<Digest>,
    },
    /// Say who may do and decide what, as the running server's active bundle and the levels that were given say.
    Authority {
        /// List what should be looked at instead: authority that was not used in a period, or has grown in it.
        #[arg(long)]
        review: bool,
        /// How long that period is, in days.
        #[arg(long, requires = "review", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=3650))]
        days: u32,
    },
    /// Make a bundle the active one of the running server.
    Activate {
        /// The bundle, instead of DIR/bundle.
        folder: Option<PathBuf>,
        /// Why.
        #[arg(long, default_value = "activated from the command line")]
        reason: String,
    },
}
