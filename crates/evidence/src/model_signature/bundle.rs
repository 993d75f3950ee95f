//! The Sigstore bundle (v0.3) around a signature of a model, in key mode.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use types::{json, text};

use super::error::ModelSignatureError;
use super::key::{ModelKey, ModelSigningKey};
use super::manifest::ModelManifest;
use super::payload::{read_statement, write_statement};
use crate::dsse::{PAYLOAD_TYPE, pre_authentication};

/// Is the type of the bundles that are read and written.
pub const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// Is the largest signature that is read, in bytes: one of about 300,000 files.
pub const SIGNATURE_BYTES_MAX: usize = 64 << 20;

/// Is a bundle as JSON. Its specification knows no other parts, so one that is not known may be one that is misspelt.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wire {
    media_type: String,
    verification_material: Material,
    dsse_envelope: Envelope,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Envelope {
    payload: String,
    payload_type: String,
    signatures: Vec<Signature>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signature {
    sig: String,
    #[serde(default)]
    keyid: String,
}

/// Is by what a signature is to be verified: one of the first three.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Material {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    public_key: Option<KeyHint>,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    x509_certificate_chain: Value,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    certificate: Value,
    #[serde(default)]
    tlog_entries: Vec<Value>,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    timestamp_verification_data: Value,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyHint {
    #[serde(default)]
    hint: Option<String>,
}

/// Is a signature of a model, of which nothing is verified by being here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelSignature {
    hint: Option<String>,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

/// Signs a model, and returns the bundle as JSON: the same files and key have the same signature.
pub fn sign(manifest: &ModelManifest, key: &ModelSigningKey) -> String {
    let payload = write_statement(manifest).into_bytes();
    let signature = key.sign(&pre_authentication(PAYLOAD_TYPE, &payload));
    let wire = Wire {
        media_type: MEDIA_TYPE.to_owned(),
        verification_material: Material {
            public_key: Some(KeyHint { hint: Some(key.public().fingerprint().to_string()) }),
            x509_certificate_chain: Value::Null,
            certificate: Value::Null,
            tlog_entries: Vec::new(),
            timestamp_verification_data: Value::Null,
        },
        dsse_envelope: Envelope {
            payload: STANDARD.encode(&payload),
            payload_type: PAYLOAD_TYPE.to_owned(),
            signatures: vec![Signature { sig: STANDARD.encode(signature), keyid: String::new() }],
        },
    };
    json::canonical(&serde_json::to_value(wire).unwrap_or_default())
}

impl ModelSignature {
    /// Reads a bundle in key mode strictly: each name once, one signature, base64 in its one spelling. Nothing is verified yet.
    ///
    /// # Errors
    ///
    /// [`ModelSignatureError`], as described there, but for [`ModelSignatureError::Foreign`] and [`ModelSignatureError::Key`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ModelSignatureError> {
        if bytes.len() > SIGNATURE_BYTES_MAX {
            return Err(ModelSignatureError::TooLarge(bytes.len()));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| ModelSignatureError::malformed("it is not UTF-8"))?;
        let value = json::parse(text)?;
        is_of_the_kind(&value)?;
        let wire: Wire =
            serde_json::from_value(value).map_err(|error| ModelSignatureError::malformed(error.to_string()))?;
        let hint = hint(wire.verification_material)?;
        let envelope = wire.dsse_envelope;
        if envelope.payload_type != PAYLOAD_TYPE {
            let said = format!("the payload is a `{}`", text::escape(&envelope.payload_type, false));
            return Err(ModelSignatureError::Unsupported(said));
        }
        let [signature] = envelope.signatures.as_slice() else {
            let said = format!("it has {} signatures, not one", envelope.signatures.len());
            return Err(ModelSignatureError::Malformed(said));
        };
        Ok(Self { hint, payload: decode(&envelope.payload)?, signature: decode(&signature.sig)? })
    }

    /// Returns the fingerprint of the key that the signature hints at, which anybody can write.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Returns what is signed, if the key has signed it and it can be read in one way alone.
    ///
    /// # Errors
    ///
    /// [`ModelSignatureError::Foreign`] if the key has not signed it, or if it hints at another one; otherwise what is wrong with what
    /// was signed.
    pub fn verify(&self, key: &ModelKey) -> Result<ModelManifest, ModelSignatureError> {
        let fingerprint = key.fingerprint().to_string();
        // Whoever follows the hint would take another key for the signer than whoever tries the key.
        if let Some(hint) = self.hint.as_ref().filter(|hint| **hint != fingerprint) {
            let said = format!("it hints at `{}`, and the key is `{fingerprint}`", text::escape(hint, false));
            return Err(ModelSignatureError::Foreign(said));
        }
        if !key.verifies(&pre_authentication(PAYLOAD_TYPE, &self.payload), &self.signature) {
            return Err(ModelSignatureError::Foreign(format!("`{fingerprint}` has not signed what stands in it")));
        }
        read_statement(&self.payload)
    }
}

fn is_of_the_kind(value: &Value) -> Result<(), ModelSignatureError> {
    match value.get("mediaType").and_then(Value::as_str) {
        Some(MEDIA_TYPE) => {}
        Some(found) => {
            let said = format!("it is a `{}`, not a `{MEDIA_TYPE}`", text::escape(found, false));
            return Err(ModelSignatureError::Unsupported(said));
        }
        None => return Err(ModelSignatureError::malformed("it has no `mediaType`")),
    }
    match value.get("messageSignature") {
        Some(_) => Err(ModelSignatureError::malformed("it signs a message, and no statement about a model")),
        None => Ok(()),
    }
}

/// Returns the key that is hinted at. What would have to be verified besides, and is not here, is refused: passed over, it would look
/// as if it held.
fn hint(material: Material) -> Result<Option<String>, ModelSignatureError> {
    let unsupported = |what: &str| Err(ModelSignatureError::Unsupported(what.to_owned()));
    let stamps = material.timestamp_verification_data.pointer("/rfc3161Timestamps").and_then(Value::as_array);
    match material.public_key {
        _ if !material.x509_certificate_chain.is_null() => unsupported("it is signed with a chain of certificates"),
        _ if !material.certificate.is_null() => unsupported("it is signed with a certificate, without a lasting key"),
        None => Err(ModelSignatureError::malformed("it does not say that a key has signed it")),
        Some(_) if !material.tlog_entries.is_empty() => unsupported("it leads to entries of a transparency log"),
        Some(_) if stamps.is_some_and(|stamps| !stamps.is_empty()) => unsupported("it is dated by an authority"),
        Some(KeyHint { hint }) => Ok(hint.filter(|hint| !hint.is_empty())),
    }
}

fn decode(text: &str) -> Result<Vec<u8>, ModelSignatureError> {
    STANDARD.decode(text).map_err(|_| ModelSignatureError::malformed("payload or signature is not base64"))
}
