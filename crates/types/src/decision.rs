//! A decision: the verdict with every finding and fact that led to it.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::{ActionId, AutonomyLevel, CaseId, Digest, Facts, Finding, Millis, ObligationId, PolicyId, Verdict};

/// Is a version of the rules by which facts become a verdict; a replay decides by those of the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Semantics {
    /// Every argument is a value.
    V1,
    /// A mark in the arguments stands for a secret, which no policy can read.
    V2,
}

impl Semantics {
    /// Are the rules by which requests are decided now.
    pub const LATEST: Self = Self::V2;

    /// Returns the rules of a recorded version; `None` for one that this program does not have.
    pub fn of(version: u32) -> Option<Self> {
        [Self::V1, Self::V2].into_iter().find(|rules| rules.version() == version)
    }

    /// Returns the number that records bear.
    pub const fn version(self) -> u32 {
        match self {
            Self::V1 => 1,
            Self::V2 => 2,
        }
    }

    /// Says whether what looks like a mark stands for a secret.
    pub const fn has_marks(self) -> bool {
        match self {
            Self::V1 => false,
            Self::V2 => true,
        }
    }
}

/// Is the version of the rules by which requests are decided now.
pub const SEMANTICS: u32 = Semantics::LATEST.version();

/// Is one factor of a risk score.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(array)]
pub struct RiskFactor {
    /// The factor's name, such as `environment`.
    #[n(0)]
    pub name: String,
    /// The points it adds, between 0 and its maximum in the bundle.
    #[n(1)]
    pub points: i64,
}

/// Is a risk score: the sum of its factors.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode, Serialize, Deserialize)]
#[cbor(array)]
pub struct Risk {
    /// The sum of all points.
    #[n(0)]
    pub score: i64,
    /// Each factor with its contribution, in order of name.
    #[n(1)]
    pub factors: Vec<RiskFactor>,
}

/// Is the answer to one proposal.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct Decision {
    /// The proposal it answers.
    #[n(0)]
    pub action: ActionId,
    /// The digest of the exact action, see [`crate::ActionProposal::digest`].
    #[n(1)]
    pub action_digest: Digest,
    /// The join of the findings.
    #[n(2)]
    pub verdict: Verdict,
    /// What each stage said.
    #[n(3)]
    pub findings: Vec<Finding>,
    /// Everything that was read.
    #[n(4)]
    pub facts: Facts,
    /// The risk score.
    #[n(5)]
    pub risk: Risk,
    /// The autonomy level in force.
    #[n(6)]
    pub level: AutonomyLevel,
    /// The policies that permitted it, by `@id`.
    #[n(7)]
    pub policies: Vec<PolicyId>,
    /// What must happen besides the action.
    #[n(8)]
    pub obligations: Vec<ObligationId>,
    /// The digest of the bundle that decided.
    #[n(9)]
    pub bundle: Digest,
    /// The rules by which facts became the verdict.
    #[n(10)]
    pub semantics: u32,
    /// When it was decided, in the order of the journal.
    #[n(11)]
    pub at: Millis,
    /// The case that was opened, or whose approvals were consumed.
    #[n(12)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case: Option<CaseId>,
}
