//! Checkpoints: the signed head of a log (C2SP `tlog-checkpoint` v1.0.0).

use thiserror::Error;

use crate::hash::{Hash, HashError, empty_root};
use crate::key::{Algorithm, SignerKey, VerifierKey};
use crate::note::{Note, NoteError};

/// The head of a log: whose it is, how many entries it has and the root of their tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The unique name of the log, one non-empty line.
    pub origin: String,
    /// The number of entries.
    pub size: u64,
    /// The root of the tree over all entries.
    pub root: Hash,
    /// Further non-empty lines, opaque here; the specification recommends against any.
    pub extension: Vec<String>,
}

/// Why a checkpoint is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CheckpointError {
    /// The note around the checkpoint is malformed or not signed as it must be.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The text has fewer than three lines, an empty line, or a line with a control character.
    #[error("a checkpoint is three or more non-empty lines")]
    Lines,
    /// The tree size is not a decimal number below 2^64 without leading zeroes.
    #[error("the tree size is not a decimal number below 2^64 without leading zeroes")]
    Size,
    /// The root is not the base64 of 32 bytes.
    #[error("the root is {0}")]
    Root(#[from] HashError),
    /// The size is 0 but the root is not that of the empty tree.
    #[error("{0} is not the root of an empty tree")]
    EmptyRoot(Hash),
    /// The origin is not the name of the key.
    #[error("the checkpoint is of `{origin}`, but the key is of `{name}`")]
    OriginMismatch {
        /// The origin line.
        origin: String,
        /// The name of the key.
        name: String,
    },
    /// The checkpoint has extension lines, and the log's signature is of an algorithm that does not sign them.
    #[error("the checkpoint has extension lines, which the log's signature does not cover")]
    UnsignedExtension,
}

impl CheckpointError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            CheckpointError::Note(error) => error.code(),
            CheckpointError::Lines | CheckpointError::Size | CheckpointError::Root(_) => "checkpoint-malformed",
            CheckpointError::EmptyRoot(_) => "checkpoint-empty-root",
            CheckpointError::OriginMismatch { .. } => "checkpoint-origin-mismatch",
            CheckpointError::UnsignedExtension => "checkpoint-extension-unsigned",
        }
    }
}

impl Checkpoint {
    /// Creates a checkpoint without extension lines.
    pub fn new(origin: impl Into<String>, size: u64, root: Hash) -> Self {
        Self { origin: origin.into(), size, root, extension: Vec::new() }
    }

    /// Parses the text of a checkpoint, which is the note without its signatures.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Lines`], [`CheckpointError::Size`], [`CheckpointError::Root`] or
    /// [`CheckpointError::EmptyRoot`]. No others.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let checkpoint = Self::parse_lines(text)?;
        checkpoint.check_root()?;
        Ok(checkpoint)
    }

    /// Parses the text as [`Checkpoint::parse`] does, but takes any root for that of the empty tree.
    pub(crate) fn parse_lines(text: &str) -> Result<Self, CheckpointError> {
        let lines = text.strip_suffix('\n').ok_or(CheckpointError::Lines)?;
        let lines: Vec<&str> = lines.split('\n').collect();
        let [origin, size, root, extension @ ..] = lines.as_slice() else {
            return Err(CheckpointError::Lines);
        };
        let checkpoint = Self {
            origin: (*origin).to_owned(),
            size: parse_size(size)?,
            root: Hash::from_base64(root)?,
            extension: extension.iter().map(|line| (*line).to_owned()).collect(),
        };
        checkpoint.check_lines()?;
        Ok(checkpoint)
    }

    /// Prints the text that [`Checkpoint::parse`] parses.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Lines`] if the origin or an extension line is empty or contains a control character;
    /// [`CheckpointError::EmptyRoot`] if the size is 0 and the root another tree's. No others.
    pub fn to_text(&self) -> Result<String, CheckpointError> {
        self.check_lines()?;
        self.check_root()?;
        let mut text = format!("{}\n{}\n{}\n", self.origin, self.size, self.root.to_base64());
        for line in &self.extension {
            text.push_str(line);
            text.push('\n');
        }
        Ok(text)
    }

    /// Signs the checkpoint with the log's own key, whose name MUST be the origin.
    ///
    /// The caller MUST have made sure that the checkpoint is consistent with every one signed before.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::OriginMismatch`], those of [`Checkpoint::to_text`] and those of [`Note::sign`].
    pub fn sign(&self, key: &SignerKey) -> Result<Note, CheckpointError> {
        self.check_origin(key.verifier())?;
        Ok(Note::sign(&self.to_text()?, key)?)
    }

    /// Opens a signed checkpoint: parses the note, verifies the log's signature, then parses the text.
    ///
    /// The note comes along for the signatures by others that it may carry.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Note`] if the note is malformed, its signature invalid or not by `key`;
    /// [`CheckpointError::OriginMismatch`] if the origin is not the name of `key`;
    /// [`CheckpointError::UnsignedExtension`]; those of [`Checkpoint::parse`].
    pub fn open(note: &[u8], key: &VerifierKey) -> Result<(Self, Note), CheckpointError> {
        let note = Note::parse(note)?;
        note.verify(std::slice::from_ref(key))?;
        let checkpoint = Self::parse(note.text())?;
        checkpoint.check_origin(key)?;
        checkpoint.check_extension(std::iter::once(key))?;
        Ok((checkpoint, note))
    }

    fn check_lines(&self) -> Result<(), CheckpointError> {
        let wrong = |line: &String| line.is_empty() || line.contains(|c| c < ' ');
        if wrong(&self.origin) || self.extension.iter().any(wrong) { Err(CheckpointError::Lines) } else { Ok(()) }
    }

    fn check_root(&self) -> Result<(), CheckpointError> {
        let wrong = self.size == 0 && self.root != empty_root();
        if wrong { Err(CheckpointError::EmptyRoot(self.root)) } else { Ok(()) }
    }

    /// Refuses extension lines that none of the keys, whose signatures were verified, has signed.
    pub(crate) fn check_extension<'k>(
        &self,
        mut keys: impl Iterator<Item = &'k VerifierKey>,
    ) -> Result<(), CheckpointError> {
        // "Note that checkpoint extension lines are not included in the signed message for ML-DSA-44 cosignatures"
        let signed = self.extension.is_empty() || keys.any(|key| key.algorithm() != Algorithm::MlDsa44);
        if signed { Ok(()) } else { Err(CheckpointError::UnsignedExtension) }
    }

    fn check_origin(&self, key: &VerifierKey) -> Result<(), CheckpointError> {
        if self.origin == key.name() {
            return Ok(());
        }
        Err(CheckpointError::OriginMismatch { origin: self.origin.clone(), name: key.name().to_owned() })
    }
}

/// "the ASCII decimal representation of the number of leaves in the tree, with no leading zeroes (unless the tree
/// is empty, in which case the tree size is `0`)"
pub(crate) fn parse_size(text: &str) -> Result<u64, CheckpointError> {
    let size: u64 = text.parse().map_err(|_| CheckpointError::Size)?;
    // The number's own spelling is the only one allowed: this refuses leading zeroes and a plus sign.
    if size.to_string() == text { Ok(size) } else { Err(CheckpointError::Size) }
}
