//! Proofs that can be verified offline: an entry's index, its inclusion proof and a checkpoint (C2SP `tlog-proof`).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

use crate::checkpoint::{Checkpoint, CheckpointError, parse_size};
use crate::hash::Hash;
use crate::note::{NOTE_LEN_MAX, Note, NoteError};
use crate::proof::{ProofError, verify_inclusion};
use crate::trust_policy::{TrustError, TrustPolicy, Trusted};

/// The largest proof that is read, in bytes.
pub const LOG_PROOF_LEN_MAX: usize = 2 * NOTE_LEN_MAX;

const HEADER: &str = "c2sp.org/tlog-proof@v1";
const HASHES_MAX: usize = 64;

/// The claim that an entry stands at an index of a log, with all that is needed to verify it offline.
///
/// What [`LogProof::parse`] accepts prints again as the same bytes. Nothing of it is verified by being here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogProof {
    /// Data for the application, which nothing authenticates.
    pub extra: Option<Vec<u8>>,
    /// The place of the entry in the log, from 0.
    pub index: u64,
    /// The inclusion proof, from the leaf's sibling upwards.
    pub hashes: Vec<Hash>,
    /// The checkpoint with the signatures of the log and of witnesses.
    pub checkpoint: Note,
}

/// Why a proof is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LogProofError {
    /// The proof is longer than [`LOG_PROOF_LEN_MAX`] bytes.
    #[error("a proof of {0} bytes is longer than 2 MiB")]
    TooLong(usize),
    /// The proof is not UTF-8.
    #[error("the proof is not UTF-8")]
    NotUtf8,
    /// The first line is not the name of the format.
    #[error("the first line is not `c2sp.org/tlog-proof@v1`")]
    Header,
    /// No empty line separates the proof and the checkpoint.
    #[error("the proof has no checkpoint")]
    NoCheckpoint,
    /// The line, counted from 1, is not what stands there.
    #[error("line {0} of the proof is malformed")]
    Line(usize),
    /// There are more than 64 hashes, which no tree needs.
    #[error("the proof has more than 64 hashes")]
    TooManyHashes,
    /// The note or the checkpoint in it is malformed.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The checkpoint does not satisfy the policy.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The entry is not in the tree of the checkpoint.
    #[error(transparent)]
    Inclusion(#[from] ProofError),
}

impl LogProofError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            LogProofError::TooLong(_) | LogProofError::TooManyHashes => "log-proof-too-large",
            LogProofError::NotUtf8 | LogProofError::Header | LogProofError::NoCheckpoint | LogProofError::Line(_) => {
                "log-proof-malformed"
            }
            LogProofError::Checkpoint(error) => error.code(),
            LogProofError::Trust(error) => error.code(),
            LogProofError::Inclusion(error) => error.code(),
        }
    }
}

impl From<NoteError> for LogProofError {
    fn from(error: NoteError) -> Self {
        LogProofError::Checkpoint(error.into())
    }
}

/// Writes a proof from its parts, with the checkpoint's bytes as they are; `extra` is data that nothing authenticates.
pub fn write_log_proof(index: u64, hashes: &[Hash], checkpoint: &[u8], extra: Option<&[u8]>) -> Vec<u8> {
    let extra = extra.map_or_else(String::new, |extra| format!("extra {}\n", STANDARD.encode(extra)));
    let hashes: String = hashes.iter().map(|hash| hash.to_base64() + "\n").collect();
    [format!("{HEADER}\n{extra}index {index}\n{hashes}\n").as_bytes(), checkpoint].concat()
}

impl LogProof {
    /// Parses a proof strictly, without verifying anything.
    ///
    /// # Errors
    ///
    /// Each of [`LogProofError`] that concerns form.
    pub fn parse(bytes: &[u8]) -> Result<Self, LogProofError> {
        if bytes.len() > LOG_PROOF_LEN_MAX {
            return Err(LogProofError::TooLong(bytes.len()));
        }
        let text = str::from_utf8(bytes).map_err(|_| LogProofError::NotUtf8)?;
        let rest = text.strip_prefix(HEADER).and_then(|rest| rest.strip_prefix('\n')).ok_or(LogProofError::Header)?;
        let (head, note) = rest.split_once("\n\n").ok_or(LogProofError::NoCheckpoint)?;
        let lines: Vec<&str> = head.split('\n').collect();
        let (extra, index, hashes) = parse_head(&lines)?;
        let checkpoint = Note::parse(note.as_bytes())?;
        Checkpoint::parse(checkpoint.text())?;
        Ok(Self { extra, index, hashes, checkpoint })
    }

    /// Prints the bytes that [`LogProof::parse`] parses.
    pub fn to_bytes(&self) -> Vec<u8> {
        write_log_proof(self.index, &self.hashes, self.checkpoint.to_string().as_bytes(), self.extra.as_deref())
    }

    /// Verifies that `leaf` stands at the index of a checkpoint that satisfies the policy.
    ///
    /// The caller computes the leaf hash from the entry it has; the proof does not carry it.
    ///
    /// # Errors
    ///
    /// [`LogProofError::Trust`] if the checkpoint does not satisfy the policy; [`LogProofError::Inclusion`] if the
    /// leaf does not stand there. No others.
    pub fn verify<'p>(&self, leaf: &Hash, policy: &'p TrustPolicy) -> Result<Trusted<'p>, LogProofError> {
        let trusted = policy.open_note(&self.checkpoint)?;
        let Checkpoint { size, root, .. } = &trusted.checkpoint;
        verify_inclusion(leaf, self.index, *size, &self.hashes, root)?;
        Ok(trusted)
    }
}

type Head = (Option<Vec<u8>>, u64, Vec<Hash>);

/// Parses the lines between the name of the format, which is line 1, and the empty line.
fn parse_head(lines: &[&str]) -> Result<Head, LogProofError> {
    let (extra, lines, first) = match lines {
        [line, rest @ ..] if line.starts_with("extra ") => (Some(parse_extra(line)?), rest, 3),
        lines => (None, lines, 2),
    };
    let [index, hashes @ ..] = lines else {
        return Err(LogProofError::Line(first));
    };
    if hashes.len() > HASHES_MAX {
        return Err(LogProofError::TooManyHashes);
    }
    let index = index.strip_prefix("index ").and_then(|number| parse_size(number).ok());
    let index = index.ok_or(LogProofError::Line(first))?;
    let hash = |(line, number): (&&str, usize)| Hash::from_base64(line).map_err(|_| LogProofError::Line(number));
    let hashes = hashes.iter().zip(first + 1..).map(hash).collect::<Result<_, _>>()?;
    Ok((extra, index, hashes))
}

fn parse_extra(line: &str) -> Result<Vec<u8>, LogProofError> {
    let encoded = line.strip_prefix("extra ").ok_or(LogProofError::Line(2))?;
    STANDARD.decode(encoded).map_err(|_| LogProofError::Line(2))
}
