//! Keys of the signed-note format: who signs, with which algorithm, and their text forms.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::cosignature;
use crate::ml_dsa_key;

/// The length of an ML-DSA-44 public key in bytes.
pub const ML_DSA_44_PUBLIC_LEN: usize = 1312;

const SECRET_PREFIX: &str = "PRIVATE+KEY+";

/// A signature type that the signed-note specification assigns a byte and this crate speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// Ed25519 over the note text, type byte `0x01`.
    Ed25519,
    /// Timestamped Ed25519 cosignature of a checkpoint, type byte `0x04`.
    CosignatureV1,
    /// Timestamped ML-DSA-44 cosignature of a checkpoint, type byte `0x06`.
    MlDsa44,
}

impl Algorithm {
    /// Returns the signature type identifier byte.
    pub fn byte(self) -> u8 {
        match self {
            Algorithm::Ed25519 => 0x01,
            Algorithm::CosignatureV1 => 0x04,
            Algorithm::MlDsa44 => 0x06,
        }
    }

    /// Says whether the signatures carry the time at which they were made, as a cosigner's do.
    pub fn is_timestamped(self) -> bool {
        match self {
            Algorithm::Ed25519 => false,
            Algorithm::CosignatureV1 | Algorithm::MlDsa44 => true,
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
            0x04 => Ok(Algorithm::CosignatureV1),
            0x06 => Ok(Algorithm::MlDsa44),
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
    /// The name is longer than the 255 bytes that an ML-DSA-44 cosignature can sign.
    #[error("the name of an ML-DSA-44 key has {0} bytes, of which at most 255 can be signed")]
    NameTooLong(usize),
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
            KeyError::Name | KeyError::NameTooLong(_) => "key-name-invalid",
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
    CosignatureV1(VerifyingKey),
    MlDsa44(ml_dsa_key::PublicKey),
}

impl VerifierKey {
    /// Creates the verifier of Ed25519 signatures by `name` from a public key as RFC 8032 encodes it.
    ///
    /// # Errors
    ///
    /// [`KeyError::Name`] or [`KeyError::InvalidPublicKey`].
    pub fn ed25519(name: &str, public_key: &[u8; 32]) -> Result<Self, KeyError> {
        Self::new(name, PublicKey::Ed25519(ed25519_point(public_key)?))
    }

    /// Creates the verifier of Ed25519 cosignatures by `name` from a public key as RFC 8032 encodes it.
    ///
    /// # Errors
    ///
    /// [`KeyError::Name`] or [`KeyError::InvalidPublicKey`].
    pub fn cosignature_v1(name: &str, public_key: &[u8; 32]) -> Result<Self, KeyError> {
        Self::new(name, PublicKey::CosignatureV1(ed25519_point(public_key)?))
    }

    /// Creates the verifier of ML-DSA-44 cosignatures by `name` from a public key as FIPS 204 encodes it.
    ///
    /// # Errors
    ///
    /// [`KeyError::Name`] or [`KeyError::NameTooLong`].
    pub fn ml_dsa_44(name: &str, public_key: &[u8; ML_DSA_44_PUBLIC_LEN]) -> Result<Self, KeyError> {
        if name.len() > cosignature::NAME_LEN_MAX {
            return Err(KeyError::NameTooLong(name.len()));
        }
        Self::new(name, PublicKey::MlDsa44(ml_dsa_key::PublicKey::new(public_key)))
    }

    fn new(name: &str, public: PublicKey) -> Result<Self, KeyError> {
        check_name(name)?;
        let id = KeyId::compute(name, public.algorithm(), public.as_bytes());
        Ok(Self { name: name.to_owned(), id, public })
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
        self.public.algorithm()
    }

    /// Returns the public key material: for Ed25519 the 32 bytes of RFC 8032, for ML-DSA-44 the 1,312 of FIPS 204.
    pub fn public_key(&self) -> &[u8] {
        self.public.as_bytes()
    }

    /// Says whether `signature`, without the key ID before it, is this key's signature of `text`.
    ///
    /// A cosigner's key verifies nothing but checkpoints.
    pub fn verifies(&self, text: &[u8], signature: &[u8]) -> bool {
        self.verify(text, signature).is_some()
    }

    fn verify(&self, text: &[u8], signature: &[u8]) -> Option<()> {
        match &self.public {
            PublicKey::Ed25519(key) => verify_ed25519(key, text, signature),
            PublicKey::CosignatureV1(key) => {
                let (time, signature) = cosignature::split(signature)?;
                verify_ed25519(key, &cosignature::v1_message(text, time)?, signature)
            }
            PublicKey::MlDsa44(key) => {
                let (time, signature) = cosignature::split(signature)?;
                key.verify(&cosignature::subtree_message(&self.name, text, time)?, signature)
            }
        }
    }
}

impl PublicKey {
    fn algorithm(&self) -> Algorithm {
        match self {
            PublicKey::Ed25519(_) => Algorithm::Ed25519,
            PublicKey::CosignatureV1(_) => Algorithm::CosignatureV1,
            PublicKey::MlDsa44(_) => Algorithm::MlDsa44,
        }
    }

    fn as_bytes(&self) -> &[u8] {
        match self {
            PublicKey::Ed25519(key) | PublicKey::CosignatureV1(key) => key.as_bytes(),
            PublicKey::MlDsa44(key) => key.as_bytes(),
        }
    }
}

fn ed25519_point(bytes: &[u8; 32]) -> Result<VerifyingKey, KeyError> {
    let key = VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::InvalidPublicKey)?;
    if key.is_weak() { Err(KeyError::InvalidPublicKey) } else { Ok(key) }
}

fn verify_ed25519(key: &VerifyingKey, message: &[u8], signature: &[u8]) -> Option<()> {
    let signature = Signature::from_slice(signature).ok()?;
    key.verify_strict(message, &signature).ok()
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
        let (algorithm, material) = split_type(&typed)?;
        let key = match algorithm {
            Algorithm::Ed25519 => Self::ed25519(name, sized(material)?)?,
            Algorithm::CosignatureV1 => Self::cosignature_v1(name, sized(material)?)?,
            Algorithm::MlDsa44 => Self::ml_dsa_44(name, sized(material)?)?,
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
        let secret = SecretText::parse(text)?;
        let key = match secret.algorithm {
            Algorithm::Ed25519 => Self::ed25519(&secret.name, secret.seed()?)?,
            other => return Err(KeyError::UnsupportedAlgorithm(other.byte())),
        };
        check_id(secret.stated, key.verifier.id)?;
        Ok(key)
    }

    /// Prints the text form that [`SignerKey::from_secret_text`] parses. It is the secret itself.
    pub fn to_secret_text(&self) -> Zeroizing<String> {
        match &self.secret {
            SecretKey::Ed25519(key) => secret_text(&self.verifier, key.as_bytes()),
        }
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

/// The parts of a private key's text, of which the key ID is not yet checked.
pub(crate) struct SecretText {
    pub(crate) name: String,
    pub(crate) stated: KeyId,
    pub(crate) algorithm: Algorithm,
    material: Zeroizing<Vec<u8>>,
}

impl SecretText {
    /// Parses `PRIVATE+KEY+name+id+base64(type || seed)`.
    pub(crate) fn parse(text: &str) -> Result<Self, KeyError> {
        let rest = text.strip_prefix(SECRET_PREFIX).ok_or(KeyError::Malformed)?;
        let (name, stated, typed) = parse_parts(rest)?;
        let (algorithm, material) = split_type(&typed)?;
        Ok(Self { name: name.to_owned(), stated, algorithm, material: Zeroizing::new(material.to_vec()) })
    }

    pub(crate) fn seed(&self) -> Result<&[u8; 32], KeyError> {
        sized(&self.material)
    }
}

/// Prints the text that [`SecretText::parse`] parses.
pub(crate) fn secret_text(verifier: &VerifierKey, seed: &[u8; 32]) -> Zeroizing<String> {
    let typed = Zeroizing::new([&[verifier.algorithm().byte()], seed.as_slice()].concat());
    let encoded = Zeroizing::new(STANDARD.encode(&typed));
    Zeroizing::new(format!("{SECRET_PREFIX}{}+{}+{}", verifier.name, verifier.id, *encoded))
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

fn split_type(typed: &[u8]) -> Result<(Algorithm, &[u8]), KeyError> {
    let (byte, material) = typed.split_first().ok_or(KeyError::Malformed)?;
    Ok((Algorithm::from_byte(*byte)?, material))
}

fn sized<const LEN: usize>(material: &[u8]) -> Result<&[u8; LEN], KeyError> {
    material.try_into().map_err(|_| KeyError::Malformed)
}

pub(crate) fn check_id(stated: KeyId, computed: KeyId) -> Result<(), KeyError> {
    if stated == computed { Ok(()) } else { Err(KeyError::IdMismatch { stated, computed }) }
}
