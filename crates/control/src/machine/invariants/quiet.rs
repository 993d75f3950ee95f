//! A log that is frozen, being closed or closed: what it still records.

use evidence::{LogEventKind, RecordKind};
use ledger::standing::Closing;
use ledger::{Draft, Standing, Turn};
use types::decoy::status::SHOWN;
use types::{Broken, Invariant};

/// Says what a log may still record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::machine) enum Quiet {
    /// Everything.
    No,
    /// Nothing that begins something.
    Draining,
    /// That it goes on under another name.
    Frozen,
    /// Nothing.
    Closed,
}

impl Quiet {
    /// Looks at how the log stands before a turn.
    pub(in crate::machine) fn of(log: &Standing) -> Self {
        match log.closing {
            Some(Closing::Closed) => Self::Closed,
            _ if log.frozen => Self::Frozen,
            Some(Closing::Draining(_)) => Self::Draining,
            None => Self::No,
        }
    }

    /// Asserts that a turn records nothing but that.
    pub(in crate::machine) fn assert(self, turn: &Turn<'_>) -> Result<(), Broken> {
        let allows = |draft: &Draft| match self {
            Self::No => true,
            Self::Draining => {
                let shows = draft.kind == RecordKind::Decoy && draft.status == Some(SHOWN);
                !shows && !matches!(draft.kind, RecordKind::Decided | RecordKind::SessionOpen)
            }
            Self::Frozen => draft.log.as_ref().is_some_and(|log| log.event == LogEventKind::Continued),
            Self::Closed => false,
        };
        let other = turn.drafts().find(|draft| !allows(draft));
        Invariant::LogSilent.assert(other.is_none(), || {
            let kind = other.map_or("", |draft| draft.kind.as_str());
            format!("a record `{kind}` in a log that is {self:?}")
        })
    }
}
