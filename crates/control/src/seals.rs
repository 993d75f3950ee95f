//! What the journal is told of sealed models.

use types::seal::{Sealed, WriteRefused};
use types::{Code, Principal};

use crate::control::Control;
use crate::door::Refusal;
use crate::error::Failure;
use crate::machine::Command;
use crate::tracking::{RefusedWrite, Tracking, Writing, blocking, kept};

pub(crate) fn principal(by: &str) -> Failure<Principal> {
    Principal::from_subject(by).ok_or_else(|| Refusal::plain(Code::Internal, "whoever wrote has no name"))
}

impl Control {
    /// Records every seal that no record says anything of yet: the newest, and what a run that ended too early has left.
    ///
    /// A seal is in force before it is recorded. A process that ends between the record and the note that it was made records it once
    /// more at the next start, with the same digest.
    ///
    /// # Errors
    ///
    /// What the journal says; the seal holds nonetheless.
    pub async fn record_models(&self) -> Failure<()> {
        let tracking = self.tracking()?.clone();
        let _alone = tracking.recording.lock().await;
        for seal in blocking(&tracking, Tracking::unrecorded_seals).await? {
            let kept::Seal { model, digest, files, bytes, at, by, .. } = seal;
            let sealed = Sealed { model: model.clone(), digest, files, bytes, at };
            let (_, _, record) = self.ask_permit(Command::Sealed(Box::new(sealed), principal(&by)?)).await?;
            let record = record.ok_or_else(|| Refusal::plain(Code::Internal, "the seal is not recorded"))?;
            blocking(&tracking, move |tracking| tracking.note_seal_recorded(model, record)).await?;
        }
        Ok(())
    }

    /// Records what the last run has sealed and not recorded. What cannot be recorded holds nonetheless, and the next seal tries again.
    pub(crate) async fn complete_seals(&self) {
        if self.tracking().is_err() {
            return;
        }
        if let Err(refusal) = self.record_models().await {
            tracing::error!(code = %refusal.code, message = %refusal.message, "a seal is not recorded");
        }
    }

    /// Returns seals of models, at most 1,000 in order of id.
    ///
    /// - `model`: that of this one alone.
    /// - `after`: those behind this one.
    ///
    /// # Errors
    ///
    /// `file-unusable` if they cannot be read.
    pub async fn seals(&self, model: Option<String>, after: String) -> Failure<Vec<kept::Seal>> {
        Ok(blocking(self.tracking()?, move |tracking| tracking.seals(model.as_deref(), &after)).await?)
    }

    /// Records the writes to sealed models that were refused since the last time; those alike as one, with their number.
    ///
    /// They were refused before and are whatever the journal says, which is told to whoever runs the server.
    pub async fn record_refused_writes(&self) {
        let Ok(tracking) = self.tracking() else { return };
        for write in tracking.take_refused() {
            let (model, path) = (write.model.clone(), write.path.clone());
            if let Err(refusal) = self.record_refused_write(write).await {
                tracing::error!(model, path, code = %refusal.code, message = %refusal.message, "a refused write is not recorded");
            }
        }
    }

    async fn record_refused_write(&self, write: RefusedWrite) -> Failure<()> {
        let by = principal(&write.by)?;
        let digest = if let Writing::Put(digest) = write.writing { Some(digest) } else { None };
        let refused = WriteRefused { model: write.model, path: write.path, digest, times: write.times };
        self.ask(Command::WriteRefused(Box::new(refused), by)).await.map(|_| ())
    }
}
