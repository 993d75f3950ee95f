//! How a command ends: exit codes with meaning, and one sentence with a stable code.

use std::process::ExitCode;

use control::Refusal;
use types::Code;

/// Is how a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It was done.
    Done,
    /// It failed.
    Failed,
    /// The command line or its input is wrong.
    Usage,
    /// It was denied.
    Denied,
    /// It cannot be told: pending, erased, missing.
    Undetermined,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Denied => 3,
            Exit::Undetermined => 4,
        })
    }
}

/// Is why a command did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CliError {
    /// How the process ends.
    pub exit: Exit,
    /// The stable code.
    pub code: Code,
    /// One sentence, or several lines where there are several problems.
    pub message: String,
    /// What to try.
    pub hint: Option<String>,
}

impl CliError {
    /// Builds an error.
    pub fn new(exit: Exit, code: Code, message: impl Into<String>) -> Self {
        Self { exit, code, message: message.into(), hint: None }
    }

    /// Builds an error about the machine: a file, a socket, a process.
    pub fn machine(message: impl Into<String>) -> Self {
        Self::new(Exit::Failed, Code::FileUnusable, message)
    }

    /// Builds an error about the command line.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, Code::UsageInvalid, message)
    }

    /// Adds what to try.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Says with which exit code a problem ends.
pub fn exit_for(code: Code) -> Exit {
    match code {
        Code::ApprovalPending => Exit::Undetermined,
        Code::UsageInvalid
        | Code::RequestInvalid
        | Code::JsonMalformed
        | Code::JsonDuplicateKey
        | Code::JsonUnsafeNumber
        | Code::JsonTooDeep
        | Code::BundleInvalid
        | Code::BundleTestsFailed
        | Code::BundleMissing
        | Code::NotifyInvalid
        | Code::LevelUnsupported => Exit::Usage,
        Code::Forbidden | Code::Unauthenticated | Code::KeyExpired | Code::VoterExcluded => Exit::Denied,
        // A finding that denies travels with status 200.
        code if code.status() == 200 => Exit::Denied,
        _ => Exit::Failed,
    }
}

impl From<Refusal> for CliError {
    fn from(refusal: Refusal) -> Self {
        Self::new(exit_for(refusal.code), refusal.code, refusal.message)
    }
}

impl From<ledger::recover::OpenError> for CliError {
    fn from(error: ledger::recover::OpenError) -> Self {
        Self::new(Exit::Failed, error.code(), error.to_string())
    }
}

impl From<ledger::history::HistoryError> for CliError {
    fn from(error: ledger::history::HistoryError) -> Self {
        Self::new(Exit::Failed, error.code(), error.to_string())
    }
}

impl From<ledger::KeyringError> for CliError {
    fn from(error: ledger::KeyringError) -> Self {
        Self::new(Exit::Failed, error.code(), error.to_string())
    }
}

impl From<notify::send::Failure> for CliError {
    fn from(failure: notify::send::Failure) -> Self {
        Self::new(exit_for(failure.code), failure.code, failure.says)
    }
}

impl From<store::StoreError> for CliError {
    fn from(error: store::StoreError) -> Self {
        Self::new(Exit::Failed, error.code(), error.to_string())
    }
}
