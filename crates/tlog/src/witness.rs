//! A witness of logs: it cosigns a checkpoint once it is proved to extend, and durably remembered (C2SP `tlog-witness`).
//!
//! The order is kept by types. [`WitnessedLog::add`] checks and returns a [`Pending`] checkpoint, of which
//! [`Pending::persist`] makes a [`Persisted`] one, and nothing but [`Persisted::cosign`] signs. All three borrow the
//! log, so that no other request for it comes in between: the caller locks the log for as long.

use thiserror::Error;

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::cosignature::NAME_LEN_MAX;
use crate::cosigner::{CosignError, CosignerKey};
use crate::hash::empty_root;
use crate::key::{Algorithm, VerifierKey};
use crate::note::{Note, NoteSignature};
use crate::proof::{ProofError, verify_consistency};
use crate::witness_request::{AddCheckpoint, RequestError};

/// A log as its witness knows it: the keys that sign it and the last checkpoint that was cosigned.
#[derive(Debug)]
pub struct WitnessedLog {
    keys: Vec<VerifierKey>,
    latest: Checkpoint,
    is_stopped: bool,
}

/// A checkpoint that may be cosigned once it is durable.
#[derive(Debug)]
#[must_use = "nothing is cosigned before it is persisted"]
pub struct Pending<'l> {
    log: &'l mut WitnessedLog,
    note: Note,
    checkpoint: Checkpoint,
}

/// A checkpoint that is durably the latest of its log, and may be cosigned.
#[derive(Debug)]
pub struct Persisted<'l> {
    log: &'l WitnessedLog,
}

/// Why a witness does not cosign.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The request cannot be understood.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The witness knows no log of this origin.
    #[error("no log `{0}` is enrolled")]
    UnknownLog(String),
    /// No key of the log has signed, one's signature is invalid, or the extension lines are not signed.
    #[error(transparent)]
    Signature(CheckpointError),
    /// The old size is larger than that of the checkpoint.
    #[error("the old size {old} is larger than the checkpoint's size {size}")]
    OldBeyondSize {
        /// The old size.
        old: u64,
        /// The size of the checkpoint.
        size: u64,
    },
    /// An earlier checkpoint could not be made durable, so nobody knows which is the latest.
    #[error("a checkpoint of the log could not be stored; the witness signs nothing for it until it is started again")]
    Stopped,
    /// The old size is not that of the last checkpoint which was cosigned.
    #[error("the old size is {old}, but the last checkpoint that was cosigned has size {latest}")]
    Conflict {
        /// The old size.
        old: u64,
        /// The size of the last checkpoint that was cosigned.
        latest: u64,
    },
    /// The checkpoint has size 0 and another root than the empty tree.
    #[error("the checkpoint has size 0, but not the root of the empty tree")]
    EmptyRoot,
    /// The proof does not show that the checkpoint extends the last one that was cosigned.
    #[error("the checkpoint is not proved to extend the last one that was cosigned: {0}")]
    Proof(#[from] ProofError),
}

/// Why a log cannot be witnessed with these keys or from this state.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StateError {
    /// There is no key, or not all have the same name.
    #[error("a log has at least one key, and all its keys have one name")]
    Keys,
    /// The name is longer than the 255 bytes that an ML-DSA-44 cosignature can sign.
    #[error("the log's name is longer than the 255 bytes that an ML-DSA-44 cosignature can sign")]
    NameTooLong,
    /// The key's algorithm is not one that logs sign with.
    #[error("signature type 0x{0:02x} is not one that logs sign with")]
    KeyType(u8),
    /// The state is neither that of a log just enrolled nor a checkpoint that the log has signed.
    #[error("the state is not a checkpoint of the log: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The state is a checkpoint of another log.
    #[error("the state is a checkpoint of `{0}`")]
    Origin(String),
}

impl Refusal {
    /// Returns the HTTP status that the protocol has for it; 503 where it has none.
    pub fn status(&self) -> u16 {
        match self {
            Refusal::Request(_) | Refusal::OldBeyondSize { .. } => 400,
            Refusal::Signature(_) => 403,
            Refusal::UnknownLog(_) => 404,
            Refusal::Conflict { .. } => 409,
            Refusal::EmptyRoot | Refusal::Proof(_) => 422,
            Refusal::Stopped => 503,
        }
    }

    /// Returns the stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Refusal::Request(error) => error.code(),
            Refusal::UnknownLog(_) => "witness-log-unknown",
            Refusal::Signature(error) => error.code(),
            Refusal::OldBeyondSize { .. } => "witness-old-beyond-size",
            Refusal::Stopped => "witness-log-stopped",
            Refusal::Conflict { .. } => "witness-old-conflict",
            Refusal::EmptyRoot => "checkpoint-empty-root",
            Refusal::Proof(error) => error.code(),
        }
    }
}

impl StateError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            StateError::Keys | StateError::NameTooLong => "witness-keys-invalid",
            StateError::KeyType(_) => "key-algorithm-unsupported",
            StateError::Checkpoint(error) => error.code(),
            StateError::Origin(_) => "checkpoint-origin-mismatch",
        }
    }
}

impl WitnessedLog {
    /// Returns the state of a log of which nothing was cosigned yet, to be stored when it is enrolled and never after.
    ///
    /// - `keys`: the log's, all of one name, which is its origin.
    ///
    /// # Errors
    ///
    /// [`StateError`] if no log has such keys.
    pub fn enrol(keys: &[VerifierKey]) -> Result<String, StateError> {
        let origin = check_keys(keys)?;
        Ok(Checkpoint::new(origin, 0, empty_root()).to_text()?)
    }

    /// Restores a log from its stored state, which is that of [`WitnessedLog::enrol`] or what [`Pending::persist`]
    /// handed over last. Where the state is lost, the log MUST NOT be enrolled again by itself.
    ///
    /// # Errors
    ///
    /// [`StateError`], as described there.
    pub fn restore(keys: Vec<VerifierKey>, state: &[u8]) -> Result<Self, StateError> {
        let enrolled = Self::enrol(&keys)?;
        let origin = check_keys(&keys)?;
        let latest = if state == enrolled.as_bytes() {
            Checkpoint::new(origin, 0, empty_root())
        } else {
            let note = Note::parse(state).map_err(CheckpointError::from)?;
            verified(&note, &keys)?;
            Checkpoint::parse(note.text())?
        };
        if latest.origin != origin {
            return Err(StateError::Origin(latest.origin));
        }
        Ok(Self { keys, latest, is_stopped: false })
    }

    /// Returns the log's origin.
    pub fn origin(&self) -> &str {
        &self.latest.origin
    }

    /// Returns the log's keys, all of one name.
    pub fn keys(&self) -> &[VerifierKey] {
        &self.keys
    }

    /// Returns the last checkpoint that was cosigned; of size 0 if none was.
    pub fn latest(&self) -> &Checkpoint {
        &self.latest
    }

    /// Checks a request in the order that the protocol gives; nothing is changed by it.
    ///
    /// # Errors
    ///
    /// [`Refusal::UnknownLog`] for another log's checkpoint; [`Refusal::Signature`], [`Refusal::OldBeyondSize`],
    /// [`Refusal::Stopped`], [`Refusal::Conflict`], [`Refusal::EmptyRoot`], [`Refusal::Proof`]: the first that holds.
    pub fn add(&mut self, request: &AddCheckpoint) -> Result<Pending<'_>, Refusal> {
        let checkpoint = request.checkpoint();
        if checkpoint.origin != self.origin() {
            return Err(Refusal::UnknownLog(checkpoint.origin.clone()));
        }
        // What others have signed is left behind here: it is neither verified nor stored.
        let note = verified(request.note(), &self.keys).map_err(Refusal::Signature)?;
        self.check_sizes(request)?;
        self.check_growth(request)?;
        Ok(Pending { checkpoint: checkpoint.clone(), log: self, note })
    }

    fn check_sizes(&self, request: &AddCheckpoint) -> Result<(), Refusal> {
        let (old, size, latest) = (request.old(), request.checkpoint().size, self.latest.size);
        // "The old size MUST be equal to or lower than the checkpoint size."
        if old > size {
            return Err(Refusal::OldBeyondSize { old, size });
        }
        if self.is_stopped {
            return Err(Refusal::Stopped);
        }
        if old == latest { Ok(()) } else { Err(Refusal::Conflict { old, latest }) }
    }

    fn check_growth(&self, request: &AddCheckpoint) -> Result<(), Refusal> {
        let Checkpoint { size, root, .. } = request.checkpoint();
        if *size == 0 && *root != empty_root() {
            return Err(Refusal::EmptyRoot);
        }
        if request.old() > 0 {
            return Ok(verify_consistency(request.old(), &self.latest.root, *size, root, request.proof())?);
        }
        // "If the old size is zero, the consistency proof MUST be empty"
        let hashes = request.proof().len();
        if hashes == 0 { Ok(()) } else { Err(ProofError::WrongLength { hashes }.into()) }
    }
}

impl<'l> Pending<'l> {
    /// Makes the checkpoint durable through `store`, which MUST replace the log's state as a whole and return only once
    /// the new one survives a crash.
    ///
    /// # Errors
    ///
    /// What `store` says. The log then refuses every request, since nobody knows which state a restart will find.
    pub fn persist<E>(self, store: impl FnOnce(&[u8]) -> Result<(), E>) -> Result<Persisted<'l>, E> {
        self.log.is_stopped = true;
        store(self.note.to_string().as_bytes())?;
        self.log.latest = self.checkpoint;
        self.log.is_stopped = false;
        Ok(Persisted { log: self.log })
    }
}

impl Persisted<'_> {
    /// Cosigns the checkpoint as of `time`, in seconds since the Unix epoch, with each of the keys.
    ///
    /// # Errors
    ///
    /// [`CosignError`], as described there.
    pub fn cosign(&self, keys: &[CosignerKey], time: u64) -> Result<Vec<NoteSignature>, CosignError> {
        keys.iter().map(|key| key.cosign(&self.log.latest, time)).collect()
    }
}

fn check_keys(keys: &[VerifierKey]) -> Result<&str, StateError> {
    let origin = keys.first().ok_or(StateError::Keys)?.name();
    if keys.iter().any(|key| key.name() != origin) {
        return Err(StateError::Keys);
    }
    if origin.len() > NAME_LEN_MAX {
        return Err(StateError::NameTooLong);
    }
    let foreign = keys.iter().map(VerifierKey::algorithm).find(|algorithm| *algorithm == Algorithm::CosignatureV1);
    foreign.map_or(Ok(origin), |algorithm| Err(StateError::KeyType(algorithm.byte())))
}

/// Returns the note with the log's own signatures alone, all of them valid.
fn verified(note: &Note, keys: &[VerifierKey]) -> Result<Note, CheckpointError> {
    let signed = note.only(keys)?;
    let by = |key: &&VerifierKey| signed.signatures().iter().any(|line| line.is_by(key));
    Checkpoint::parse_lines(note.text())?.check_extension(keys.iter().filter(by))?;
    Ok(signed)
}
