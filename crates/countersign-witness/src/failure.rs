//! Why a command did not do what it was asked, with a stable code and an exit code.

use std::fmt::Display;
use std::path::Path;

use tlog::{Refusal, RequestError};
use types::Code;

/// Is why a command ended without having done it.
#[derive(Debug)]
pub struct Failure {
    /// The exit code: 1 failed or refused, 2 the command line or its input is wrong.
    pub exit: u8,
    /// The stable code.
    pub code: Code,
    /// One sentence.
    pub message: String,
}

impl Failure {
    /// Builds the failure of something that should have worked.
    pub fn failed(code: Code, message: impl Into<String>) -> Self {
        Self { exit: 1, code, message: message.into() }
    }

    /// Builds the failure of a command line that cannot be followed.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { exit: 2, code: Code::UsageInvalid, message: message.into() }
    }

    /// Builds the failure of a file or folder that cannot be read or written.
    pub fn file(path: &Path, error: impl Display) -> Self {
        Self::failed(Code::FileUnusable, format!("`{}` cannot be used: {error}", path.display()))
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let exit = if refusal.status() == 400 { 2 } else { 1 };
        Self { exit, code: code(&refusal), message: refusal.to_string() }
    }
}

/// Returns the stable code under which a refusal is explained.
pub fn code(refusal: &Refusal) -> Code {
    match refusal {
        Refusal::Request(RequestError::TooLong(_)) => Code::PayloadTooLarge,
        Refusal::Request(_) | Refusal::OldBeyondSize { .. } => Code::RequestInvalid,
        Refusal::UnknownLog(_) => Code::NotFound,
        Refusal::Conflict { .. } => Code::StateConflict,
        Refusal::Signature(_) | Refusal::EmptyRoot | Refusal::Proof(_) => Code::EvidenceBroken,
        Refusal::Stopped => Code::JournalStopped,
    }
}
