//! How a use case fails: always a [`Refusal`] with a stable code.

use ledger::LedgerError;
use ledger::history::HistoryError;
use types::Code;

use crate::door::Refusal;

/// Is the result of a use case.
pub type Failure<T> = Result<T, Refusal>;

impl From<LedgerError> for Refusal {
    fn from(error: LedgerError) -> Self {
        Self::plain(error.code(), error.to_string())
    }
}

impl From<HistoryError> for Refusal {
    fn from(error: HistoryError) -> Self {
        match error.code() {
            // What a damaged journal says of itself is for the operator's log, not for a caller.
            code @ (Code::JournalMismatch | Code::JournalStopped | Code::JournalTorn | Code::KeysUnusable) => {
                tracing::error!(%error, "the journal cannot be read");
                Self::plain(code, "the journal cannot be read; see the server's log")
            }
            code => Self::plain(code, error.to_string()),
        }
    }
}

/// Refuses because there is no such thing.
pub fn not_found(what: impl std::fmt::Display) -> Refusal {
    Refusal::plain(Code::NotFound, format!("there is no {what}"))
}

/// Refuses because the caller's credential does not reach that far.
pub fn forbidden(why: impl Into<String>) -> Refusal {
    Refusal::plain(Code::Forbidden, why)
}

/// Refuses because the request does not fit the contract.
pub fn invalid(why: impl Into<String>) -> Refusal {
    Refusal::plain(Code::RequestInvalid, why)
}
