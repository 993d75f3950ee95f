//! Keys that sign models: on P-256, or on P-384 where others made them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use p256::ecdsa::signature::{Signer as _, Verifier as _};
use p256::pkcs8::{DecodePrivateKey as _, DecodePublicKey as _, EncodePrivateKey as _, EncodePublicKey as _};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{PrivateKeyDer, SubjectPublicKeyInfoDer};
use types::Digest;
use zeroize::Zeroizing;

use super::error::ModelSignatureError;

/// Is how many characters of base64 stand in a line of PEM.
const LINE: usize = 64;

/// Is a public key that models are verified with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelKey {
    on: Curve,
    pem: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Curve {
    P256(Box<p256::ecdsa::VerifyingKey>),
    P384(Box<p384::ecdsa::VerifyingKey>),
}

impl ModelKey {
    /// Reads a public key from PEM, in which it must be the only one.
    ///
    /// # Errors
    ///
    /// [`ModelSignatureError::Key`] if there is none or more than one, or one on another curve than P-256 and P-384.
    pub fn from_pem(text: &[u8]) -> Result<Self, ModelSignatureError> {
        let found: Result<Vec<_>, _> = SubjectPublicKeyInfoDer::pem_slice_iter(text).collect();
        let found = found.map_err(|_| ModelSignatureError::Key("it is not PEM"))?;
        match found.as_slice() {
            [one] => Self::from_der(one),
            [] => Err(ModelSignatureError::Key("there is no public key in PEM")),
            _ => Err(ModelSignatureError::Key("there is more than one public key")),
        }
    }

    fn from_der(info: &[u8]) -> Result<Self, ModelSignatureError> {
        let on = if let Ok(key) = p256::PublicKey::from_public_key_der(info) {
            Curve::P256(Box::new(key.into()))
        } else if let Ok(key) = p384::PublicKey::from_public_key_der(info) {
            Curve::P384(Box::new(key.into()))
        } else {
            return Err(ModelSignatureError::Key(
                "models are verified with keys on P-256 and P-384, and it is another",
            ));
        };
        Self::on(on)
    }

    /// Writes the key anew, so that one key has one text and one fingerprint, however it was handed over.
    fn on(on: Curve) -> Result<Self, ModelSignatureError> {
        let info = match &on {
            Curve::P256(key) => p256::PublicKey::from(key.as_ref()).to_public_key_der(),
            Curve::P384(key) => p384::PublicKey::from(key.as_ref()).to_public_key_der(),
        };
        let info = info.map_err(|_| ModelSignatureError::Key("it cannot be written"))?;
        Ok(Self { on, pem: pem("PUBLIC KEY", info.as_bytes()) })
    }

    /// Prints the key as PEM, in lines of 64 characters, with the last line's end.
    pub fn to_pem(&self) -> &str {
        &self.pem
    }

    /// Returns the SHA-256 of the PEM text, by which signatures hint at their key.
    pub fn fingerprint(&self) -> Digest {
        Digest::plain(self.pem.as_bytes())
    }

    /// Says whether the key has signed a message, with the hash function that belongs to its curve.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.on {
            Curve::P256(key) => {
                p256::ecdsa::DerSignature::from_bytes(signature).is_ok_and(|read| key.verify(message, &read).is_ok())
            }
            Curve::P384(key) => {
                p384::ecdsa::DerSignature::from_bytes(signature).is_ok_and(|read| key.verify(message, &read).is_ok())
            }
        }
    }
}

/// Is the secret key on P-256 that signs models.
#[derive(Clone)]
pub struct ModelSigningKey {
    secret: p256::SecretKey,
    public: ModelKey,
}

impl std::fmt::Debug for ModelSigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ModelSigningKey").field("public", &self.public.fingerprint()).finish_non_exhaustive()
    }
}

impl ModelSigningKey {
    /// Makes the key of 32 random bytes.
    ///
    /// # Errors
    ///
    /// [`ModelSignatureError::Key`] if the bytes are no secret key, which of random ones nobody will see.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, ModelSignatureError> {
        let secret = p256::SecretKey::from_slice(bytes);
        Self::of(secret.map_err(|_| ModelSignatureError::Key("the bytes are no secret key on P-256"))?)
    }

    /// Reads the key from PEM: PKCS #8, or the older form of `openssl ecparam -genkey`, not encrypted.
    ///
    /// # Errors
    ///
    /// [`ModelSignatureError::Key`] if there is none, or one of another kind.
    pub fn from_pem(text: &[u8]) -> Result<Self, ModelSignatureError> {
        let read = PrivateKeyDer::from_pem_slice(text);
        let read = read.map_err(|_| ModelSignatureError::Key("there is no secret key in PEM"))?;
        let secret = match &read {
            PrivateKeyDer::Pkcs8(der) => p256::SecretKey::from_pkcs8_der(der.secret_pkcs8_der()).ok(),
            PrivateKeyDer::Sec1(der) => p256::SecretKey::from_sec1_der(der.secret_sec1_der()).ok(),
            _ => None,
        };
        Self::of(secret.ok_or(ModelSignatureError::Key("models are signed with a key on P-256, and it is another"))?)
    }

    fn of(secret: p256::SecretKey) -> Result<Self, ModelSignatureError> {
        let public = ModelKey::on(Curve::P256(Box::new(secret.public_key().into())))?;
        Ok(Self { secret, public })
    }

    /// Prints the secret key as PEM (PKCS #8).
    ///
    /// # Errors
    ///
    /// [`ModelSignatureError::Key`] if it cannot be written.
    pub fn to_pem(&self) -> Result<Zeroizing<String>, ModelSignatureError> {
        let der = self.secret.to_pkcs8_der().map_err(|_| ModelSignatureError::Key("it cannot be written"))?;
        Ok(Zeroizing::new(pem("PRIVATE KEY", der.as_bytes())))
    }

    /// Returns the public key.
    pub fn public(&self) -> &ModelKey {
        &self.public
    }

    /// Signs a message; the same message has the same signature (RFC 6979).
    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature: p256::ecdsa::DerSignature = p256::ecdsa::SigningKey::from(&self.secret).sign(message);
        signature.as_bytes().to_vec()
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut lines = vec![format!("-----BEGIN {label}-----")];
    let mut rest = text.as_str();
    while !rest.is_empty() {
        // Base64 is ASCII, so every place is between two characters.
        let (line, more) = rest.split_at(LINE.min(rest.len()));
        lines.push(line.to_owned());
        rest = more;
    }
    lines.push(format!("-----END {label}-----\n"));
    lines.join("\n")
}
