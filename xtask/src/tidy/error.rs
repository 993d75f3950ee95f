//! Why the rules could not be checked at all.

use std::fmt;
use std::io;

/// Says why the tree could not be inspected.
#[derive(Debug)]
pub enum TidyError {
    /// A command did not start.
    Start { command: &'static str, cause: io::Error },
    /// A command failed, and this is what it said.
    Failed { command: &'static str, said: String },
    /// A command answered what nobody expected.
    Answer { command: &'static str, cause: String },
    /// A file cannot be read or written.
    File { path: String, cause: io::Error },
    /// The ratchet is not what [`super::ratchet`] writes.
    Ratchet(String),
}

impl fmt::Display for TidyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start { command, cause } => write!(f, "`{command}` does not start: {cause}"),
            Self::Failed { command, said } => write!(f, "`{command}` fails: {}", said.trim()),
            Self::Answer { command, cause } => write!(f, "`{command}` gives an unexpected answer: {cause}"),
            Self::File { path, cause } => write!(f, "`{path}` cannot be used: {cause}"),
            Self::Ratchet(cause) => write!(f, "`xtask/ratchet.toml` cannot be read: {cause}"),
        }
    }
}

impl std::error::Error for TidyError {}
