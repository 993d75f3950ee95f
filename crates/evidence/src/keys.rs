//! Keys: a tenant key wraps subject keys, subject keys make record keys.
//!
//! An attacker who holds the tenant key and the data folder can read every content whose subject keys
//! still exist; one who holds the data folder alone can read none. Neither can change what is committed.

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit, Nonce};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use minicbor::{Decode, Encode};
use sha2::Sha256;
use types::Digest;
use types::id::RecordId;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::seal::SealError;

/// Is the key of a tenant. It lives outside the data folder.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct TenantKey([u8; 32]);

/// Is the key of one subject: an agent or a person that contents are about.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SubjectKey([u8; 32]);

/// Is the key of one record, derived from the keys of all its subjects: lacking one, it cannot be made.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct RecordKey([u8; 32]);

/// Is the key under which secrets are marked, so that equal ones are seen to be equal and none can be guessed.
///
/// An attacker who holds it can test guesses against every mark of its epoch. It is derived from the tenant's key and is
/// never written anywhere.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct RedactionKey([u8; 32]);

/// Is the key under which secrets of others are kept that the server has to use, such as those that webhooks are signed with.
///
/// An attacker who holds it and the data folder can read those secrets; one who holds the data folder alone can read none. It is
/// derived from the tenant's key and is never written anywhere.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SecretsKey([u8; 32]);

/// Is a subject key as it is stored: sealed under the tenant key for exactly that subject.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct WrappedKey {
    #[cbor(n(0), with = "minicbor::bytes")]
    nonce: Vec<u8>,
    #[cbor(n(1), with = "minicbor::bytes")]
    sealed: Vec<u8>,
}

impl TenantKey {
    /// Takes 32 random bytes as the key.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes, to be written to a key file.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Seals a subject key for storage.
    ///
    /// - `nonce`: 12 random bytes, never used before with this tenant key.
    ///
    /// # Errors
    ///
    /// [`SealError::Cipher`] if the cipher refuses, which 32 bytes never make it do.
    pub fn wrap(&self, subject: &str, key: &SubjectKey, nonce: [u8; 12]) -> Result<WrappedKey, SealError> {
        let payload = Payload { msg: &key.0, aad: subject.as_bytes() };
        let sealed = self.cipher().encrypt(&Nonce::from(nonce), payload).map_err(|_| SealError::Cipher)?;
        Ok(WrappedKey { nonce: nonce.to_vec(), sealed })
    }

    /// Opens a stored subject key.
    ///
    /// # Errors
    ///
    /// [`SealError::WrongKey`] if it was sealed under another tenant key, for another subject, or altered.
    pub fn unwrap(&self, subject: &str, wrapped: &WrappedKey) -> Result<SubjectKey, SealError> {
        let nonce: [u8; 12] = wrapped.nonce.as_slice().try_into().map_err(|_| SealError::WrongKey)?;
        let payload = Payload { msg: &wrapped.sealed, aad: subject.as_bytes() };
        let bytes = self.cipher().decrypt(&Nonce::from(nonce), payload).map_err(|_| SealError::WrongKey)?;
        Ok(SubjectKey(bytes.as_slice().try_into().map_err(|_| SealError::WrongKey)?))
    }

    /// Derives the key that goes into every record's key beside those of its subjects, so that a record about nobody is
    /// sealed too.
    pub fn common(&self) -> SubjectKey {
        let mut mac = keyed(&self.0);
        mac.update(b"countersign/common/1");
        SubjectKey(mac.finalize().into_bytes().into())
    }

    /// Computes the tag under which a subject's key is stored, so that its name is not.
    pub fn tag(&self, subject: &str) -> [u8; 32] {
        let mut mac = keyed(&self.0);
        mac.update(b"countersign/subject/1");
        mac.update(subject.as_bytes());
        mac.finalize().into_bytes().into()
    }

    /// Computes the mark that remains of an erased subject, so that erasing it again is answered and a restored copy can
    /// be held against it. Only who holds the tenant key can tell for which name it stands, by trying names.
    pub fn mark(&self, subject: &str) -> [u8; 32] {
        let mut mac = keyed(&self.0);
        mac.update(b"countersign/erased/1");
        mac.update(subject.as_bytes());
        mac.finalize().into_bytes().into()
    }

    /// Derives the key under which secrets are marked in the records of a log.
    ///
    /// - `origin`: the first name of the log, which later epochs and the logs after a closed one share: what an approval, a
    ///   refusal or an idempotency key binds to is a digest over these marks, and goes over.
    pub fn redaction(&self, origin: &str) -> RedactionKey {
        let mut mac = keyed(&self.0);
        mac.update(b"countersign/redaction/1");
        mac.update(origin.as_bytes());
        RedactionKey(mac.finalize().into_bytes().into())
    }

    /// Derives the key under which secrets of others are kept.
    pub fn secrets(&self) -> SecretsKey {
        let mut mac = keyed(&self.0);
        mac.update(b"countersign/secrets/1");
        SecretsKey(mac.finalize().into_bytes().into())
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new(&self.0.into())
    }
}

impl SecretsKey {
    /// Seals a secret for one place.
    ///
    /// - `place`: whose secret it is; it opens for no other.
    /// - `nonce`: 12 random bytes, never used before with this key.
    ///
    /// # Errors
    ///
    /// [`SealError::Cipher`] if the cipher refuses.
    pub fn seal(&self, place: &str, secret: &[u8], nonce: [u8; 12]) -> Result<Vec<u8>, SealError> {
        let payload = Payload { msg: secret, aad: place.as_bytes() };
        let sealed = self.cipher().encrypt(&Nonce::from(nonce), payload).map_err(|_| SealError::Cipher)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Opens a sealed secret.
    ///
    /// # Errors
    ///
    /// [`SealError::WrongKey`] if it was sealed under another key, for another place, or altered.
    pub fn open(&self, place: &str, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (nonce, sealed) = sealed.split_first_chunk::<12>().ok_or(SealError::WrongKey)?;
        let payload = Payload { msg: sealed, aad: place.as_bytes() };
        self.cipher().decrypt(&Nonce::from(*nonce), payload).map_err(|_| SealError::WrongKey)
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new(&self.0.into())
    }
}

impl SubjectKey {
    /// Takes 32 random bytes as the key.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl RedactionKey {
    /// Computes the tag of a text: the same for the same text, and to whoever lacks the key like any other.
    pub fn tag(&self, text: &str) -> Digest {
        let mut mac = keyed(&self.0);
        mac.update(text.as_bytes());
        Digest(mac.finalize().into_bytes().into())
    }
}

impl RecordKey {
    /// Derives the key of a record from the tenant's common key and the keys of all its subjects, given in order of the
    /// subjects' names.
    pub fn derive<'a>(
        record: &RecordId,
        common: &'a SubjectKey,
        subjects: impl IntoIterator<Item = &'a SubjectKey>,
    ) -> Self {
        let mut material = Vec::with_capacity(96);
        for subject in std::iter::once(common).chain(subjects) {
            material.extend_from_slice(&subject.0);
        }
        let mut out = [0; 32];
        let hkdf = Hkdf::<Sha256>::new(Some(record.0.as_bytes()), &material);
        // 32 bytes are far below HKDF's limit of 8,160.
        let expanded = hkdf.expand(b"countersign/record/1", &mut out);
        debug_assert!(expanded.is_ok(), "HKDF refused 32 bytes");
        material.zeroize();
        Self(out)
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Starts an HMAC-SHA256 under a 32-byte key.
pub(crate) fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    use hmac::KeyInit as _;
    // RFC 2104: a key shorter than the block of 64 bytes is padded with zeros; doing it here cannot fail.
    let mut block = [0; 64];
    let (front, _) = block.split_at_mut(key.len());
    front.copy_from_slice(key);
    Hmac::<Sha256>::new(&block.into())
}

impl std::fmt::Debug for TenantKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TenantKey(..)")
    }
}

impl std::fmt::Debug for SubjectKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SubjectKey(..)")
    }
}

impl std::fmt::Debug for RedactionKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RedactionKey(..)")
    }
}

impl std::fmt::Debug for SecretsKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretsKey(..)")
    }
}

impl std::fmt::Debug for RecordKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RecordKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_for_its_own_place_alone() {
        let key = TenantKey::from_bytes([7; 32]).secrets();
        let sealed = key.seal("webhook a", b"s3cret", [1; 12]).unwrap();
        assert!(!sealed.windows(6).any(|six| six == b"s3cret"));
        assert_eq!(key.open("webhook a", &sealed).unwrap(), b"s3cret");
        assert_eq!(key.open("webhook b", &sealed), Err(SealError::WrongKey));
        assert_eq!(TenantKey::from_bytes([8; 32]).secrets().open("webhook a", &sealed), Err(SealError::WrongKey));
        for at in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[at] ^= 1;
            assert_eq!(key.open("webhook a", &altered), Err(SealError::WrongKey));
        }
        assert_eq!(key.open("webhook a", &sealed[..11]), Err(SealError::WrongKey));
    }
}
