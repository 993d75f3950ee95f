//! What a log asks of a witness: the body of `add-checkpoint` (C2SP `tlog-witness`).

use std::fmt;

use thiserror::Error;

use crate::checkpoint::{Checkpoint, CheckpointError, parse_size};
use crate::hash::Hash;
use crate::note::{Note, NoteError};

/// The largest request that is read, in bytes: room for a checkpoint with some 70 ML-DSA-44 cosignatures.
pub const REQUEST_LEN_MAX: usize = 1 << 18;

/// The largest number of hashes in a request's consistency proof.
pub const PROOF_LINES_MAX: usize = 63;

/// The wish that a witness cosigns a checkpoint, with the proof that it extends the last one the witness cosigned.
///
/// What [`AddCheckpoint::parse`] accepts prints again as the same bytes. Nothing of it is verified by being here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddCheckpoint {
    old: u64,
    proof: Vec<Hash>,
    note: Note,
    checkpoint: Checkpoint,
}

/// Why a request cannot be understood. It has no other status than 400.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RequestError {
    /// The request is longer than [`REQUEST_LEN_MAX`] bytes.
    #[error("a request of {0} bytes is longer than 256 KiB")]
    TooLong(usize),
    /// The request is not UTF-8.
    #[error("the request is not UTF-8")]
    NotUtf8,
    /// No empty line separates the proof and the checkpoint.
    #[error("the request has no checkpoint")]
    NoCheckpoint,
    /// The first line is not `old` and a size.
    #[error("the first line is not `old` and the size of a tree")]
    Old,
    /// There are more than [`PROOF_LINES_MAX`] hashes, which no tree needs.
    #[error("the proof has more than 63 hashes")]
    TooManyHashes,
    /// The line, counted from 1, is not a hash.
    #[error("line {0} of the request is not the base64 of a hash")]
    Hash(usize),
    /// The note or the checkpoint in it is malformed.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

impl RequestError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            RequestError::TooLong(_) | RequestError::TooManyHashes => "witness-request-too-large",
            RequestError::NotUtf8 | RequestError::NoCheckpoint | RequestError::Old | RequestError::Hash(_) => {
                "witness-request-malformed"
            }
            RequestError::Checkpoint(error) => error.code(),
        }
    }
}

impl From<NoteError> for RequestError {
    fn from(error: NoteError) -> Self {
        RequestError::Checkpoint(error.into())
    }
}

impl AddCheckpoint {
    /// Asks to cosign the checkpoint in `note`, which the proof shows to extend the tree of the first `old` entries.
    ///
    /// # Errors
    ///
    /// [`RequestError::TooManyHashes`], or [`RequestError::Checkpoint`] if the note's text is no checkpoint.
    pub fn new(old: u64, proof: Vec<Hash>, note: Note) -> Result<Self, RequestError> {
        if proof.len() > PROOF_LINES_MAX {
            return Err(RequestError::TooManyHashes);
        }
        // A wrong root of the empty tree is well-formed: the witness must say 409 before it may say 422.
        let checkpoint = Checkpoint::parse_lines(note.text())?;
        Ok(Self { old, proof, note, checkpoint })
    }

    /// Parses a request strictly, without verifying anything.
    ///
    /// # Errors
    ///
    /// [`RequestError`], as described there.
    pub fn parse(bytes: &[u8]) -> Result<Self, RequestError> {
        if bytes.len() > REQUEST_LEN_MAX {
            return Err(RequestError::TooLong(bytes.len()));
        }
        let text = str::from_utf8(bytes).map_err(|_| RequestError::NotUtf8)?;
        let (head, note) = text.split_once("\n\n").ok_or(RequestError::NoCheckpoint)?;
        let mut lines = head.split('\n');
        let old = lines.next().and_then(|line| line.strip_prefix("old ")).ok_or(RequestError::Old)?;
        let old = parse_size(old).map_err(|_| RequestError::Old)?;
        let proof = parse_proof(lines)?;
        Self::new(old, proof, Note::parse(note.as_bytes())?)
    }

    /// Returns the size of the tree that the log believes the witness has cosigned last.
    pub fn old(&self) -> u64 {
        self.old
    }

    /// Returns the consistency proof.
    pub fn proof(&self) -> &[Hash] {
        &self.proof
    }

    /// Returns the note with the checkpoint, none of whose signatures is verified.
    pub fn note(&self) -> &Note {
        &self.note
    }

    /// Returns the checkpoint, which is not verified; even the root of an empty tree may be wrong.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }
}

impl fmt::Display for AddCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old)?;
        self.proof.iter().try_for_each(|hash| writeln!(f, "{}", hash.to_base64()))?;
        write!(f, "\n{}", self.note)
    }
}

fn parse_proof<'t>(lines: impl Iterator<Item = &'t str>) -> Result<Vec<Hash>, RequestError> {
    let hash = |(line, number)| Hash::from_base64(line).map_err(|_| RequestError::Hash(number));
    lines.zip(2..).map(hash).collect()
}
