//! The algorithms that authorities sign with: RSA (PKCS #1 v1.5) and ECDSA on P-256 and P-384, over SHA-256, -384, -512.

use der::Tag;
use der::asn1::ObjectIdentifier;
use rsa::signature::hazmat::PrehashVerifier;
use rustls_pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::der::Elements;
use super::error::TimestampError;
use super::token::SHA_256;

const SHA_384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA_512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSA_SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
const RSA_SHA_384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12");
const RSA_SHA_512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13");
const ECDSA_SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ECDSA_SHA_384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");
const ECDSA_SHA_512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.4");

/// Is a hash function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hash {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Hash {
    /// Returns the hash function of a name.
    pub(super) fn named(oid: ObjectIdentifier, what: &'static str) -> Result<Self, TimestampError> {
        match oid {
            SHA_256 => Ok(Self::Sha256),
            SHA_384 => Ok(Self::Sha384),
            SHA_512 => Ok(Self::Sha512),
            _ => Err(TimestampError::Algorithm(what)),
        }
    }

    /// Hashes some bytes.
    pub(super) fn of(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(bytes).to_vec(),
            Self::Sha384 => Sha384::digest(bytes).to_vec(),
            Self::Sha512 => Sha512::digest(bytes).to_vec(),
        }
    }
}

/// Is a kind of key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    /// RSA of 2,048 to 8,192 bits.
    Rsa,
    /// NIST P-256.
    P256,
    /// NIST P-384.
    P384,
}

/// Is a way to sign: a kind of key and a hash function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Algorithm {
    key: Key,
    hash: Hash,
}

const fn algorithm(key: Key, hash: Hash) -> Algorithm {
    Algorithm { key, hash }
}

static RSA_256: Algorithm = algorithm(Key::Rsa, Hash::Sha256);
static RSA_384: Algorithm = algorithm(Key::Rsa, Hash::Sha384);
static RSA_512: Algorithm = algorithm(Key::Rsa, Hash::Sha512);
static P256_256: Algorithm = algorithm(Key::P256, Hash::Sha256);
static P256_384: Algorithm = algorithm(Key::P256, Hash::Sha384);
static P256_512: Algorithm = algorithm(Key::P256, Hash::Sha512);
static P384_256: Algorithm = algorithm(Key::P384, Hash::Sha256);
static P384_384: Algorithm = algorithm(Key::P384, Hash::Sha384);
static P384_512: Algorithm = algorithm(Key::P384, Hash::Sha512);

/// Is every way to sign a certificate that is believed.
pub(super) static ALL: [&dyn SignatureVerificationAlgorithm; 9] =
    [&RSA_256, &RSA_384, &RSA_512, &P256_256, &P256_384, &P256_512, &P384_256, &P384_384, &P384_512];

/// Returns the ways to sign that a signer's two names mean; which of them it is follows from the key.
pub(super) fn of_signer(
    digest: ObjectIdentifier,
    signature: ObjectIdentifier,
) -> Result<Vec<&'static dyn SignatureVerificationAlgorithm>, TimestampError> {
    match (digest, signature) {
        (SHA_256, RSA | RSA_SHA_256) => Ok(vec![&RSA_256]),
        (SHA_384, RSA | RSA_SHA_384) => Ok(vec![&RSA_384]),
        (SHA_512, RSA | RSA_SHA_512) => Ok(vec![&RSA_512]),
        (SHA_256, ECDSA_SHA_256) => Ok(vec![&P256_256, &P384_256]),
        (SHA_384, ECDSA_SHA_384) => Ok(vec![&P256_384, &P384_384]),
        (SHA_512, ECDSA_SHA_512) => Ok(vec![&P256_512, &P384_512]),
        _ => Err(TimestampError::Algorithm("the token's signature")),
    }
}

impl Algorithm {
    fn verify(self, key: &[u8], message: &[u8], signature: &[u8]) -> Option<()> {
        let hashed = self.hash.of(message);
        match self.key {
            Key::Rsa => self.verify_rsa(key, &hashed, signature),
            Key::P256 => {
                let signature = p256::ecdsa::DerSignature::from_bytes(signature).ok()?;
                p256::ecdsa::VerifyingKey::from_sec1_bytes(key).ok()?.verify_prehash(&hashed, &signature).ok()
            }
            Key::P384 => {
                let signature = p384::ecdsa::DerSignature::from_bytes(signature).ok()?;
                p384::ecdsa::VerifyingKey::from_sec1_bytes(key).ok()?.verify_prehash(&hashed, &signature).ok()
            }
        }
    }

    fn verify_rsa(self, key: &[u8], hashed: &[u8], signature: &[u8]) -> Option<()> {
        use rsa::pkcs1v15::{Signature, VerifyingKey};
        let key = rsa_key(key)?;
        let signature = Signature::try_from(signature).ok()?;
        match self.hash {
            Hash::Sha256 => VerifyingKey::<Sha256>::new(key).verify_prehash(hashed, &signature).ok(),
            Hash::Sha384 => VerifyingKey::<Sha384>::new(key).verify_prehash(hashed, &signature).ok(),
            Hash::Sha512 => VerifyingKey::<Sha512>::new(key).verify_prehash(hashed, &signature).ok(),
        }
    }
}

/// Reads `RSAPublicKey` (RFC 8017): two positive numbers in DER.
fn rsa_key(der: &[u8]) -> Option<rsa::RsaPublicKey> {
    let mut whole = Elements::of(der, "an RSA key").ok()?;
    let mut numbers = whole.inside(Tag::Sequence, "an RSA key").ok()?;
    whole.done("an RSA key").ok()?;
    let mut number = || {
        let bytes = match numbers.one(Tag::Integer, "an RSA key").ok()?.value {
            [0, rest @ ..] if rest.first().is_some_and(|first| *first >= 0x80) => rest,
            [first, ..] if *first >= 0x80 || *first == 0 => return None,
            bytes => bytes,
        };
        Some(rsa::BoxedUint::from_be_slice_vartime(bytes))
    };
    let (modulus, exponent) = (number()?, number()?);
    numbers.done("an RSA key").ok()?;
    rsa::RsaPublicKey::new_with_size_limits(modulus, exponent, 2_048..=8_192).ok()
}

impl SignatureVerificationAlgorithm for Algorithm {
    fn verify_signature(&self, key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        self.verify(key, message, signature).ok_or(InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        match self.key {
            Key::Rsa => alg_id::RSA_ENCRYPTION,
            Key::P256 => alg_id::ECDSA_P256,
            Key::P384 => alg_id::ECDSA_P384,
        }
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        match (self.key, self.hash) {
            (Key::Rsa, Hash::Sha256) => alg_id::RSA_PKCS1_SHA256,
            (Key::Rsa, Hash::Sha384) => alg_id::RSA_PKCS1_SHA384,
            (Key::Rsa, Hash::Sha512) => alg_id::RSA_PKCS1_SHA512,
            (_, Hash::Sha256) => alg_id::ECDSA_SHA256,
            (_, Hash::Sha384) => alg_id::ECDSA_SHA384,
            (_, Hash::Sha512) => alg_id::ECDSA_SHA512,
        }
    }
}
