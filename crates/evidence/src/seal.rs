//! Sealing a content: AES-256-GCM under a key that is used for this one record and nothing else.

use aes_gcm::aead::{Aead, AeadInOut, Payload};
use aes_gcm::{Aes256Gcm, KeyInit, Nonce};
use types::id::RecordId;
use types::{Digest, cbor};

use crate::content::Content;
use crate::keys::RecordKey;

/// Says why something cannot be sealed or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The cipher refused.
    #[error("the cipher refused")]
    Cipher,
    /// The key is another one, or the bytes were altered.
    #[error("sealed under another key, or altered")]
    WrongKey,
    /// What was sealed is not a content.
    #[error("the sealed content is {0}")]
    Content(#[from] cbor::CborError),
}

/// Is a sealed content and the digest the leaf carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The ciphertext with its tag.
    pub bytes: Vec<u8>,
    /// The digest over the ciphertext.
    pub digest: Digest,
}

/// Is the digest of a sealed content: over the ciphertext, so that it tells nothing about the values.
pub fn digest(ciphertext: &[u8]) -> Digest {
    Digest::of("countersign/content/1", ciphertext)
}

// The key is derived for one record and encrypts two things, each under a nonce of its own, so none is ever used twice.
const CONTENT: [u8; 12] = [0; 12];
const SALTS: [u8; 12] = [1; 12];

/// Is the length of the tag behind a ciphertext.
const TAG_BYTES: usize = 16;

fn cipher(key: &RecordKey) -> Aes256Gcm {
    Aes256Gcm::new(key.as_bytes().into())
}

/// Draws pseudorandom bytes from the record key, for salts: AES-256 in counter mode.
pub(crate) fn key_stream(key: &RecordKey, bytes: usize) -> Result<Vec<u8>, SealError> {
    // What encrypts zeros is the key stream itself; the tag is not used.
    let mut stream = vec![0; bytes];
    cipher(key)
        .encrypt_inout_detached(&Nonce::from(SALTS), &[], stream.as_mut_slice().into())
        .map_err(|_| SealError::Cipher)?;
    Ok(stream)
}

/// Seals a content for its record.
///
/// # Errors
///
/// [`SealError::Cipher`] if the content exceeds the cipher's limit of 64 GiB.
pub fn seal(key: &RecordKey, record: &RecordId, content: &Content) -> Result<Sealed, SealError> {
    let mut bytes = cbor::encode_in(Vec::with_capacity(content.size() + TAG_BYTES), content);
    cipher(key)
        .encrypt_in_place(&Nonce::from(CONTENT), record.0.as_bytes(), &mut bytes)
        .map_err(|_| SealError::Cipher)?;
    Ok(Sealed { digest: digest(&bytes), bytes })
}

/// Opens a sealed content.
///
/// # Errors
///
/// [`SealError::WrongKey`] if the key is another one or a bit has changed; [`SealError::Content`] if what was
/// sealed is not canonical.
pub fn open(key: &RecordKey, record: &RecordId, ciphertext: &[u8]) -> Result<Content, SealError> {
    let payload = Payload { msg: ciphertext, aad: record.0.as_bytes() };
    let plain = cipher(key).decrypt(&Nonce::from(CONTENT), payload).map_err(|_| SealError::WrongKey)?;
    Ok(cbor::decode(&plain)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use types::Millis;

    use super::*;
    use crate::content::Field;
    use crate::keys::SubjectKey;

    #[test]
    fn salts_that_were_opened_do_not_decrypt_the_content() {
        let id = RecordId::draw(Millis(1), [1; 10]);
        let key = RecordKey::derive(&id, &SubjectKey::from_bytes([2; 32]), []);
        let content = Content::default().with(Field::Reason, &"a reason of more than a block".to_owned());
        let sealed = seal(&key, &id, &content).unwrap();
        let salts = key_stream(&key, sealed.bytes.len()).unwrap();
        let guess: Vec<u8> = sealed.bytes.iter().zip(&salts).map(|(sealed, salt)| sealed ^ salt).collect();
        let plain = cbor::encode(&content);
        assert!(!guess.starts_with(plain.get(..16).unwrap()));
    }
}
