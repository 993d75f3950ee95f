//! Cosignatures: a cosigner's timestamped statement that a checkpoint extends all it has seen (C2SP `tlog-cosignature`).
//!
//! Two algorithms exist. Ed25519 signs the whole text of the checkpoint but not the cosigner's name, so one key pair
//! MUST NOT serve two cosigners. ML-DSA-44 signs the cosigner's name, the origin, the size and the root, but no
//! extension line.

use crate::checkpoint::Checkpoint;
use crate::key::VerifierKey;
use crate::note::{Note, NoteError, NoteSignature};

/// The latest timestamp that a cosignature can have, in seconds since the Unix epoch.
pub const TIME_MAX: u64 = i64::MAX as u64;

/// The length of the longest name and of the longest origin that an ML-DSA-44 cosignature can sign, in bytes.
pub const NAME_LEN_MAX: usize = u8::MAX as usize;

const SUBTREE_LABEL: &[u8; 12] = b"subtree/v1\n\0";

/// One valid cosignature of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosignature<'a> {
    /// The key that made it.
    pub key: &'a VerifierKey,
    /// When it was made, in seconds since the Unix epoch; 0 if an ML-DSA-44 cosigner does not say that this was the
    /// largest tree it knew of.
    pub time: u64,
    /// The line of the note.
    pub line: &'a NoteSignature,
}

/// Returns the valid cosignatures by the cosigners among `known`, at most one for each key, in the order of the note.
///
/// # Errors
///
/// As [`Note::verify`]: one invalid signature by a known key spoils the note, and so does none at all.
pub fn cosignatures<'a>(note: &'a Note, known: &'a [VerifierKey]) -> Result<Vec<Cosignature<'a>>, NoteError> {
    let verified = note.verify(known)?;
    let cosignature = |line: &'a NoteSignature| {
        let key = known.iter().find(|key| line.is_by(key))?;
        Some(Cosignature { key, time: line.time(key)?, line })
    };
    Ok(verified.known.into_iter().filter_map(cosignature).collect())
}

/// Splits a `timestamped_signature` into its time and the signature proper.
pub(crate) fn split(signature: &[u8]) -> Option<(u64, &[u8])> {
    let (time, signature) = signature.split_first_chunk()?;
    let time = u64::from_be_bytes(*time);
    // "It MUST NOT exceed 2^63 - 1"
    (time <= TIME_MAX).then_some((time, signature))
}

/// Puts the time before the signature proper.
pub(crate) fn join(time: u64, signature: &[u8]) -> Vec<u8> {
    [time.to_be_bytes().as_slice(), signature].concat()
}

/// Builds what an Ed25519 cosigner signs: a header line, a time line and the text of the checkpoint.
///
/// `None` if the text is no checkpoint, since only checkpoints are cosigned.
pub(crate) fn v1_message(text: &[u8], time: u64) -> Option<Vec<u8>> {
    checkpoint(text)?;
    Some([format!("cosignature/v1\ntime {time}\n").as_bytes(), text].concat())
}

/// Builds what the ML-DSA-44 cosigner of this name signs: a `cosigned_message` over the whole tree.
///
/// `None` if the text is no checkpoint, or if the name or the origin does not fit.
pub(crate) fn subtree_message(name: &str, text: &[u8], time: u64) -> Option<Vec<u8>> {
    let checkpoint = checkpoint(text)?;
    let mut message = SUBTREE_LABEL.to_vec();
    push_short(&mut message, name)?;
    message.extend_from_slice(&time.to_be_bytes());
    push_short(&mut message, &checkpoint.origin)?;
    // "If signing a checkpoint, it [the start] MUST be zero", and the end is the size of the tree.
    message.extend_from_slice(&0u64.to_be_bytes());
    message.extend_from_slice(&checkpoint.size.to_be_bytes());
    message.extend_from_slice(checkpoint.root.as_bytes());
    Some(message)
}

fn checkpoint(text: &[u8]) -> Option<Checkpoint> {
    Checkpoint::parse_lines(str::from_utf8(text).ok()?).ok()
}

/// Appends a text of 1 to 255 bytes behind its length.
fn push_short(message: &mut Vec<u8>, text: &str) -> Option<()> {
    let len = u8::try_from(text.len()).ok().filter(|len| *len > 0)?;
    message.push(len);
    message.extend_from_slice(text.as_bytes());
    Some(())
}
