//! The words of `countersign notify`.

use clap::{Subcommand, ValueEnum};

/// Who is told of what.
#[derive(Debug, Subcommand)]
pub enum NotifyCommand {
    /// Read DIR/notify.toml, say who is told of what, and which groups nobody is told for.
    Check,
    /// Send one target a message now, and say what it answers.
    Test {
        /// The target's name in DIR/notify.toml.
        target: String,
    },
    /// Say how each target stands, and what waits, was delivered or was not.
    Status {
        /// List notices of this target alone.
        #[arg(long, value_name = "TARGET")]
        target: Option<String>,
        /// List notices in this state alone.
        #[arg(long, value_enum)]
        state: Option<NoticeState>,
        /// How many notices to list.
        #[arg(long, default_value = "20", value_name = "NUMBER")]
        limit: u64,
    },
}

/// How a notice stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum NoticeState {
    /// It is to be delivered.
    Waiting,
    /// It was delivered.
    Sent,
    /// Its time ended before it was delivered.
    Dead,
    /// What it was about was over before it was sent.
    Dropped,
}

impl NoticeState {
    /// Returns the word that the server uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::Dead => "dead",
            Self::Dropped => "dropped",
        }
    }
}
