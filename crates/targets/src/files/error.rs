//! What can go wrong with a file, a change, and the taking back of one.

use std::io;

use types::Code;

use crate::mcp::Failed;

/// Says why nothing was done, or that nobody knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// The arguments are not those of the tool.
    #[error("{0}")]
    Arguments(String),
    /// The path leads out of the folder, or to what is no regular file.
    #[error("`{path}` {why}")]
    Path {
        /// The path as it was given.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// There is no such file.
    #[error("there is no file `{0}`")]
    Missing(String),
    /// A file is not as the edit expects it.
    #[error("{0}; nothing was done")]
    State(String),
    /// It would change more than it may.
    #[error("{0}")]
    TooMuch(String),
    /// What the change left is no longer there.
    #[error("{0}; nothing was done")]
    Conflict(String),
    /// The key is that of another change.
    #[error("`{0}` is the key of another change")]
    KeyTaken(String),
    /// No change has that key.
    #[error("there is no change `{0}`")]
    Unknown(String),
    /// The folder or its store cannot be used, so nothing was done.
    #[error("{0}")]
    Unavailable(String),
    /// Nobody knows whether it was done, or it was done by half.
    #[error("{0}")]
    InDoubt(String),
}

impl FileError {
    /// Returns the stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Arguments(_) => Code::ArgumentsInvalid,
            Self::Path { .. } => Code::PathRefused,
            Self::Missing(_) | Self::Unknown(_) => Code::NotFound,
            Self::State(_) => Code::StateConflict,
            Self::TooMuch(_) => Code::FilesExceeded,
            Self::Conflict(_) => Code::ReversalConflict,
            Self::KeyTaken(_) => Code::IdempotencyConflict,
            Self::Unavailable(_) => Code::UpstreamUnavailable,
            Self::InDoubt(_) => Code::InDoubt,
        }
    }

    pub(super) fn path(path: &str, why: impl Into<String>) -> Self {
        Self::Path { path: types::text::escape(path, false), why: why.into() }
    }
}

impl From<FileError> for Failed {
    fn from(error: FileError) -> Self {
        Self { code: error.code(), message: error.to_string() }
    }
}

impl From<io::Error> for FileError {
    fn from(error: io::Error) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<rustix::io::Errno> for FileError {
    fn from(error: rustix::io::Errno) -> Self {
        io::Error::from(error).into()
    }
}

impl From<rusqlite::Error> for FileError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Unavailable(format!("the store: {error}"))
    }
}

impl From<serde_json::Error> for FileError {
    fn from(error: serde_json::Error) -> Self {
        Self::Unavailable(format!("the store: {error}"))
    }
}
