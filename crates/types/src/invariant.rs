//! What must hold whenever something is recorded, by name. It is asserted where it is recorded, in every build.

use std::fmt;

use crate::mutant;

/// Names what must always hold; a violation is told by this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    /// A permit takes from each rate and budget what it asks for, and that was there.
    LimitHolds,
    /// An ending gives back no more of a budget than its permit has taken, and only if nothing was sent.
    RefundFits,
    /// An approval is asked for and used for the exact action, under one bundle, in time and once.
    TicketOnce,
    /// A permit that runs on a permission takes one use of it, that was left, before its end.
    PermissionFits,
    /// A permitted action is in flight from the record of its permit to that of its one outcome.
    FlightOnce,
    /// No permit is recorded for what a kill switch covers.
    KillHolds,
    /// What runs without its approvals runs under a break-glass that two different people turned the keys of, before its end.
    GlassHolds,
    /// A case moves as the state machine of cases has it, and no way back.
    CaseMoves,
    /// A case holds one vote of a person.
    VoteOnce,
    /// People decide: what a reviewer says is no vote, and a permit that needs people rests on the vote of one.
    PeopleDecide,
    /// A log that is frozen, being closed or closed records nothing but what that allows.
    LogSilent,
    /// A record follows upon those before it.
    RecordFollows,
    /// The journal's time never goes back.
    TimeForward,
    /// Records are numbered without a gap, and the tree has as many leaves as there are records.
    TreeWhole,
    /// The journal ends where its last batch leads before any answer of that batch is given.
    HeadSynced,
}

impl Invariant {
    /// Lists all of them.
    pub const ALL: &[Self] = &[
        Self::LimitHolds,
        Self::RefundFits,
        Self::TicketOnce,
        Self::PermissionFits,
        Self::FlightOnce,
        Self::KillHolds,
        Self::GlassHolds,
        Self::CaseMoves,
        Self::VoteOnce,
        Self::PeopleDecide,
        Self::LogSilent,
        Self::RecordFollows,
        Self::TimeForward,
        Self::TreeWhole,
        Self::HeadSynced,
    ];

    /// Returns its name, as logs and messages have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LimitHolds => "limit-holds",
            Self::RefundFits => "refund-fits",
            Self::TicketOnce => "ticket-once",
            Self::PermissionFits => "permission-fits",
            Self::FlightOnce => "flight-once",
            Self::KillHolds => "kill-holds",
            Self::GlassHolds => "glass-holds",
            Self::CaseMoves => "case-moves",
            Self::VoteOnce => "vote-once",
            Self::PeopleDecide => "people-decide",
            Self::LogSilent => "log-silent",
            Self::RecordFollows => "record-follows",
            Self::TimeForward => "time-forward",
            Self::TreeWhole => "tree-whole",
            Self::HeadSynced => "head-synced",
        }
    }

    /// Asserts it.
    ///
    /// - `why`: says what was found instead; it is for the operator, and no caller sees it.
    ///
    /// # Errors
    ///
    /// [`Broken`] unless it `holds`.
    pub fn assert(self, holds: bool, why: impl FnOnce() -> String) -> Result<(), Broken> {
        // Where a bug is planted that others are to notice, nothing is to notice it before them.
        if holds || mutant::is_left_to_others() { Ok(()) } else { Err(Broken { invariant: self, why: why() }) }
    }
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Says that something does not hold that must: the program itself is wrong, or what it has stored.
///
/// Its message names the invariant and nothing else, so that a caller learns nothing about others.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the invariant `{invariant}` is broken, so nothing more is recorded and nothing runs")]
pub struct Broken {
    /// What does not hold.
    pub invariant: Invariant,
    /// What was found, for the operator.
    pub why: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_violation_is_told_by_its_name_and_callers_hear_nothing_else() {
        for invariant in Invariant::ALL {
            assert_eq!(invariant.assert(true, String::new), Ok(()));
            let broken = invariant.assert(false, || "ana".to_owned()).unwrap_err();
            assert_eq!((broken.invariant, broken.why.as_str()), (*invariant, "ana"));
            let told = broken.to_string();
            assert!(told.contains(&format!("`{}`", invariant.as_str())) && !told.contains("ana"), "{told}");
        }
    }

    #[test]
    fn names_are_kebab_case_and_each_is_of_one() {
        let names: std::collections::BTreeSet<&str> =
            Invariant::ALL.iter().map(|invariant| invariant.as_str()).collect();
        assert_eq!(names.len(), Invariant::ALL.len());
        assert!(names.iter().all(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')));
    }
}
