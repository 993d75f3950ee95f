//! Why a published log cannot be audited.

use evidence::Standing;
use evidence::walk::WalkError;
use tlog::CheckError;

/// Says why a reader does not take a checkpoint: nobody they trust has signed it, or too few witnesses have cosigned it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Untrusted {
    /// How it stands: missing if it is the quorum that is, else broken.
    pub standing: Standing,
    /// Why.
    pub why: String,
}

/// Says why a published log does not hold, so that nothing may be counted or drawn from it.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// Its checkpoint is not one that its reader takes.
    #[error("the checkpoint: {0}")]
    Checkpoint(#[from] Untrusted),
    /// Its files do not give the tree that was signed.
    #[error(transparent)]
    Tree(#[from] CheckError),
    /// A record does not follow the schema, or not what stands in front of it.
    #[error(transparent)]
    Walk(#[from] WalkError),
}

impl AuditError {
    /// Says how the log stands then: missing where a file is not there, else broken.
    pub fn standing(&self) -> Standing {
        match self {
            Self::Tree(CheckError::Missing(_)) => Standing::Missing,
            Self::Checkpoint(untrusted) => untrusted.standing,
            Self::Tree(_) | Self::Walk(_) => Standing::Broken,
        }
    }
}
