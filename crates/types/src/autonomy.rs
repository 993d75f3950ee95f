//! Autonomy levels and what a tool declares about its effects.

use std::fmt;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// Is how far an agent may go by itself with one action class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
pub enum AutonomyLevel {
    /// Advisory: it recommends and executes nothing.
    #[n(0)]
    L0,
    /// Assisted: every write needs approval.
    #[n(1)]
    L1,
    /// Conditional: predefined low-risk classes run alone inside environment scope and rate limits.
    #[n(2)]
    L2,
    /// Scoped: production autonomy in a tight domain.
    #[n(3)]
    L3,
}

impl AutonomyLevel {
    /// Returns the number of the level, 0 to 3.
    pub fn rank(self) -> i64 {
        match self {
            Self::L0 => 0,
            Self::L1 => 1,
            Self::L2 => 2,
            Self::L3 => 3,
        }
    }

    /// Returns the level of that number; any other number is L0, the most restrictive.
    pub fn from_rank(rank: i64) -> Self {
        match rank {
            1 => Self::L1,
            2 => Self::L2,
            3 => Self::L3,
            _ => Self::L0,
        }
    }
}

impl fmt::Display for AutonomyLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "L{}", self.rank())
    }
}

/// Says what a repeated dispatch of a tool would do, and so what may be retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum EffectClass {
    /// Changes nothing; may be retried.
    #[n(0)]
    Read,
    /// The target enforces our idempotency key; may be retried until that key expires.
    #[n(1)]
    Keyed,
    /// The target's state can be queried, so a person or a check settles what happened.
    #[n(2)]
    Reconcilable,
    /// Nothing is known; never retried, a crash leaves it in doubt.
    #[n(3)]
    Unsafe,
}

impl EffectClass {
    /// Says whether a dispatch may be repeated without asking anybody.
    pub fn retries(self) -> bool {
        matches!(self, Self::Read | Self::Keyed)
    }

    /// Returns the name used in the catalogue and in facts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Keyed => "keyed",
            Self::Reconcilable => "reconcilable",
            Self::Unsafe => "unsafe",
        }
    }
}

/// Says how an effect can be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum Reversibility {
    /// There is an undo.
    #[n(0)]
    Reversible,
    /// There is a compensating action.
    #[n(1)]
    Compensable,
    /// It can be staged: planned or drafted first.
    #[n(2)]
    Staged,
    /// It cannot be taken back.
    #[n(3)]
    Irreversible,
}

impl Reversibility {
    /// Returns the name used in the catalogue and in facts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reversible => "reversible",
            Self::Compensable => "compensable",
            Self::Staged => "staged",
            Self::Irreversible => "irreversible",
        }
    }
}
