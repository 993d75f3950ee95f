//! Tickets: why the approval of a case cannot be used.

use types::Code;

/// Says why a case's ticket cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TicketError {
    /// People have not decided yet.
    #[error("the case is still open")]
    Open,
    /// A person refused.
    #[error("the case was denied")]
    Denied,
    /// Its time is over.
    #[error("the case has expired")]
    Expired,
    /// What it was about has changed: the action, the bundle, or what voided it.
    #[error("what the case was about has changed")]
    Void,
    /// It was used before.
    #[error("the approval has been used")]
    Consumed,
    /// Who asked no longer wants it.
    #[error("the case was withdrawn")]
    Withdrawn,
    /// A reviewer sent it back.
    #[error("a reviewer sent the case back")]
    Returned,
}

impl TicketError {
    /// Returns the stable code of this error.
    pub fn code(self) -> Code {
        match self {
            Self::Open => Code::ApprovalPending,
            Self::Denied => Code::ApprovalDenied,
            Self::Expired => Code::ApprovalExpired,
            Self::Void | Self::Withdrawn => Code::ApprovalVoid,
            Self::Returned => Code::ReviewReturned,
            Self::Consumed => Code::StateConflict,
        }
    }
}
