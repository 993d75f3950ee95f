//! What became of a call: the verdict, the finding that made it, and what people said.

use serde::Serialize;
use types::case::CaseState;
use types::{Code, Decision, Restriction, Verdict};

/// Says what people did about a call that was put to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum People {
    /// They approved it.
    Approved,
    /// Somebody refused.
    Refused,
    /// Nobody decided in time.
    Expired,
    /// What it was about changed before they decided.
    Void,
    /// Who asked withdrew the call.
    Withdrawn,
    /// A reviewer agent sent it back.
    Returned,
    /// Nothing is recorded that they said: a person would have to decide.
    Nobody,
}

impl People {
    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Refused => "refused",
            Self::Expired => "expired",
            Self::Void => "void",
            Self::Withdrawn => "withdrawn",
            Self::Returned => "returned",
            Self::Nobody => "nobody",
        }
    }

    /// Reads how a case ended without a vote from the status of its record.
    pub(super) fn of_end(status: u8) -> Option<Self> {
        let ends = [(CaseState::Expired, Self::Expired), (CaseState::Void, Self::Void)];
        let ends = ends.into_iter().chain([(CaseState::Withdrawn, Self::Withdrawn)]);
        ends.into_iter().find(|(state, _)| *state as u8 == status).map(|(_, people)| people)
    }

    /// Returns the code with which a call ends that people did not approve.
    pub fn code(self) -> Code {
        match self {
            Self::Refused => Code::ApprovalDenied,
            Self::Expired => Code::ApprovalExpired,
            Self::Void | Self::Withdrawn => Code::ApprovalVoid,
            Self::Returned => Code::ReviewReturned,
            Self::Nobody | Self::Approved => Code::ApprovalPending,
        }
    }
}

/// Is what became of one call.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Ruling {
    /// `allow`, `allow_observed`, `escalate` or `deny`.
    pub verdict: &'static str,
    /// The code of the finding that kept it from running; absent if it ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// What people did, if it was put to them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub people: Option<People>,
}

impl Ruling {
    /// Reads it from the last decision about a call.
    pub fn of(decision: &Decision, people: Option<People>) -> Self {
        let stands = if decision.verdict.permits() { None } else { worst(decision) };
        Self { verdict: decision.verdict.as_str(), code: stands, people }
    }

    /// Says whether the call ran.
    pub fn ran(&self) -> bool {
        [Verdict::Allow.as_str(), Verdict::AllowObserved.as_str()].contains(&self.verdict)
    }
}

impl std::fmt::Display for Ruling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.verdict)?;
        if let Some(code) = self.code {
            write!(f, " ({code})")?;
        }
        match self.people {
            Some(People::Nobody) => f.write_str(", a person would have to decide"),
            Some(people) => write!(f, ", people: {}", people.as_str()),
            None => Ok(()),
        }
    }
}

/// Returns the code of the first finding that restricts most.
fn worst(decision: &Decision) -> Option<Code> {
    let most: Option<&Restriction> = decision.findings.iter().map(|finding| &finding.restriction).max();
    decision.findings.iter().find(|finding| Some(&finding.restriction) == most).map(|finding| finding.code)
}
