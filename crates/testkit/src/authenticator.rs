//! An authenticator in software: it makes real registrations and assertions, as a browser hands them over.
//!
//! It writes its CBOR and its client data by hand, apart from the code that reads them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::Signer as _;
use sha2::{Digest as _, Sha256};

/// Says that somebody was there.
pub const PRESENT: u8 = 0x01;
/// Says that it was the right person.
pub const VERIFIED: u8 = 0x04;
/// Says that the credential may be copied to other devices.
pub const BACKUP_ELIGIBLE: u8 = 0x08;
/// Says that it is.
pub const BACKED_UP: u8 = 0x10;

enum Key {
    P256(Box<p256::ecdsa::SigningKey>),
    Ed25519(Box<ed25519_dalek::SigningKey>),
}

/// Is an authenticator with one credential.
pub struct Authenticator {
    /// The credential's id.
    pub id: Vec<u8>,
    /// The relying-party id that it puts into its data.
    pub rp_id: String,
    /// The flags that it puts there, besides that of a credential.
    pub flags: u8,
    /// How often it says to have signed.
    pub sign_count: u32,
    key: Key,
}

/// Is what a browser hands over of a registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// `clientDataJSON`.
    pub client_data: Vec<u8>,
    /// `attestationObject`.
    pub attestation: Vec<u8>,
}

/// Is what a browser hands over of an assertion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asserted {
    /// `clientDataJSON`.
    pub client_data: Vec<u8>,
    /// `authenticatorData`.
    pub authenticator_data: Vec<u8>,
    /// `signature`.
    pub signature: Vec<u8>,
}

impl Authenticator {
    /// Makes one with a key on P-256.
    pub fn p256(rp_id: &str, seed: u8) -> Self {
        let key = p256::ecdsa::SigningKey::from_slice(&[seed; 32]).unwrap();
        Self::with(rp_id, seed, Key::P256(Box::new(key)))
    }

    /// Makes one with an Ed25519 key.
    pub fn ed25519(rp_id: &str, seed: u8) -> Self {
        Self::with(rp_id, seed, Key::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(&[seed; 32]))))
    }

    fn with(rp_id: &str, seed: u8, key: Key) -> Self {
        let (id, rp_id) = (vec![seed; 16], rp_id.to_owned());
        Self { id, rp_id, flags: PRESENT | VERIFIED, sign_count: 7, key }
    }

    /// Returns the public key as a COSE key.
    pub fn cose_key(&self) -> Vec<u8> {
        match &self.key {
            Key::P256(key) => {
                let point = key.verifying_key().to_sec1_point(false);
                let (x, y) = (&point.as_bytes()[1..33], &point.as_bytes()[33..]);
                let head = &[0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20][..];
                [head, x, &[0x22, 0x58, 0x20], y].concat()
            }
            Key::Ed25519(key) => {
                let head = &[0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21, 0x58, 0x20][..];
                [head, &key.verifying_key().to_bytes()].concat()
            }
        }
    }

    /// Returns its data, with the credential or without.
    pub fn data(&self, with_credential: bool) -> Vec<u8> {
        let flags = if with_credential { self.flags | 0x40 } else { self.flags };
        let mut data = Sha256::digest(self.rp_id.as_bytes()).to_vec();
        data.push(flags);
        data.extend(self.sign_count.to_be_bytes());
        if with_credential {
            data.extend([0xaa; 16]);
            data.extend(u16::try_from(self.id.len()).unwrap().to_be_bytes());
            data.extend(&self.id);
            data.extend(self.cose_key());
        }
        data
    }

    /// Signs its data and what the browser says.
    pub fn sign_over(&self, data: &[u8], client_data: &[u8]) -> Vec<u8> {
        let message = [data, &Sha256::digest(client_data)[..]].concat();
        match &self.key {
            Key::P256(key) => {
                let signature: p256::ecdsa::DerSignature = key.sign(&message);
                signature.as_bytes().to_vec()
            }
            Key::Ed25519(key) => key.sign(&message).to_bytes().to_vec(),
        }
    }

    /// Registers its credential, without a statement or signed by its own key.
    pub fn register(&self, challenge: &[u8], origin: &str, self_attested: bool) -> Registered {
        let client_data = client_data("webauthn.create", challenge, origin);
        let data = self.data(true);
        let (format, statement) = if self_attested {
            let algorithm: &[u8] = if matches!(self.key, Key::P256(_)) { &[0x26] } else { &[0x27] };
            let signature = self.sign_over(&data, &client_data);
            ("packed", [&[0xa2][..], &text("alg"), algorithm, &text("sig"), &bytes(&signature)].concat())
        } else {
            ("none", vec![0xa0])
        };
        let attestation =
            [&[0xa3][..], &text("fmt"), &text(format), &text("attStmt"), &statement, &text("authData"), &bytes(&data)];
        Registered { client_data, attestation: attestation.concat() }
    }

    /// Signs a challenge on a page.
    pub fn assert(&self, challenge: &[u8], origin: &str) -> Asserted {
        let client_data = client_data("webauthn.get", challenge, origin);
        let authenticator_data = self.data(false);
        let signature = self.sign_over(&authenticator_data, &client_data);
        Asserted { client_data, authenticator_data, signature }
    }
}

/// Returns what a browser says of a ceremony (WebAuthn Level 3, §5.8.1.1).
pub fn client_data(ceremony: &str, challenge: &[u8], origin: &str) -> Vec<u8> {
    let challenge = URL_SAFE_NO_PAD.encode(challenge);
    format!(r#"{{"type":"{ceremony}","challenge":"{challenge}","origin":"{origin}","crossOrigin":false}}"#).into_bytes()
}

fn text(text: &str) -> Vec<u8> {
    head(0x60, text.len()).into_iter().chain(text.bytes()).collect()
}

fn bytes(bytes: &[u8]) -> Vec<u8> {
    [&head(0x40, bytes.len())[..], bytes].concat()
}

fn head(kind: u8, length: usize) -> Vec<u8> {
    match u16::try_from(length).unwrap() {
        short @ 0..=23 => vec![kind | short as u8],
        byte @ 24..=255 => vec![kind | 24, byte as u8],
        two => [&[kind | 25][..], &two.to_be_bytes()].concat(),
    }
}
