//! Bugs that a verifier could have, planted in front of ours: a corpus that does not notice them shows nothing.

use crate::case::Reader;

/// Is a bug of a verifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// It takes the log's own signature for enough.
    SkipsQuorum,
    /// It does not follow the chains of sessions.
    SkipsSessions,
    /// It does not mind what stands behind a log's last record or in front of its first.
    SkipsEnds,
    /// It takes the verdict in a leaf, computes nothing again and joins nothing.
    TrustsVerdict,
    /// It looks at no checkpoint that was kept.
    IgnoresEarlier,
    /// It does not check that a bundle's records are in the tree.
    SkipsProofs,
    /// It does not check that what is disclosed is what was committed to.
    SkipsCommitments,
    /// It does not compare tiles and root with the entries.
    SkipsTree,
}

/// Is every flaw.
pub const FLAWS: [Flaw; 8] = [
    Flaw::SkipsQuorum,
    Flaw::SkipsSessions,
    Flaw::SkipsEnds,
    Flaw::TrustsVerdict,
    Flaw::IgnoresEarlier,
    Flaw::SkipsProofs,
    Flaw::SkipsCommitments,
    Flaw::SkipsTree,
];

impl Flaw {
    /// Returns its name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SkipsQuorum => "skips-quorum",
            Self::SkipsSessions => "skips-sessions",
            Self::SkipsEnds => "skips-ends",
            Self::TrustsVerdict => "trusts-verdict",
            Self::IgnoresEarlier => "ignores-earlier",
            Self::SkipsProofs => "skips-proofs",
            Self::SkipsCommitments => "skips-commitments",
            Self::SkipsTree => "skips-tree",
        }
    }

    /// Reads a name.
    pub fn named(name: &str) -> Option<Self> {
        FLAWS.into_iter().find(|flaw| flaw.as_str() == name)
    }

    /// Returns the reasons that a verifier with this flaw never gives.
    pub(crate) fn unseen(self) -> &'static [&'static str] {
        match self {
            Self::SkipsQuorum | Self::IgnoresEarlier => &[],
            Self::SkipsSessions => &["session-broken", "session-incomplete"],
            Self::SkipsEnds => &["log-reopened", "log-begun-late"],
            Self::TrustsVerdict => &["verdict-mismatch", "decision-differs", "votes-missing"],
            Self::SkipsProofs => &["proof-root-mismatch"],
            Self::SkipsCommitments => &["commitment-mismatch"],
            Self::SkipsTree => &["tile-mismatch", "tree-root-mismatch"],
        }
    }

    /// Says whom a reader with this flaw trusts in fact.
    pub(crate) fn trusts(self, reader: Reader) -> Reader {
        if self == Self::SkipsQuorum { Reader::Key } else { reader }
    }
}
