//! Statements about a decision, each with what it rests on.

use evidence::Standing;
use serde::Serialize;
use types::{ActionId, Millis};

/// Says what a statement rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "basis", rename_all = "snake_case")]
pub enum Basis {
    /// It follows, by what the reader can compute alone, from records that the signed log commits to.
    Proved,
    /// It is recorded so, on somebody's word.
    Judgement {
        /// Whose word it is.
        of: String,
    },
    /// It does not hold, or cannot be told.
    Fails {
        /// How it stands.
        standing: Standing,
        /// Why.
        #[serde(skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
}

impl Basis {
    /// Rests on somebody's word.
    pub fn word_of(whose: impl Into<String>) -> Self {
        Self::Judgement { of: whose.into() }
    }

    /// Rests on how something stands: proved if it holds.
    pub fn of(standing: Standing, why: impl Into<Option<String>>) -> Self {
        match standing {
            Standing::Holds => Self::Proved,
            standing => Self::Fails { standing, why: why.into() },
        }
    }

    /// Returns how a statement with this basis counts: a judgement breaks nothing.
    pub fn standing(&self) -> Standing {
        match self {
            Self::Proved | Self::Judgement { .. } => Standing::Holds,
            Self::Fails { standing, .. } => *standing,
        }
    }

    /// Takes a proof back that stood on something that does not hold itself.
    #[must_use]
    pub fn upon(self, ground: Standing) -> Self {
        match (self, ground) {
            (Self::Proved, Standing::Broken | Standing::Missing) => {
                Self::Fails { standing: ground, why: Some("a record it stands on does not hold".to_owned()) }
            }
            (own, _) => own,
        }
    }
}

/// Is one statement in plain words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Statement {
    /// What it answers: `record`, `request`, `authority`, `limits`, `decision`, `facts`, `approval`, `outcome` and so on.
    pub about: &'static str,
    /// What it says.
    pub says: String,
    /// What it rests on.
    #[serde(flatten)]
    pub basis: Basis,
}

impl Statement {
    /// Says something on a basis.
    pub fn new(about: &'static str, says: impl Into<String>, basis: Basis) -> Self {
        Self { about, says: says.into(), basis }
    }
}

/// Is one decision, told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Story {
    /// The index of its record in the log.
    pub index: u64,
    /// The action it decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<ActionId>,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Millis>,
    /// The statements, in the order of the road.
    pub statements: Vec<Statement>,
}

impl Story {
    /// Returns how all its statements stand together.
    pub fn standing(&self) -> Standing {
        standing(&self.statements)
    }
}

/// Returns how statements stand together.
pub(super) fn standing(statements: &[Statement]) -> Standing {
    statements.iter().map(|statement| statement.basis.standing()).fold(Standing::Holds, Standing::and)
}
