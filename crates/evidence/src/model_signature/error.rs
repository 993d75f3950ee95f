//! Why a signature of a model is not made, or not accepted.

use types::{Code, JsonError};

use super::bundle::SIGNATURE_BYTES_MAX;

/// Says why a signature of a model cannot be made, or is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelSignatureError {
    /// It is larger than [`SIGNATURE_BYTES_MAX`].
    #[error("a signature of {0} bytes is larger than {SIGNATURE_BYTES_MAX}")]
    TooLarge(usize),
    /// It is not JSON as it must be.
    #[error("not a signature of a model: {0}")]
    Json(#[from] JsonError),
    /// It lacks a part, contradicts itself, or can be read in more than one way.
    #[error("not a signature of a model: {0}")]
    Malformed(String),
    /// It is of a kind that is not read here.
    #[error("the signature is of a kind that is not read here: {0}")]
    Unsupported(String),
    /// The key has not signed it.
    #[error("the signature is not by this key: {0}")]
    Foreign(String),
    /// The key cannot be used.
    #[error("the key cannot be used: {0}")]
    Key(&'static str),
}

impl ModelSignatureError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> Code {
        match self {
            Self::TooLarge(_) | Self::Json(_) | Self::Malformed(_) => Code::ModelSignatureMalformed,
            Self::Unsupported(_) => Code::ModelSignatureUnsupported,
            Self::Foreign(_) => Code::ModelSignatureForeign,
            Self::Key(_) => Code::KeysUnusable,
        }
    }

    pub(super) fn malformed(why: impl Into<String>) -> Self {
        Self::Malformed(why.into())
    }
}
