//! Signed notes: text with signature lines below it (C2SP `signed-note` v1.0.0).

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

use crate::cosignature;
use crate::key::{KeyId, SignerKey, VerifierKey, check_name};

/// The largest note that is read or written, in bytes.
pub const NOTE_LEN_MAX: usize = 1 << 20;

/// The largest number of signatures on a note that is read or written.
pub const SIGNATURES_MAX: usize = 100;

const SIGNATURE_PREFIX: &str = "— ";

/// A text with at least one signature below it, none of which has been verified by being here.
///
/// What [`Note::parse`] accepts prints again as the same bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// One signature line of a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    name: String,
    id: KeyId,
    signature: Vec<u8>,
}

/// The signatures of a note, sorted by what the known keys say of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified<'note> {
    /// The signatures by known keys, all valid, at most one for each key.
    pub known: Vec<&'note NoteSignature>,
    /// The signatures by other keys, which say nothing.
    pub unknown: Vec<&'note NoteSignature>,
}

/// Why a note is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NoteError {
    /// The note is longer than [`NOTE_LEN_MAX`] bytes.
    #[error("a note of {0} bytes is longer than 1 MiB")]
    TooLong(usize),
    /// The note has more than [`SIGNATURES_MAX`] signatures.
    #[error("the note has more than 100 signatures")]
    TooManySignatures,
    /// The note is not UTF-8.
    #[error("the note is not UTF-8")]
    NotUtf8,
    /// The note contains a control character other than newline.
    #[error("the note contains control character U+{0:04X}")]
    ControlCharacter(u32),
    /// The note or its text does not end in a newline.
    #[error("the note does not end in a newline")]
    NoFinalNewline,
    /// No blank line separates text and signatures, or no signature follows it.
    #[error("the note has no signatures")]
    Unsigned,
    /// A line below the text is not an em dash, a key name and a base64 signature.
    #[error("signature line {0} of the note is malformed")]
    SignatureLine(usize),
    /// A known key's signature does not verify.
    #[error("the signature by `{name}` ({id}) is invalid")]
    InvalidSignature {
        /// The name of the key.
        name: String,
        /// The ID of the key.
        id: KeyId,
    },
    /// Two different known keys share name and ID.
    #[error("two keys are named `{name}` and have ID {id}")]
    AmbiguousKey {
        /// The name both have.
        name: String,
        /// The ID both have.
        id: KeyId,
    },
    /// No signature is by a known key.
    #[error("no known key has signed the note")]
    NoKnownSignature,
}

impl NoteError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            NoteError::TooLong(_) | NoteError::TooManySignatures => "note-too-large",
            NoteError::NotUtf8
            | NoteError::ControlCharacter(_)
            | NoteError::NoFinalNewline
            | NoteError::Unsigned
            | NoteError::SignatureLine(_) => "note-malformed",
            NoteError::InvalidSignature { .. } => "note-signature-invalid",
            NoteError::AmbiguousKey { .. } => "note-key-ambiguous",
            NoteError::NoKnownSignature => "note-key-unknown",
        }
    }
}

impl NoteSignature {
    /// Returns the name of the key that is said to have signed.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the ID of the key that is said to have signed.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// Returns the signature without the key ID that stands before it in the note, at least 1 byte.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// Returns the time in a signature by `key`, in seconds since the Unix epoch; `None` if the key's carry no time.
    pub fn time(&self, key: &VerifierKey) -> Option<u64> {
        let (time, _) = cosignature::split(&self.signature)?;
        key.algorithm().is_timestamped().then_some(time)
    }

    /// Parses signature lines that stand by themselves, each ending in a newline, without verifying anything.
    ///
    /// # Errors
    ///
    /// [`NoteError::NotUtf8`], [`NoteError::NoFinalNewline`], [`NoteError::Unsigned`] if there is no line,
    /// [`NoteError::TooManySignatures`], [`NoteError::TooLong`] or [`NoteError::SignatureLine`].
    pub fn parse_lines(bytes: &[u8]) -> Result<Vec<Self>, NoteError> {
        if bytes.len() > NOTE_LEN_MAX {
            return Err(NoteError::TooLong(bytes.len()));
        }
        let lines = str::from_utf8(bytes).map_err(|_| NoteError::NotUtf8)?;
        if !lines.is_empty() && !lines.ends_with('\n') {
            return Err(NoteError::NoFinalNewline);
        }
        parse_signatures(lines)
    }

    pub(crate) fn by(key: &VerifierKey, signature: Vec<u8>) -> Self {
        Self { name: key.name().to_owned(), id: key.id(), signature }
    }

    fn new(key: &SignerKey, text: &str) -> Self {
        Self::by(key.verifier(), key.sign(text.as_bytes()))
    }

    fn parse(line: &str) -> Option<Self> {
        let (name, encoded) = line.strip_prefix(SIGNATURE_PREFIX)?.split_once(' ')?;
        check_name(name).ok()?;
        let bytes = STANDARD.decode(encoded).ok()?;
        let (id, signature) = bytes.split_first_chunk()?;
        if signature.is_empty() {
            return None;
        }
        Some(Self { name: name.to_owned(), id: KeyId(*id), signature: signature.to_vec() })
    }

    pub(crate) fn is_by(&self, key: &VerifierKey) -> bool {
        self.name == key.name() && self.id == key.id()
    }
}

impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let encoded = STANDARD.encode([self.id.0.as_slice(), &self.signature].concat());
        write!(f, "{SIGNATURE_PREFIX}{} {encoded}", self.name)
    }
}

impl Note {
    /// Signs a text, which MUST end in a newline and contain no other control character.
    ///
    /// # Errors
    ///
    /// [`NoteError::NoFinalNewline`], [`NoteError::ControlCharacter`] or [`NoteError::TooLong`] if the text
    /// cannot be that of a note.
    pub fn sign(text: &str, key: &SignerKey) -> Result<Self, NoteError> {
        check_text(text)?;
        let note = Self { text: text.to_owned(), signatures: vec![NoteSignature::new(key, text)] };
        note.within_limits()
    }

    /// Adds one more signature below those present.
    ///
    /// # Errors
    ///
    /// [`NoteError::TooManySignatures`] or [`NoteError::TooLong`] if there is no room for it.
    pub fn sign_also(mut self, key: &SignerKey) -> Result<Self, NoteError> {
        self.signatures.push(NoteSignature::new(key, &self.text));
        self.within_limits()
    }

    /// Returns the note with more signature lines below those present, none of which is verified.
    ///
    /// # Errors
    ///
    /// [`NoteError::TooManySignatures`] or [`NoteError::TooLong`] if there is no room for them.
    pub fn with(mut self, lines: impl IntoIterator<Item = NoteSignature>) -> Result<Self, NoteError> {
        self.signatures.extend(lines);
        self.within_limits()
    }

    /// Returns the note with only those of its signatures that are by one of the `known` keys, one for each.
    ///
    /// # Errors
    ///
    /// As [`Note::verify`].
    pub fn only(&self, known: &[VerifierKey]) -> Result<Self, NoteError> {
        let signatures = self.verify(known)?.known.into_iter().cloned().collect();
        Ok(Self { text: self.text.clone(), signatures })
    }

    /// Parses a note strictly, without verifying anything.
    ///
    /// # Errors
    ///
    /// Each of [`NoteError`] that concerns form: too large, not UTF-8, control characters, a missing newline,
    /// a missing blank line or missing signatures, a malformed signature line.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > NOTE_LEN_MAX {
            return Err(NoteError::TooLong(bytes.len()));
        }
        let note = str::from_utf8(bytes).map_err(|_| NoteError::NotUtf8)?;
        check_text(note)?;
        // "the text is separated from the signatures by the last empty line in the note"
        let blank = note.rfind("\n\n").ok_or(NoteError::Unsigned)?;
        let (text, below) = note.split_at(blank + 1);
        let signatures = parse_signatures(below.strip_prefix('\n').unwrap_or(below))?;
        Ok(Self { text: text.to_owned(), signatures })
    }

    /// Returns the signed text with its final newline. It MUST NOT be used before [`Note::verify`] succeeded.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns all signatures in the order of their lines, at least one.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Verifies every signature that is by one of the `known` keys.
    ///
    /// # Errors
    ///
    /// [`NoteError::InvalidSignature`] if one of them does not verify; [`NoteError::AmbiguousKey`] if two
    /// different known keys share the name and ID of a signature; [`NoteError::NoKnownSignature`] if no
    /// signature is by a known key. No others.
    pub fn verify(&self, known: &[VerifierKey]) -> Result<Verified<'_>, NoteError> {
        let mut verified = Verified { known: Vec::new(), unknown: Vec::new() };
        for line in &self.signatures {
            match find_key(known, line)? {
                None => verified.unknown.push(line),
                Some(key) => {
                    self.verify_line(key, line)?;
                    if !verified.known.iter().any(|earlier| earlier.is_by(key)) {
                        verified.known.push(line);
                    }
                }
            }
        }
        if verified.known.is_empty() { Err(NoteError::NoKnownSignature) } else { Ok(verified) }
    }

    fn verify_line(&self, key: &VerifierKey, line: &NoteSignature) -> Result<(), NoteError> {
        if key.verifies(self.text.as_bytes(), &line.signature) {
            return Ok(());
        }
        Err(NoteError::InvalidSignature { name: line.name.clone(), id: line.id })
    }

    fn within_limits(self) -> Result<Self, NoteError> {
        if self.signatures.len() > SIGNATURES_MAX {
            return Err(NoteError::TooManySignatures);
        }
        let len = self.to_string().len();
        if len > NOTE_LEN_MAX { Err(NoteError::TooLong(len)) } else { Ok(self) }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

/// "Signed notes MUST be valid UTF-8 and MUST NOT contain any ASCII control characters (those below U+0020) other
/// than newline."
fn check_text(text: &str) -> Result<(), NoteError> {
    if let Some(control) = text.chars().find(|c| *c < ' ' && *c != '\n') {
        return Err(NoteError::ControlCharacter(control.into()));
    }
    if text.ends_with('\n') { Ok(()) } else { Err(NoteError::NoFinalNewline) }
}

fn parse_signatures(lines: &str) -> Result<Vec<NoteSignature>, NoteError> {
    if lines.is_empty() {
        return Err(NoteError::Unsigned);
    }
    if lines.lines().count() > SIGNATURES_MAX {
        return Err(NoteError::TooManySignatures);
    }
    let numbered = lines.lines().zip(1..);
    numbered.map(|(line, number)| NoteSignature::parse(line).ok_or(NoteError::SignatureLine(number))).collect()
}

fn find_key<'keys>(known: &'keys [VerifierKey], line: &NoteSignature) -> Result<Option<&'keys VerifierKey>, NoteError> {
    let mut named = known.iter().filter(|key| line.is_by(key));
    let Some(key) = named.next() else {
        return Ok(None);
    };
    if named.any(|other| other != key) {
        return Err(NoteError::AmbiguousKey { name: line.name.clone(), id: line.id });
    }
    Ok(Some(key))
}
