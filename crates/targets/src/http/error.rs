//! What can go wrong with a request, a change, and the taking back of one.

use std::io;

use types::Code;

use crate::kept::KeptError;
use crate::mcp::Failed;

/// Says why nothing was done, or that nobody knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The file that declares the operations does not fit.
    #[error("{0}")]
    Declared(String),
    /// The arguments are not those of the operation.
    #[error("{0}")]
    Arguments(String),
    /// There is no such operation.
    #[error("there is no operation `{0}`")]
    NoOperation(String),
    /// Somebody changed the resource between the look and the request.
    #[error("{0}; nothing was done")]
    State(String),
    /// The server refused it, and nothing is another.
    #[error("the server refused it with status {0}; nothing was done")]
    Refused(u16),
    /// The server answered what nobody can judge.
    #[error("{0}")]
    Invalid(String),
    /// What the change left is no longer there.
    #[error("{0}; nothing was done")]
    Conflict(String),
    /// The key is that of another change.
    #[error("`{0}` is the key of another change")]
    KeyTaken(String),
    /// No change has that key.
    #[error("there is no change `{0}`")]
    Unknown(String),
    /// The server or the store cannot be used, so nothing was done.
    #[error("{0}")]
    Unavailable(String),
    /// Nobody knows whether it was done.
    #[error("{0}")]
    InDoubt(String),
}

impl HttpError {
    /// Returns the stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Declared(_) => Code::OperationsInvalid,
            Self::Arguments(_) => Code::ArgumentsInvalid,
            Self::NoOperation(_) | Self::Unknown(_) => Code::NotFound,
            Self::State(_) => Code::StateConflict,
            Self::Refused(_) => Code::RequestRefused,
            Self::Invalid(_) => Code::UpstreamInvalid,
            Self::Conflict(_) => Code::ReversalConflict,
            Self::KeyTaken(_) => Code::IdempotencyConflict,
            Self::Unavailable(_) => Code::UpstreamUnavailable,
            Self::InDoubt(_) => Code::InDoubt,
        }
    }
}

impl From<HttpError> for Failed {
    fn from(error: HttpError) -> Self {
        Self { code: error.code(), message: error.to_string() }
    }
}

impl From<io::Error> for HttpError {
    fn from(error: io::Error) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<KeptError> for HttpError {
    fn from(error: KeptError) -> Self {
        Self::Unavailable(error.to_string())
    }
}
