//! The keys of a provider: a JSON Web Key Set (RFC 7517), of which the keys are taken that can sign a token here.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Verifier as _;
use rsa::signature::hazmat::PrehashVerifier as _;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// Is how many keys of a set are looked at.
const KEYS_MAX: usize = 64;

/// Is how short and how long an RSA modulus may be, in bits.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2_048..=8_192;

#[derive(Debug, Clone)]
enum Public {
    Es256(p256::ecdsa::VerifyingKey),
    EdDsa(ed25519_dalek::VerifyingKey),
    Rs256(Box<rsa::RsaPublicKey>),
}

#[derive(Debug, Clone)]
struct Key {
    id: Option<String>,
    public: Public,
}

/// Is what a signature by a set of keys comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Held {
    /// One of the keys has signed.
    Yes,
    /// The key that is named has not, or none has.
    No,
    /// There is no key of that name and algorithm.
    NoKey,
}

/// Is the keys of a provider.
#[derive(Debug, Clone, Default)]
pub struct Keys(Vec<Key>);

impl Keys {
    /// Reads a set; keys of another algorithm or use are passed over, as RFC 7517 §5 demands.
    ///
    /// # Errors
    ///
    /// A text if it is no set, or holds none that can sign a token.
    pub fn read(set: &Value) -> Result<Self, String> {
        let keys = set.get("keys").and_then(Value::as_array).ok_or("its key set has no `keys`")?;
        let keys: Vec<Key> = keys.iter().take(KEYS_MAX).filter_map(key).collect();
        if keys.is_empty() {
            return Err("its key set has no key for ES256, EdDSA or RS256".to_owned());
        }
        Ok(Self(keys))
    }

    /// Holds a signature against the key that a token names, or against all of its algorithm if it names none.
    pub(super) fn hold(&self, algorithm: &str, id: Option<&str>, message: &[u8], signature: &[u8]) -> Held {
        let fits =
            |key: &&Key| key.public.algorithm() == algorithm && id.is_none_or(|id| key.id.as_deref() == Some(id));
        let mut fitting = self.0.iter().filter(fits).peekable();
        if fitting.peek().is_none() {
            return Held::NoKey;
        }
        if fitting.any(|key| key.public.holds(message, signature)) { Held::Yes } else { Held::No }
    }
}

impl Public {
    fn algorithm(&self) -> &'static str {
        match self {
            Self::Es256(_) => "ES256",
            Self::EdDsa(_) => "EdDSA",
            Self::Rs256(_) => "RS256",
        }
    }

    fn holds(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            // RFC 7518 §3.4: two numbers of 32 bytes, one behind the other.
            Self::Es256(key) => p256::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
            Self::EdDsa(key) => ed25519_dalek::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_strict(message, &signature).is_ok()),
            Self::Rs256(key) => {
                let key = rsa::pkcs1v15::VerifyingKey::<Sha256>::new(rsa::RsaPublicKey::clone(key));
                rsa::pkcs1v15::Signature::try_from(signature)
                    .is_ok_and(|signature| key.verify_prehash(&Sha256::digest(message), &signature).is_ok())
            }
        }
    }
}

fn text<'a>(of: &'a Value, name: &str) -> Option<&'a str> {
    of.get(name).and_then(Value::as_str)
}

fn key(of: &Value) -> Option<Key> {
    if text(of, "use").is_some_and(|purpose| purpose != "sig") {
        return None;
    }
    let public = match (text(of, "kty")?, text(of, "crv")) {
        ("EC", Some("P-256")) => Public::Es256(p256_key(of)?),
        ("OKP", Some("Ed25519")) => Public::EdDsa(ed25519_key(of)?),
        ("RSA", _) => Public::Rs256(Box::new(rsa_key(of)?)),
        _ => return None,
    };
    if text(of, "alg").is_some_and(|algorithm| algorithm != public.algorithm()) {
        return None;
    }
    Some(Key { id: text(of, "kid").map(str::to_owned), public })
}

fn bytes(of: &Value, name: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text(of, name)?).ok()
}

fn array(of: &Value, name: &str) -> Option<[u8; 32]> {
    bytes(of, name)?.try_into().ok()
}

fn p256_key(of: &Value) -> Option<p256::ecdsa::VerifyingKey> {
    let (x, y) = (array(of, "x")?, array(of, "y")?);
    p256::ecdsa::VerifyingKey::from_sec1_bytes(&[&[4], &x[..], &y[..]].concat()).ok()
}

fn ed25519_key(of: &Value) -> Option<ed25519_dalek::VerifyingKey> {
    ed25519_dalek::VerifyingKey::from_bytes(&array(of, "x")?).ok().filter(|key| !key.is_weak())
}

fn rsa_key(of: &Value) -> Option<rsa::RsaPublicKey> {
    let number = |name| {
        let bytes = bytes(of, name)?;
        (bytes.len() <= RSA_BITS.end() / 8 && bytes.first().is_some_and(|first| *first != 0))
            .then(|| rsa::BoxedUint::from_be_slice_vartime(&bytes))
    };
    rsa::RsaPublicKey::new_with_size_limits(number("n")?, number("e")?, RSA_BITS).ok()
}
