//! What was attested of training and of models, and is to be recorded.

use store::tracking::Attested;

use super::{Answer, Tracking};

/// Is how many are read at once.
const AT_ONCE: u64 = 16;

impl Tracking {
    /// Returns what was attested and no record says anything of yet, the oldest first; not all of it at once.
    pub(crate) fn unrecorded_attestations(&self) -> Answer<Vec<Attested>> {
        self.kept.view(|view| Ok(view.unrecorded_attestations(AT_ONCE)?))
    }

    /// Returns the index of the record that says what was attested, once there is one.
    pub(crate) fn record_of(&self, id: i64) -> Answer<Option<u64>> {
        self.kept.view(|view| Ok(view.attestation(id)?.and_then(|attested| attested.record)))
    }

    /// Notes which records say what was attested, by its place.
    pub(crate) fn note_attestations_recorded(&self, recorded: Vec<(i64, u64)>) -> Answer<()> {
        self.kept.change(move |change| {
            recorded.iter().try_for_each(|(id, record)| Ok(change.note_attestation_recorded(*id, *record)?))
        })
    }
}
