//! What can go wrong with a statement, a change, and the taking back of one.

use types::Code;

use crate::mcp::Failed;

/// Says why a database was not asked, or what it said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SqlError {
    /// The arguments are not those of the tool.
    #[error("{0}")]
    Arguments(String),
    /// The statement is none that may be run here.
    #[error("{0}")]
    Refused(String),
    /// It would change what nobody captures, and so what nobody could take back.
    #[error("`{0}` is not captured, so what changes there could not be taken back")]
    Uncaptured(String),
    /// It would change more rows than it may.
    #[error("it changes {rows} rows, and may change {max}")]
    TooMany {
        /// How many it would change.
        rows: usize,
        /// How many it may.
        max: usize,
    },
    /// What the change left is no longer there, or taking it back would do something else.
    #[error("{0}; nothing was done")]
    Conflict(String),
    /// The key is that of another change.
    #[error("`{0}` is the key of another change")]
    KeyTaken(String),
    /// No change has that key.
    #[error("there is no change `{0}`")]
    Unknown(String),
    /// The database says no.
    #[error("{0}")]
    Database(String),
    /// The database cannot be reached, so nothing was done.
    #[error("{0}")]
    Unreachable(String),
    /// Nobody knows whether it was done.
    #[error("{0}")]
    InDoubt(String),
}

impl SqlError {
    /// Returns the stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Arguments(_) => Code::ArgumentsInvalid,
            Self::Refused(_) => Code::StatementRefused,
            Self::Uncaptured(_) => Code::TableUncaptured,
            Self::TooMany { .. } => Code::RowsExceeded,
            Self::Conflict(_) => Code::ReversalConflict,
            Self::KeyTaken(_) => Code::IdempotencyConflict,
            Self::Unknown(_) => Code::NotFound,
            Self::Database(_) => Code::StatementFailed,
            Self::Unreachable(_) => Code::UpstreamUnavailable,
            Self::InDoubt(_) => Code::InDoubt,
        }
    }
}

impl From<SqlError> for Failed {
    fn from(error: SqlError) -> Self {
        Self { code: error.code(), message: error.to_string() }
    }
}
