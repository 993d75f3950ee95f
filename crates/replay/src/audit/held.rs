//! Holding evidence against the log that its reader has.

use std::collections::{BTreeMap, BTreeSet};

use evidence::{Archive, Leaf, RecordKind, Trust};
use tlog::TilePath;
use types::{ActionId, Digest};

use super::{AuditError, Draw, Pick, Request, open, walk};

/// Is what the reader's own log says of a request and of the evidence that answers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// How many records that log has, as the request's checkpoint says.
    pub size: u64,
    /// What the request's seed draws from it.
    pub picks: Vec<Pick>,
    /// How many decisions it drew them from.
    pub population: u64,
    /// The hashes of those records that the evidence holds too.
    pub leaves: BTreeMap<u64, Digest>,
    /// For each record that the evidence holds too, the record that made a policy bundle active last in front of it, and
    /// that bundle.
    pub in_force: BTreeMap<u64, (u64, Digest)>,
    /// The records of the drawn actions, each with its action.
    pub of_actions: BTreeMap<u64, ActionId>,
}

impl Held {
    /// Walks the log under the request's checkpoint and notes all that the evidence must agree with.
    ///
    /// # Errors
    ///
    /// [`AuditError`], as described there.
    pub fn by(
        request: &Request,
        archive: &Archive,
        trust: &Trust,
        fetch: impl FnMut(&TilePath) -> Option<Vec<u8>>,
    ) -> Result<Self, AuditError> {
        let note = request.checkpoint.as_bytes();
        let (checkpoint, _) = open(note, trust)?;
        let mut draw = Draw::new(&request.seed, checkpoint.root, request.filter.clone(), request.n);
        let here: BTreeSet<u64> = archive.records.iter().map(|record| record.index).collect();
        let actions: BTreeSet<ActionId> = request.actions().collect();
        let (mut leaves, mut of_actions) = (BTreeMap::new(), BTreeMap::new());
        let (mut active, mut in_force) = (None, BTreeMap::new());
        walk(note, trust, fetch, |index, leaf, bytes| {
            draw.take(index, leaf, bytes);
            if leaf.kind == RecordKind::Bundle {
                active = leaf.bundle.map(|bundle| (index, bundle));
            }
            if here.contains(&index) {
                in_force.extend(active.map(|active| (index, active)));
                leaves.insert(index, Leaf::hash_of(bytes));
            }
            if let Some(action) = leaf.action.filter(|action| actions.contains(action)) {
                of_actions.insert(index, action);
            }
        })?;
        let (picks, population) = draw.finish();
        Ok(Self { size: checkpoint.size, picks, population, leaves, in_force, of_actions })
    }

    /// Returns the indices of the records that the log holds of an action.
    pub fn of(&self, action: &ActionId) -> impl Iterator<Item = u64> {
        self.of_actions.iter().filter(move |(_, of)| *of == action).map(|(index, _)| *index)
    }

    /// Returns the first record of an action that the log holds and the evidence does not.
    pub fn missing_of(&self, action: &ActionId) -> Option<u64> {
        self.of(action).find(|index| !self.leaves.contains_key(index))
    }
}
