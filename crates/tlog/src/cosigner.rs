//! The private keys of cosigners.

use std::fmt;

use ed25519_dalek::{Signer, SigningKey};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::cosignature::{TIME_MAX, join, subtree_message, v1_message};
use crate::key::{Algorithm, KeyError, SecretText, VerifierKey, check_id, secret_text};
use crate::ml_dsa_key;
use crate::note::NoteSignature;

/// A private key and the name it goes by, which together cosign checkpoints.
///
/// Whoever holds it can make any tree look witnessed. It is wiped from memory when dropped and never shown by `Debug`.
#[derive(Clone)]
pub struct CosignerKey {
    secret: SecretKey,
    verifier: VerifierKey,
}

#[derive(Clone)]
enum SecretKey {
    Ed25519(Box<SigningKey>),
    MlDsa44(ml_dsa_key::SecretKey),
}

/// Why a checkpoint is not cosigned.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CosignError {
    /// The time is 0, which would say nothing, or beyond [`TIME_MAX`].
    #[error("{0} s is no time for a cosignature: it must be between 1 and 2^63-1 seconds after the Unix epoch")]
    Time(u64),
    /// The checkpoint has no text.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The algorithm finds no signature, or the origin is longer than the 255 bytes that ML-DSA-44 cosigners can sign.
    #[error("the key finds no signature for this checkpoint")]
    NoSignature,
}

impl CosignError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            CosignError::Time(_) => "cosignature-time",
            CosignError::Checkpoint(error) => error.code(),
            CosignError::NoSignature => "cosignature-none",
        }
    }
}

impl CosignerKey {
    /// Creates the Ed25519 cosigner of `name` from a seed, which MUST be 32 bytes from a good source of randomness.
    ///
    /// The seed MUST NOT serve any other purpose, nor another name: the name is not part of what is signed.
    ///
    /// # Errors
    ///
    /// [`KeyError::Name`] if the name is not one a key can have.
    pub fn ed25519(name: &str, seed: &[u8; 32]) -> Result<Self, KeyError> {
        let key = SigningKey::from_bytes(seed);
        let verifier = VerifierKey::cosignature_v1(name, key.verifying_key().as_bytes())?;
        Ok(Self { secret: SecretKey::Ed25519(Box::new(key)), verifier })
    }

    /// Creates the ML-DSA-44 cosigner of `name` from a seed, which MUST be 32 bytes from a good source of randomness.
    ///
    /// # Errors
    ///
    /// [`KeyError::Name`] or [`KeyError::NameTooLong`] if the name is not one such a key can have.
    pub fn ml_dsa_44(name: &str, seed: &[u8; 32]) -> Result<Self, KeyError> {
        let key = ml_dsa_key::SecretKey::from_seed(seed);
        let verifier = VerifierKey::ml_dsa_44(name, &key.public())?;
        Ok(Self { secret: SecretKey::MlDsa44(key), verifier })
    }

    /// Parses the text form `PRIVATE+KEY+name+id+base64(type || seed)`.
    ///
    /// # Errors
    ///
    /// [`KeyError::Malformed`], [`KeyError::Name`], [`KeyError::NameTooLong`], [`KeyError::IdMismatch`], or
    /// [`KeyError::UnsupportedAlgorithm`] if the key is no cosigner's.
    pub fn from_secret_text(text: &str) -> Result<Self, KeyError> {
        let secret = SecretText::parse(text)?;
        let key = match secret.algorithm {
            Algorithm::CosignatureV1 => Self::ed25519(&secret.name, secret.seed()?)?,
            Algorithm::MlDsa44 => Self::ml_dsa_44(&secret.name, secret.seed()?)?,
            other @ Algorithm::Ed25519 => return Err(KeyError::UnsupportedAlgorithm(other.byte())),
        };
        check_id(secret.stated, key.verifier.id())?;
        Ok(key)
    }

    /// Prints the text form that [`CosignerKey::from_secret_text`] parses. It is the secret itself.
    pub fn to_secret_text(&self) -> Zeroizing<String> {
        match &self.secret {
            SecretKey::Ed25519(key) => secret_text(&self.verifier, key.as_bytes()),
            SecretKey::MlDsa44(key) => secret_text(&self.verifier, &key.seed()),
        }
    }

    /// Returns the public half of the key.
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// Cosigns a checkpoint as of `time`, in seconds since the Unix epoch.
    ///
    /// The caller MUST have made sure that the checkpoint is consistent with every one cosigned before, and MUST have
    /// made it durable that this one is the latest: [`crate::witness`] alone calls it, after both.
    ///
    /// # Errors
    ///
    /// [`CosignError`], as described there.
    pub(crate) fn cosign(&self, checkpoint: &Checkpoint, time: u64) -> Result<NoteSignature, CosignError> {
        if time == 0 || time > TIME_MAX {
            return Err(CosignError::Time(time));
        }
        let text = checkpoint.to_text()?;
        let signature = self.sign(text.as_bytes(), time).ok_or(CosignError::NoSignature)?;
        Ok(NoteSignature::by(&self.verifier, join(time, &signature)))
    }

    fn sign(&self, text: &[u8], time: u64) -> Option<Vec<u8>> {
        match &self.secret {
            SecretKey::Ed25519(key) => Some(key.sign(&v1_message(text, time)?).to_bytes().to_vec()),
            SecretKey::MlDsa44(key) => key.sign(&subtree_message(self.verifier.name(), text, time)?),
        }
    }
}

impl fmt::Debug for CosignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CosignerKey").field("verifier", &self.verifier).finish_non_exhaustive()
    }
}
