//! DSSE envelopes (protocol and envelope v1.0): a payload, its type, and Ed25519 signatures over both.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde::{Deserialize, Serialize};
use tlog::key::{Algorithm, SignerKey, VerifierKey};
use types::{Code, JsonError, json};

use crate::cose_receipt::key_id;

/// Is the one payload type that is read and written: an in-toto statement.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// Is the largest envelope that is read, in bytes.
pub const ENVELOPE_BYTES_MAX: usize = 65_536;

/// Is how many signatures an envelope may carry.
pub const SIGNATURES_MAX: usize = 16;

/// Is a payload with its signatures, none of which has been verified by being here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    payload: Vec<u8>,
    signatures: Vec<Signature>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Signature {
    key_id: String,
    bytes: Vec<u8>,
}

/// Says why an envelope cannot be made, or is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DsseError {
    /// The key is not an Ed25519 key.
    #[error("statements are signed with Ed25519, and the key `{0}` is another")]
    Algorithm(String),
    /// The envelope is larger than [`ENVELOPE_BYTES_MAX`].
    #[error("an envelope of {0} bytes is larger than {ENVELOPE_BYTES_MAX}")]
    TooLarge(usize),
    /// The envelope is not JSON as it must be.
    #[error("not a DSSE envelope: {0}")]
    Json(#[from] JsonError),
    /// The envelope lacks a part, or a part is something else.
    #[error("not a DSSE envelope: {0}")]
    Form(String),
    /// The payload is of a type that is not read here.
    #[error("the payload is a `{0}`, not a `{PAYLOAD_TYPE}`")]
    PayloadType(String),
    /// Payload or signature is not base64.
    #[error("{0} is not base64")]
    Base64(&'static str),
    /// There is no signature, or there are more than [`SIGNATURES_MAX`].
    #[error("the envelope has {0} signatures, not 1 to {SIGNATURES_MAX}")]
    Signatures(usize),
    /// No signature is by the key.
    #[error("no signature is by `{0}`")]
    NotSigned(String),
}

impl DsseError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> Code {
        match self {
            Self::Algorithm(_) => Code::KeysUnusable,
            _ => Code::EvidenceBroken,
        }
    }
}

/// Is an envelope as JSON; "Consumers MUST ignore unrecognized fields".
#[derive(Serialize, Deserialize)]
struct Wire {
    payload: String,
    #[serde(rename = "payloadType")]
    payload_type: String,
    signatures: Vec<WireSignature>,
}

#[derive(Serialize, Deserialize)]
struct WireSignature {
    /// "Optional … unset and empty are treated the same."
    #[serde(default)]
    keyid: String,
    sig: String,
}

/// Encodes what is signed: `"DSSEv1" SP LEN(type) SP type SP LEN(body) SP body`, so that no type passes for another.
pub fn pre_authentication(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

impl Envelope {
    /// Signs a payload of [`PAYLOAD_TYPE`].
    ///
    /// # Errors
    ///
    /// [`DsseError::Algorithm`] if the key is not an Ed25519 key.
    pub fn sign(payload: Vec<u8>, key: &SignerKey) -> Result<Self, DsseError> {
        check_key(key.verifier())?;
        let bytes = key.sign(&pre_authentication(PAYLOAD_TYPE, &payload));
        Ok(Self { payload, signatures: vec![Signature { key_id: key_id(key.verifier()), bytes }] })
    }

    /// Prints the envelope as JSON, in canonical form (RFC 8785).
    pub fn to_json(&self) -> String {
        let signature = |s: &Signature| WireSignature { keyid: s.key_id.clone(), sig: STANDARD.encode(&s.bytes) };
        let wire = Wire {
            payload: STANDARD.encode(&self.payload),
            payload_type: PAYLOAD_TYPE.into(),
            signatures: self.signatures.iter().map(signature).collect(),
        };
        json::canonical(&serde_json::to_value(wire).unwrap_or_default())
    }

    /// Reads an envelope strictly: each name once, base64 in its one spelling, and the one payload type.
    ///
    /// # Errors
    ///
    /// [`DsseError`], as described there, but for [`DsseError::NotSigned`] and [`DsseError::Algorithm`].
    pub fn parse(text: &[u8]) -> Result<Self, DsseError> {
        if text.len() > ENVELOPE_BYTES_MAX {
            return Err(DsseError::TooLarge(text.len()));
        }
        let text = std::str::from_utf8(text).map_err(|_| DsseError::Form("it is not UTF-8".into()))?;
        let wire: Wire = serde_json::from_value(json::parse(text)?).map_err(|e| DsseError::Form(e.to_string()))?;
        if wire.payload_type != PAYLOAD_TYPE {
            return Err(DsseError::PayloadType(wire.payload_type));
        }
        if !(1..=SIGNATURES_MAX).contains(&wire.signatures.len()) {
            return Err(DsseError::Signatures(wire.signatures.len()));
        }
        let signature = |s: WireSignature| Ok(Signature { key_id: s.keyid, bytes: decode(&s.sig, "a signature")? });
        let signatures = wire.signatures.into_iter().map(signature).collect::<Result<_, DsseError>>()?;
        Ok(Self { payload: decode(&wire.payload, "the payload")?, signatures })
    }

    /// Returns the payload if the key has signed it.
    ///
    /// Ids of keys are hints that anybody can write, so every signature is tried.
    ///
    /// # Errors
    ///
    /// [`DsseError::NotSigned`], or [`DsseError::Algorithm`] if the key is not an Ed25519 key.
    pub fn verify(&self, key: &VerifierKey) -> Result<&[u8], DsseError> {
        check_key(key)?;
        let signed = pre_authentication(PAYLOAD_TYPE, &self.payload);
        let by_key = self.signatures.iter().any(|signature| key.verifies(&signed, &signature.bytes));
        if by_key { Ok(&self.payload) } else { Err(DsseError::NotSigned(key.name().to_owned())) }
    }

    /// Returns the payload, which anybody may have written.
    pub fn unverified(&self) -> &[u8] {
        &self.payload
    }
}

fn check_key(key: &VerifierKey) -> Result<(), DsseError> {
    if key.algorithm() == Algorithm::Ed25519 { Ok(()) } else { Err(DsseError::Algorithm(key.name().to_owned())) }
}

/// Decodes base64: "Either standard or URL-safe encoding is allowed."
fn decode(text: &str, what: &'static str) -> Result<Vec<u8>, DsseError> {
    STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).map_err(|_| DsseError::Base64(what))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SignerKey {
        SignerKey::ed25519("log.example/1/statement", &[3; 32]).unwrap()
    }

    fn envelope() -> String {
        Envelope::sign(br#"{"_type":"x"}"#.to_vec(), &key()).unwrap().to_json()
    }

    #[test]
    fn what_is_signed_is_the_example_of_the_specification() {
        let signed = pre_authentication("http://example.com/HelloWorld", b"hello world");
        assert_eq!(signed, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
        // Lengths are of bytes, not of characters.
        assert!(pre_authentication("t", "é".as_bytes()).starts_with(b"DSSEv1 1 t 2 "));
    }

    #[test]
    fn an_envelope_reads_back_and_verifies_by_its_key_alone() {
        let read = Envelope::parse(envelope().as_bytes()).unwrap();
        assert_eq!(read.to_json(), envelope());
        assert_eq!(read.verify(key().verifier()).unwrap(), br#"{"_type":"x"}"#);
        let other = SignerKey::ed25519("log.example/1/statement", &[4; 32]).unwrap();
        assert!(matches!(read.verify(other.verifier()), Err(DsseError::NotSigned(_))));
    }

    #[test]
    fn a_key_id_is_a_hint_and_decides_nothing() {
        let mut wire: serde_json::Value = serde_json::from_str(&envelope()).unwrap();
        wire["signatures"][0]["keyid"] = "somebody else".into();
        let read = Envelope::parse(wire.to_string().as_bytes()).unwrap();
        assert!(read.verify(key().verifier()).is_ok());
        wire["signatures"][0].as_object_mut().unwrap().remove("keyid");
        let read = Envelope::parse(wire.to_string().as_bytes()).unwrap();
        assert!(read.verify(key().verifier()).is_ok());
    }

    #[test]
    fn the_signature_covers_the_type_and_not_the_payload_alone() {
        let payload = b"hello";
        let naked = Envelope {
            payload: payload.to_vec(),
            signatures: vec![Signature { key_id: String::new(), bytes: key().sign(payload) }],
        };
        assert!(matches!(naked.verify(key().verifier()), Err(DsseError::NotSigned(_))));
        let of_another_type = pre_authentication("application/json", payload);
        let typed = Envelope {
            payload: payload.to_vec(),
            signatures: vec![Signature { key_id: String::new(), bytes: key().sign(&of_another_type) }],
        };
        assert!(matches!(typed.verify(key().verifier()), Err(DsseError::NotSigned(_))));
    }

    #[test]
    fn unknown_fields_are_passed_over_and_both_alphabets_read() {
        let more = envelope().replacen('{', r#"{"more":[1],"#, 1);
        assert_eq!(Envelope::parse(more.as_bytes()).unwrap().to_json(), envelope());
        let payload = [0xfb, 0xff];
        let url = |text: String| text.replace('+', "-").replace('/', "_");
        let signed = Envelope::sign(payload.to_vec(), &key()).unwrap();
        let text = signed.to_json().replace(&STANDARD.encode(payload), &url(STANDARD.encode(payload)));
        assert_eq!(Envelope::parse(text.as_bytes()).unwrap(), signed);
    }

    #[test]
    fn what_is_not_strictly_an_envelope_is_refused() {
        let text = envelope();
        let refused = |text: &str| Envelope::parse(text.as_bytes()).unwrap_err();
        let twice = text.replacen('{', r#"{"payload":"","#, 1);
        assert!(matches!(refused(&twice), DsseError::Json(JsonError::DuplicateKey(_))));
        let other = text.replace("in-toto+json", "in-toto+xml");
        assert!(matches!(refused(&other), DsseError::PayloadType(_)));
        let spaced = text.replacen(r#""sig":""#, r#""sig":" "#, 1);
        assert_eq!(refused(&spaced), DsseError::Base64("a signature"));
        let unpadded = text.replacen(&STANDARD.encode(br#"{"_type":"x"}"#), "eyJ", 1);
        assert_eq!(refused(&unpadded), DsseError::Base64("the payload"));
        let trailing_bits = text.replacen(&STANDARD.encode(br#"{"_type":"x"}"#), "ZR==", 1);
        assert_eq!(refused(&trailing_bits), DsseError::Base64("the payload"));
        let start = text.find("[{").unwrap();
        let unsigned = format!("{}[]}}", &text[..start]);
        assert_eq!(refused(&unsigned), DsseError::Signatures(0));
        let crowd = format!("{}[{}]}}", &text[..start], vec![r#"{"sig":""}"#; 17].join(","));
        assert_eq!(refused(&crowd), DsseError::Signatures(17));
        assert!(matches!(refused(r#"{"payload":"","payloadType":"x"}"#), DsseError::Form(_)));
        assert!(matches!(refused("null"), DsseError::Form(_)));
        assert!(matches!(Envelope::parse(&[0xff]), Err(DsseError::Form(_))));
        assert_eq!(refused(&" ".repeat(70_000)), DsseError::TooLarge(70_000));
    }

    #[test]
    fn every_altered_byte_is_noticed_or_says_nothing_else() {
        let text = envelope().into_bytes();
        let original = Envelope::parse(&text).unwrap();
        for at in 0..text.len() {
            let mut altered = text.clone();
            altered[at] ^= 1;
            let Ok(read) = Envelope::parse(&altered) else { continue };
            // What may change is a hint; the payload under the signature may not.
            let accepted = read.verify(key().verifier()).is_ok_and(|payload| payload != original.payload);
            assert!(!accepted, "byte {at}");
        }
    }
}
