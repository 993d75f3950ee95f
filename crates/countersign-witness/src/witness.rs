//! The witness: checks a request, stores the checkpoint, and only then cosigns it.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use tlog::{AddCheckpoint, CosignError, CosignerKey, NoteSignature, Refusal, WitnessedLog};

use crate::failure::Failure;
use crate::files;
use crate::folder::{Enrolled, Folder};
use crate::machine;

/// Is a running witness, which has its folder for itself.
#[derive(Debug)]
pub struct Witness {
    keys: Vec<CosignerKey>,
    logs: BTreeMap<String, Seat>,
    _folder: Folder,
}

/// Is a log under the lock that keeps what is checked, stored and cosigned of it together.
#[derive(Debug)]
struct Seat {
    log: Mutex<WitnessedLog>,
    checkpoint: PathBuf,
}

/// Is why a request was not answered with cosignatures.
#[derive(Debug)]
pub enum Unanswered {
    /// The request is refused.
    Refused(Refusal),
    /// The checkpoint could not be stored, so the log is stopped.
    NotStored(PathBuf, io::Error),
    /// The checkpoint is stored, but could not be cosigned.
    NotCosigned(CosignError),
}

impl From<Refusal> for Unanswered {
    fn from(refusal: Refusal) -> Self {
        Unanswered::Refused(refusal)
    }
}

impl Witness {
    /// Opens the witness in a folder.
    ///
    /// # Errors
    ///
    /// Those of [`Folder::keys`] and [`Folder::logs`].
    pub fn open(folder: Folder) -> Result<Self, Failure> {
        let seat = |Enrolled { log, checkpoint }| (log.origin().to_owned(), Seat { log: Mutex::new(log), checkpoint });
        let logs = folder.logs()?.into_iter().map(seat).collect();
        Ok(Self { keys: folder.keys()?, logs, _folder: folder })
    }

    /// Returns how many logs are enrolled.
    pub fn log_count(&self) -> usize {
        self.logs.len()
    }

    /// Answers the body of `add-checkpoint` with the lines of the cosignatures, once the checkpoint is stored.
    ///
    /// # Errors
    ///
    /// [`Unanswered`], as described there.
    pub fn answer(&self, body: &[u8]) -> Result<String, Unanswered> {
        let request = AddCheckpoint::parse(body).map_err(Refusal::from)?;
        let origin = &request.checkpoint().origin;
        let seat = self.logs.get(origin).ok_or_else(|| Refusal::UnknownLog(origin.clone()))?;
        // A panic while storing leaves the log stopped, so that the lock may be taken after it.
        let mut log = seat.log.lock().unwrap_or_else(PoisonError::into_inner);
        let pending = log.add(&request)?;
        let stored = pending.persist(|bytes| files::replace(&seat.checkpoint, bytes));
        let persisted = stored.map_err(|error| Unanswered::NotStored(seat.checkpoint.clone(), error))?;
        let lines = persisted.cosign(&self.keys, machine::now()).map_err(Unanswered::NotCosigned)?;
        Ok(text(&lines))
    }
}

fn text(lines: &[NoteSignature]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}
