//! COSE keys (RFC 9052 §7, RFC 9053, RFC 8230) of the three algorithms that authenticators use, and their signatures.

use minicbor::data::Int;
use minicbor::{Decoder, Encoder};
use rsa::signature::hazmat::PrehashVerifier;
use sha2::{Digest as _, Sha256};

use super::error::PasskeyError;

/// Is the longest signature that is looked at, in bytes: one of RSA with 8,192 bits.
const SIGNATURE_BYTES_MAX: usize = 1_024;

/// Is an algorithm, by its COSE number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
    /// RSA PKCS #1 v1.5 with SHA-256.
    Rs256,
}

impl Algorithm {
    /// Lists all of them, the best liked first.
    pub const ALL: [Self; 3] = [Self::Es256, Self::EdDsa, Self::Rs256];

    /// Returns its COSE number.
    pub fn number(self) -> i64 {
        match self {
            Self::Es256 => -7,
            Self::EdDsa => -8,
            Self::Rs256 => -257,
        }
    }

    /// Returns its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
            Self::Rs256 => "RS256",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Public {
    P256 { x: [u8; 32], y: [u8; 32] },
    Ed25519([u8; 32]),
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
}

/// Is a public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoseKey(Public);

const CUT: PasskeyError = PasskeyError::Key("it is no CBOR map of a key");

impl CoseKey {
    /// Reads a key from all of some bytes.
    ///
    /// # Errors
    ///
    /// As [`CoseKey::first_in`], and [`PasskeyError::Key`] if anything stands behind it.
    pub fn parse(bytes: &[u8]) -> Result<Self, PasskeyError> {
        match Self::first_in(bytes)? {
            (key, []) => Ok(key),
            _ => Err(PasskeyError::Key("something stands behind it")),
        }
    }

    /// Reads the key that some bytes begin with, in the canonical form that CTAP2 demands, and returns what stands behind.
    ///
    /// # Errors
    ///
    /// [`PasskeyError::Algorithm`] for another algorithm or curve; [`PasskeyError::Key`] if it is malformed or not canonical.
    pub fn first_in(bytes: &[u8]) -> Result<(Self, &[u8]), PasskeyError> {
        let mut decoder = Decoder::new(bytes);
        let key = Self(read(&mut decoder)?);
        let (own, rest) = bytes.split_at_checked(decoder.position()).ok_or(CUT)?;
        if key.to_bytes() != own {
            return Err(PasskeyError::Key("it is not canonical"));
        }
        key.is_sound()?;
        Ok((key, rest))
    }

    /// Writes it in canonical form.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut encoder = Encoder::new(Vec::new());
        // Writing to memory cannot fail.
        let written = write(&self.0, &mut encoder);
        debug_assert!(written.is_ok(), "a key was not written");
        encoder.into_writer()
    }

    /// Returns its algorithm.
    pub fn algorithm(&self) -> Algorithm {
        match self.0 {
            Public::P256 { .. } => Algorithm::Es256,
            Public::Ed25519(_) => Algorithm::EdDsa,
            Public::Rsa { .. } => Algorithm::Rs256,
        }
    }

    /// Demands that a signature is one of this key over a message.
    ///
    /// # Errors
    ///
    /// [`PasskeyError::Signature`] if it is not.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), PasskeyError> {
        let held = signature.len() <= SIGNATURE_BYTES_MAX && self.holds(message, signature).is_some();
        if held { Ok(()) } else { Err(PasskeyError::Signature) }
    }

    fn holds(&self, message: &[u8], signature: &[u8]) -> Option<()> {
        match &self.0 {
            Public::P256 { x, y } => {
                let signature = p256::ecdsa::DerSignature::from_bytes(signature).ok()?;
                p256_key(x, y)?.verify_prehash(&Sha256::digest(message), &signature).ok()
            }
            Public::Ed25519(key) => {
                let signature = ed25519_dalek::Signature::from_slice(signature).ok()?;
                ed25519_dalek::VerifyingKey::from_bytes(key).ok()?.verify_strict(message, &signature).ok()
            }
            Public::Rsa { modulus, exponent } => {
                let key = rsa::pkcs1v15::VerifyingKey::<Sha256>::new(rsa_key(modulus, exponent)?);
                let signature = rsa::pkcs1v15::Signature::try_from(signature).ok()?;
                key.verify_prehash(&Sha256::digest(message), &signature).ok()
            }
        }
    }

    /// Demands a point of the curve, or a modulus of a size that is safe.
    fn is_sound(&self) -> Result<(), PasskeyError> {
        let sound = match &self.0 {
            Public::P256 { x, y } => p256_key(x, y).is_some(),
            Public::Ed25519(key) => ed25519_dalek::VerifyingKey::from_bytes(key).is_ok_and(|key| !key.is_weak()),
            Public::Rsa { modulus, exponent } => rsa_key(modulus, exponent).is_some(),
        };
        if sound { Ok(()) } else { Err(PasskeyError::Key("it is no key of its algorithm")) }
    }
}

fn p256_key(x: &[u8; 32], y: &[u8; 32]) -> Option<p256::ecdsa::VerifyingKey> {
    p256::ecdsa::VerifyingKey::from_sec1_bytes(&[&[4], &x[..], &y[..]].concat()).ok()
}

fn rsa_key(modulus: &[u8], exponent: &[u8]) -> Option<rsa::RsaPublicKey> {
    let number = |bytes: &[u8]| {
        let plain = bytes.first().is_some_and(|first| *first != 0) && bytes.len() <= SIGNATURE_BYTES_MAX;
        plain.then(|| rsa::BoxedUint::from_be_slice_vartime(bytes))
    };
    rsa::RsaPublicKey::new_with_size_limits(number(modulus)?, number(exponent)?, 2_048..=8_192).ok()
}

fn read(decoder: &mut Decoder<'_>) -> Result<Public, PasskeyError> {
    let members = decoder.map().map_err(|_| CUT)?.ok_or(CUT)?;
    let kind = number_at(decoder, 1)?;
    let algorithm = number_at(decoder, 3)?;
    match (kind, algorithm, members) {
        (2, -7, 5) => {
            curve(decoder, 1)?;
            Ok(Public::P256 { x: array_at(decoder, -2)?, y: array_at(decoder, -3)? })
        }
        (1, -8, 4) => {
            curve(decoder, 6)?;
            Ok(Public::Ed25519(array_at(decoder, -2)?))
        }
        (3, -257, 4) => {
            let (modulus, exponent) = (bytes_at(decoder, -1)?.to_vec(), bytes_at(decoder, -2)?.to_vec());
            Ok(Public::Rsa { modulus, exponent })
        }
        (1..=3, -7 | -8 | -257, _) => Err(PasskeyError::Key("it has other members than such a key")),
        _ => Err(PasskeyError::Algorithm),
    }
}

fn label(decoder: &mut Decoder<'_>, expected: i64) -> Result<(), PasskeyError> {
    let found = decoder.i64().map_err(|_| CUT)?;
    if found == expected { Ok(()) } else { Err(PasskeyError::Key("its members are not in their order")) }
}

fn number_at(decoder: &mut Decoder<'_>, name: i64) -> Result<i64, PasskeyError> {
    label(decoder, name)?;
    decoder.i64().map_err(|_| CUT)
}

fn curve(decoder: &mut Decoder<'_>, expected: i64) -> Result<(), PasskeyError> {
    if number_at(decoder, -1)? == expected { Ok(()) } else { Err(PasskeyError::Algorithm) }
}

fn bytes_at<'a>(decoder: &mut Decoder<'a>, name: i64) -> Result<&'a [u8], PasskeyError> {
    label(decoder, name)?;
    decoder.bytes().map_err(|_| CUT)
}

fn array_at(decoder: &mut Decoder<'_>, name: i64) -> Result<[u8; 32], PasskeyError> {
    bytes_at(decoder, name)?.try_into().map_err(|_| PasskeyError::Key("a coordinate has not 32 bytes"))
}

type Written = Result<(), minicbor::encode::Error<std::convert::Infallible>>;

fn write(public: &Public, encoder: &mut Encoder<Vec<u8>>) -> Written {
    let members: &[(i64, Member<'_>)] = match public {
        Public::P256 { x, y } => &[
            (1, Member::Number(2)),
            (3, Member::Number(-7)),
            (-1, Member::Number(1)),
            (-2, Member::Bytes(x)),
            (-3, Member::Bytes(y)),
        ],
        Public::Ed25519(x) => {
            &[(1, Member::Number(1)), (3, Member::Number(-8)), (-1, Member::Number(6)), (-2, Member::Bytes(x))]
        }
        Public::Rsa { modulus, exponent } => &[
            (1, Member::Number(3)),
            (3, Member::Number(-257)),
            (-1, Member::Bytes(modulus)),
            (-2, Member::Bytes(exponent)),
        ],
    };
    encoder.map(members.len() as u64)?;
    for (name, member) in members {
        encoder.int(Int::from(*name))?;
        match member {
            Member::Number(number) => encoder.int(Int::from(*number))?,
            Member::Bytes(bytes) => encoder.bytes(bytes)?,
        };
    }
    Ok(())
}

enum Member<'a> {
    Number(i64),
    Bytes(&'a [u8]),
}
