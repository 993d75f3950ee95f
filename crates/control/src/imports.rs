//! What is taken over from elsewhere: begun by a person, in batches, and told to the journal at its end.

use std::sync::Arc;

use types::PersonId;
use types::Principal;
use types::imports::Item;

use crate::control::Control;
use crate::error::Failure;
use crate::keys::Holder;
use crate::tracking::{Answer, ImportShown, ImportState, Judged, Owner, Tracking, Upload, blocking};

fn holder(person: PersonId) -> Holder {
    Holder { principal: Principal::Person(person), on_behalf_of: None }
}

impl Control {
    /// Begins an import, or goes on with the one of the same person and source that was broken off.
    ///
    /// # Errors
    ///
    /// A person who changes nothing; a source that cannot be.
    pub async fn begin_import(&self, person: PersonId, source: String) -> Failure<ImportShown> {
        self.may_change(&person)?;
        let begin = move |tracking: &Tracking| tracking.begin_import(&holder(person), source);
        Ok(blocking(self.tracking()?, begin).await?)
    }

    /// Says whether anything can be moved in the registry of models: aliases and stages of what is taken over are.
    pub fn moves_models(&self) -> bool {
        self.snapshot().bundle.data().registry.is_some()
    }

    /// Takes a batch over: each item wholly or not at all, and all that are taken in one change.
    ///
    /// # Errors
    ///
    /// A person who changes nothing; an import that is not there, is another's, or is over; what the disk says, and then nothing of the batch
    /// is kept.
    pub async fn take_imported(&self, person: PersonId, import: String, items: Vec<Item>) -> Failure<Vec<Judged>> {
        self.may_change(&person)?;
        let take = move |tracking: &Tracking| tracking.take(&holder(person), &import, items);
        Ok(blocking(self.tracking()?, take).await?)
    }

    /// Begins to take a file over.
    ///
    /// - `path`: where it is below the files of its owner.
    /// - `announced`: how many bytes it is said to have.
    ///
    /// # Errors
    ///
    /// A person who changes nothing; what [`Control::keep_imported`] would refuse before the bytes are known.
    pub async fn receive_imported(
        &self,
        person: PersonId,
        import: String,
        (owner, path): (Owner, String),
        announced: Option<u64>,
    ) -> Failure<Upload> {
        self.may_change(&person)?;
        let receive =
            move |tracking: &Tracking| tracking.receive_imported(&holder(person), &import, &owner, &path, announced);
        Ok(blocking(self.tracking()?, receive).await?)
    }

    /// Keeps a file that was taken over, unless it is here; other bytes in its place stay.
    ///
    /// # Errors
    ///
    /// Other bytes in its place; an owner that is wholly here without it; what the disk says.
    pub async fn keep_imported(&self, (owner, path): (Owner, String), upload: Upload) -> Failure<ImportState> {
        Ok(blocking(self.tracking()?, move |tracking| tracking.keep_imported(&owner, &path, upload)).await?)
    }

    /// Ends an import: the seals and the digests of what it has taken are recorded, and what it was; nothing, if it took nothing.
    ///
    /// - `left`: how many things of the source were not taken, as whoever imports says.
    ///
    /// # Errors
    ///
    /// A person who changes nothing; an import that is not there, is another's, or is over; what the journal says, and then it is recorded
    /// later.
    pub async fn end_import(&self, person: PersonId, import: String, left: u64) -> Failure<ImportShown> {
        self.may_change(&person)?;
        let end = move |tracking: &Tracking| tracking.end_import(&holder(person), &import, left);
        let id = blocking(self.tracking()?, end).await?;
        self.record_models().await?;
        self.anchor_runs(true).await?;
        self.import(id).await
    }

    /// Returns an import.
    ///
    /// # Errors
    ///
    /// `not-found` for one that is not there.
    pub async fn import(&self, id: String) -> Failure<ImportShown> {
        self.of_imports(move |tracking| tracking.import(&id)).await
    }

    /// Returns imports, the latest first.
    ///
    /// # Errors
    ///
    /// `file-unusable` if they cannot be read.
    pub async fn imports(&self) -> Failure<Vec<ImportShown>> {
        self.of_imports(Tracking::imports).await
    }

    async fn of_imports<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Tracking) -> Answer<T> + Send + 'static,
    ) -> Failure<T> {
        let tracking: &Arc<Tracking> = self.tracking()?;
        Ok(blocking(tracking, read).await?)
    }
}
