//! Walking a published log as its reader holds it: signature, every tile, every record, every session.

use evidence::verify::Check;
use evidence::walk::{Walk, WalkError, Walked};
use evidence::{Leaf, Standing, Trust};
use tlog::TilePath;
use tlog::checkpoint::Checkpoint;
use types::Millis;

use super::{AuditError, Untrusted};

/// Is a log that was walked from its first record to its last and holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The head that whoever is trusted has signed.
    pub checkpoint: Checkpoint,
    /// What was checked of its signatures, all of which holds.
    pub checks: Vec<Check>,
    /// What the walk found.
    pub walked: Walked,
    /// When the last record was written.
    pub last: Millis,
}

/// Opens a signed checkpoint for a reader who trusts somebody, and says what was checked.
///
/// # Errors
///
/// [`Untrusted`] if anything that the reader demands of its signatures does not hold.
pub fn open(note: &[u8], trust: &Trust) -> Result<(Checkpoint, Vec<Check>), Untrusted> {
    let (checks, checkpoint) = trust.open(note, "");
    if let Some(failed) = checks.iter().find(|check| check.standing != Standing::Holds) {
        let why = failed.detail.clone().unwrap_or_else(|| failed.claim.clone());
        return Err(Untrusted { standing: failed.standing, why });
    }
    let unopened = || Untrusted { standing: Standing::Missing, why: "nobody is trusted with it".to_owned() };
    Ok((checkpoint.ok_or_else(unopened)?, checks))
}

/// Walks the log that a signed checkpoint is the head of, and hands out each leaf with its index and its exact bytes.
///
/// - `trust`: whom the reader trusts; witnesses that they demand must have cosigned.
/// - `fetch`: reads a file of the log; a log that has grown since still holds all that the checkpoint covers.
///
/// What `visit` sees MUST NOT be relied on unless the walk succeeds.
///
/// # Errors
///
/// [`AuditError`], as described there.
pub fn walk(
    note: &[u8],
    trust: &Trust,
    fetch: impl FnMut(&TilePath) -> Option<Vec<u8>>,
    mut visit: impl FnMut(u64, &Leaf, &[u8]),
) -> Result<Published, AuditError> {
    let (checkpoint, checks) = open(note, trust)?;
    let (mut walk, mut last) = (Walk::new(), Millis::default());
    let mut wrong: Option<WalkError> = None;
    let take = |index: u64, entry: &[u8]| {
        if wrong.is_some() {
            return;
        }
        match walk.take(entry) {
            Ok(leaf) => {
                last = leaf.at;
                visit(index, &leaf, entry);
            }
            Err(error) => wrong = Some(error),
        }
    };
    let checked = tlog::check_tree_with(checkpoint.size, &checkpoint.root, fetch, take);
    if let Some(error) = wrong {
        return Err(error.into());
    }
    checked?;
    Ok(Published { checkpoint, checks, walked: walk.finish(), last })
}
