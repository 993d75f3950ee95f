//! Walking a published log as its reader holds it: signature, every tile, every record, every session.

use evidence::Leaf;
use evidence::walk::{Walk, WalkError, Walked};
use tlog::TilePath;
use tlog::checkpoint::Checkpoint;
use tlog::key::VerifierKey;
use types::Millis;

use super::AuditError;

/// Is a log that was walked from its first record to its last and holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The head that the trusted key signed.
    pub checkpoint: Checkpoint,
    /// What the walk found.
    pub walked: Walked,
    /// When the last record was written.
    pub last: Millis,
}

/// Walks the log that a signed checkpoint is the head of, and hands out each leaf with its index and its exact bytes.
///
/// - `fetch`: reads a file of the log; a log that has grown since still holds all that the checkpoint covers.
///
/// What `visit` sees MUST NOT be relied on unless the walk succeeds.
///
/// # Errors
///
/// [`AuditError`], as described there.
pub fn walk(
    note: &[u8],
    key: &VerifierKey,
    fetch: impl FnMut(&TilePath) -> Option<Vec<u8>>,
    mut visit: impl FnMut(u64, &Leaf, &[u8]),
) -> Result<Published, AuditError> {
    let (checkpoint, _) = Checkpoint::open(note, key)?;
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
    Ok(Published { checkpoint, walked: walk.finish(), last })
}
