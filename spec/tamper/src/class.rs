//! The classes of attack, and for which reasons each may be refused.

/// Is a class of attack on a log or on a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// A bit of a published file or of a bundle's part is another; nothing is signed again.
    ByteFlips,
    /// Records are gone, and everything is hashed and signed again.
    Dropped,
    /// Two records have changed places.
    Swapped,
    /// The log ends sooner than it did.
    CutTail,
    /// From some record on the log went another way.
    Fork,
    /// A state of long ago is put back, as it was or grown anew.
    OldBackup,
    /// A part of a record, not its verdict, says something else.
    FieldChanged,
    /// A verdict or the state that a record reports is another, and everything is hashed and signed again.
    VerdictEdited,
    /// The log or a session begins anew in the middle.
    ChainRestarted,
    /// What was never witnessed carries made-up, borrowed or multiplied cosignatures.
    ForgedCosignature,
}

use Class::*;

/// Is every class, in order.
pub const CLASSES: [Class; 10] = [
    ByteFlips,
    Dropped,
    Swapped,
    CutTail,
    Fork,
    OldBackup,
    FieldChanged,
    VerdictEdited,
    ChainRestarted,
    ForgedCosignature,
];

/// Is why a log is refused that was hashed and signed again: no quorum has seen it, cosignatures of another do not fit
/// it, the tree is not the cosigned one, or it is not the one that was kept.
const REWRITTEN: [&str; 6] = [
    "policy-quorum-missing",
    "note-signature-invalid",
    "tree-root-mismatch",
    "tile-mismatch",
    "log-forked",
    "log-shortened",
];

impl Class {
    /// Returns its name in case names and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            ByteFlips => "byte-flips",
            Dropped => "dropped",
            Swapped => "swapped",
            CutTail => "cut-tail",
            Fork => "fork",
            OldBackup => "old-backup",
            FieldChanged => "field-changed",
            VerdictEdited => "verdict-edited",
            ChainRestarted => "chain-restarted",
            ForgedCosignature => "forged-cosignature",
        }
    }

    /// Reads a name.
    pub fn named(name: &str) -> Option<Self> {
        CLASSES.into_iter().find(|class| class.as_str() == name)
    }

    /// Lists every reason for which a case of this class may be refused; each single case allows fewer.
    pub fn reasons(self) -> Vec<&'static str> {
        let own: &[&str] = match self {
            ByteFlips => {
                return vec![
                    "tile-mismatch",
                    "tree-root-mismatch",
                    "bundle-malformed",
                    "note-signature-invalid",
                    "note-malformed",
                    "note-key-unknown",
                    "checkpoint-malformed",
                    "policy-log-unknown",
                    "policy-quorum-missing",
                    "proof-root-mismatch",
                    "commitment-mismatch",
                ];
            }
            CutTail => {
                &["tile-missing", "records-missing", "session-incomplete", "outcome-missing", "subject-mismatch"]
            }
            OldBackup => &["log-reopened", "log-begun-late"],
            Dropped => &[
                "session-broken",
                "tile-missing",
                "records-missing",
                "votes-missing",
                "outcome-missing",
                "session-incomplete",
                "subject-mismatch",
            ],
            Swapped => &["session-broken", "time-backwards", "log-reopened", "log-begun-late", "proof-root-mismatch"],
            Fork => &["log-reopened", "log-begun-late", "tile-missing", "proof-root-mismatch"],
            FieldChanged => &[
                "session-broken",
                "time-backwards",
                "leaf-invalid",
                "proof-root-mismatch",
                "commitment-mismatch",
                "content-missing",
                "subject-mismatch",
                "decision-incomputable",
                "verdict-mismatch",
                "decision-differs",
                "votes-missing",
                "vote-signature-invalid",
                "vote-ballot-mismatch",
            ],
            VerdictEdited => {
                &["session-broken", "proof-root-mismatch", "verdict-mismatch", "decision-differs", "votes-missing"]
            }
            ChainRestarted => &["session-broken", "time-backwards", "log-reopened", "log-begun-late", "tile-missing"],
            ForgedCosignature => return vec!["note-signature-invalid", "policy-quorum-missing"],
        };
        own.iter().chain(&REWRITTEN).copied().collect()
    }
}
