//! Keys of the signed-note format: who signs, with which algorithm, and their text forms.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};
use thiserror::Error;
use zeroize::Zeroizing;

const SECRET_PREFIX: &str = "PRIVATE+KEY+";

/// A signature type that the signed-note specification assigns a byte and this crate speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// Ed25519 over the note text, type byte `0x01`.
    Ed25519,
}

impl Algorithm {
    /// Returns the signature type identifier byte.
    pub fn byte(self) -> u8 {
        match self {
            Algorithm::Ed25519 => 0x01,
        }
    }

    /// Finds the algorithm of a signature type identifier byte.
    ///
    /// # Errors
    ///
    /// [`KeyError::UnsupportedAlgorithm`] if this crate does not speak it.
    pub fn from_byte(byte: u8) -> Result<Self, KeyError> {
        match byte {
            0x01 => Ok(Algorithm::Ed25519),
            other => Err(KeyError::UnsupportedAlgorithm(other)),
        }
    }
}

/// Why a key is refused. No message contains key material.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KeyError {
    /// The text is not `name+id+base64`, or for a signing key not `PRIVATE+KEY+name+id+base64`.
    #[error("the key's text is malformed")]
    Malformed,
    /// The name is empty or contains a space, a plus sign or a control character.
    #[error("a key name must be non-empty, without spaces, plus signs and control characters")]
    Name,
    /// The signature type is none that this crate speaks.
    #[error("signature type 0x{0:02x} is not supported")]
    UnsupportedAlgorithm(u8),
    /// The key ID in the text is not the one computed from name, type and public key.
    #[error("the key ID is {stated} but should be {computed}")]
    IdMismatch {
        /// The key ID in the text.
        stated: KeyId,
        /// The key ID that belongs to the key.
        computed: KeyId,
    },
    /// The public key is no valid point or one under which several messages share a signature.
    #[error("the public key is invalid")]
    InvalidPublicKey,
}

impl KeyError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            KeyError::Malformed => "key-malformed",
            KeyError::Name => "key-name-invalid",
            KeyError::UnsupportedAlgorithm(_) => "key-algorithm-unsupported",
            KeyError::IdMismatch { .. } => "key-id-mismatch",
            KeyError::InvalidPublicKey => "key-invalid",
        }
    }
}

/// The first four bytes of the hash over a key's name, type and public key: a hint, not a commitment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(pub [u8; 4]);

impl KeyId {
    /// Computes `SHA-256(name || 0x0A || signature type || public key)[:4]`.
    pub fn compute(name: &str, algorithm: Algorithm, public_key: &[u8]) -> Self {
        let digest = Sha256::new()
            .chain_update(name)
            .chain_update([b'\n', algorithm.byte()])
            .chain_update(public_key)
            .finalize();
        let [a, b, c, d, ..]: [u8; 32] = digest.into();
        KeyId([a, b, c, d])
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl FromStr for KeyId {
    type Err = KeyError;

    /// Parses eight lower-case hexadecimal digits.
    fn from_str(text: &str) -> Result<Self, KeyError> {
        let mut id = [0; 4];
        hex::decode_to_slice(text, &mut id).map_err(|_| KeyError::Malformed)?;
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(KeyError::Malformed);
        }
        Ok(KeyId(id))
    }
}

/// A public key and the name it goes by, which together verify a note's signatures.
///
/// Its text form is the C2SP *vkey*, `name+id+base64(type || public key)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: KeyId,
    public: PublicKey,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum PublicKey {
    Ed25519(VerifyingKey),
}

impl VerifierKey {
    /// Creates the verifier of Ed25519 signatures by `name` from a public key as RFC 8032 encodes it.
    ///
    /// # Errors
    ///
    /// [`KeyError::Name`] or [`KeyError::InvalidPublicKey`].
    pub fn ed25519(name: &str, public_key: &[u8; 32]) -> Result<Self, KeyError> {
        check_name(name)?;
        let key = VerifyingKey::from_bytes(public_key).map_err(|_| KeyError::InvalidPublicKey)?;
        if key.is_weak() {
            return Err(KeyError::InvalidPublicKey);
        }
        let id = KeyId::compute(name, Algorithm::Ed25519, public_key);
        Ok(Self { name: name.to_owned(), id, public: PublicKey::Ed25519(key) })
    }

    /// Returns the key's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the key's ID.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// Returns the algorithm of the signatures this key verifies.
    pub fn algorithm(&self) -> Algorithm {
        match self.public {
            PublicKey::Ed25519(_) => Algorithm::Ed25519,
        }
    }

    /// Returns the public key material, for Ed25519 the 32 bytes of RFC 8032.
    pub fn public_key(&self) -> &[u8] {
        match &self.public {
            PublicKey::Ed25519(key) => key.as_bytes(),
        }
    }

    /// Says whether `signature`, without the key ID before it, is this key's signature of `text`.
    pub fn verifies(&self, text: &[u8], signature: &[u8]) -> bool {
        match &self.public {
            PublicKey::Ed25519(key) => {
                Signature::from_slice(signature).is_ok_and(|signature| key.verify_strict(text, &signature).is_ok())
            }
        }
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let typed = [&[self.algorithm().byte()], self.public_key()].concat();
        write!(f, "{}+{}+{}", self.name, self.id, STANDARD.encode(typed))
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let (name, stated, typed) = parse_parts(text)?;
        let key = match split_type(&typed)? {
            (Algorithm::Ed25519, public_key) => Self::ed25519(name, public_key)?,
        };
        check_id(stated, key.id)?;
        Ok(key)
    }
}

/// A private key and the name it goes by, which together sign notes.
///
/// Whoever holds it can sign any checkpoint in the log's name. It is wiped from memory when dropped and never
/// shown by `Debug`.
#[derive(Clone)]
pub struct SignerKey {
    secret: SecretKey,
    verifier: VerifierKey,
}

#[derive(Clone)]
enum SecretKey {
    Ed25519(SigningKey),
}

impl SignerKey {
    /// Creates the Ed25519 key of `name` from a seed, which MUST be 32 bytes from a good source of randomness.
    ///
    /// # Errors
    ///
    /// [`KeyError::Name`] if the name is not one a key can have.
    pub fn ed25519(name: &str, seed: &[u8; 32]) -> Result<Self, KeyError> {
        let key = SigningKey::from_bytes(seed);
        let verifier = VerifierKey::ed25519(name, key.verifying_key().as_bytes())?;
        Ok(Self { secret: SecretKey::Ed25519(key), verifier })
    }

    /// Parses the text form `PRIVATE+KEY+name+id+base64(type || seed)`.
    ///
    /// # Errors
    ///
    /// [`KeyError::Malformed`], [`KeyError::Name`], [`KeyError::UnsupportedAlgorithm`] or
    /// [`KeyError::IdMismatch`].
    pub fn from_secret_text(text: &str) -> Result<Self, KeyError> {
        let rest = text.strip_prefix(SECRET_PREFIX).ok_or(KeyError::Malformed)?;
        let (name, stated, typed) = parse_parts(rest)?;
        let key = match split_type(&typed)? {
            (Algorithm::Ed25519, seed) => Self::ed25519(name, seed)?,
        };
        check_id(stated, key.verifier.id)?;
        Ok(key)
    }

    /// Prints the text form that [`SignerKey::from_secret_text`] parses. It is the secret itself.
    pub fn to_secret_text(&self) -> Zeroizing<String> {
        let mut typed = Zeroizing::new(vec![self.verifier.algorithm().byte()]);
        match &self.secret {
            SecretKey::Ed25519(key) => typed.extend_from_slice(key.as_bytes()),
        }
        let encoded = Zeroizing::new(STANDARD.encode(&typed));
        Zeroizing::new(format!("{SECRET_PREFIX}{}+{}+{}", self.verifier.name, self.verifier.id, *encoded))
    }

    /// Returns the public half of the key.
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// Signs the text and returns the signature without the key ID that stands before it in a note.
    pub fn sign(&self, text: &[u8]) -> Vec<u8> {
        match &self.secret {
            SecretKey::Ed25519(key) => key.sign(text).to_bytes().to_vec(),
        }
    }
}

impl fmt::Debug for SignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignerKey").field("verifier", &self.verifier).finish_non_exhaustive()
    }
}

/// Refuses names that the signed-note specification does not allow for keys.
///
/// "Key names MUST be non-empty and MUST NOT contain any Unicode spaces or plus (U+002B) characters"; control
/// characters could not stand in a note at all.
pub(crate) fn check_name(name: &str) -> Result<(), KeyError> {
    let forbidden = |c: char| c.is_whitespace() || c == '+' || c < ' ';
    if name.is_empty() || name.contains(forbidden) { Err(KeyError::Name) } else { Ok(()) }
}

fn parse_parts(text: &str) -> Result<(&str, KeyId, Zeroizing<Vec<u8>>), KeyError> {
    let mut parts = text.splitn(3, '+');
    let (Some(name), Some(id), Some(typed)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(KeyError::Malformed);
    };
    check_name(name)?;
    let typed = STANDARD.decode(typed).map_err(|_| KeyError::Malformed)?;
    Ok((name, id.parse()?, Zeroizing::new(typed)))
}

fn split_type(typed: &[u8]) -> Result<(Algorithm, &[u8; 32]), KeyError> {
    let (byte, material) = typed.split_first().ok_or(KeyError::Malformed)?;
    let algorithm = Algorithm::from_byte(*byte)?;
    Ok((algorithm, material.try_into().map_err(|_| KeyError::Malformed)?))
}

fn check_id(stated: KeyId, computed: KeyId) -> Result<(), KeyError> {
    if stated == computed { Ok(()) } else { Err(KeyError::IdMismatch { stated, computed }) }
}
