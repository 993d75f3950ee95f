//! The custody statement of a bundle: how, when and by which keys it was made, and what holds whoever wrote it to it.
//!
//! Program, person and time are the exporter's word. The keys are held against the checkpoint: whoever is named as having
//! signed it must have. Where the statement key has signed, the in-toto statement covers the manifest, and with it
//! everything that the custody statement says.

use serde::{Deserialize, Serialize};
use tlog::checkpoint::Checkpoint;
use tlog::key::{SignerKey, VerifierKey};
use tlog::{Note, cosignatures};
use types::{Digest, Millis, json};

use crate::archive::Archive;
use crate::dsse::{DsseError, Envelope};
use crate::statement::{DigestSet, STATEMENT_TYPE, Subject};
use crate::trust_root::fingerprint;
use crate::verify::{Check, Standing, check};

/// Is the type of what the statement key says of a bundle; another version gets another one.
pub const PREDICATE_TYPE: &str = "https://countersign.dev/attestation/custody/v1";

/// Is the claim that whoever is named as a signer of the checkpoint is one.
pub const SIGNERS: &str = "the keys that the custody statement names are those that signed the checkpoint";

/// Is the custody statement: how evidence came to be, in the exporter's words.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Custody {
    /// The program and its version.
    pub program: String,
    /// Who ran it.
    pub by: String,
    /// When, in milliseconds since the Unix epoch.
    pub at: Millis,
    /// The fields, `finding` and `fact` that it did not show.
    pub withheld: Vec<String>,
    /// The keys by which it was made, the log's first; bundles of before name none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<CustodyKey>,
}

/// Says what a key did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyRole {
    /// It signed the checkpoint as the log's.
    Log,
    /// It cosigned the checkpoint as a witness's.
    Cosigner,
    /// It signed the manifest.
    Statement,
}

impl KeyRole {
    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Log => "log key",
            Self::Cosigner => "cosigner",
            Self::Statement => "statement",
        }
    }
}

/// Is one key by which a bundle was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustodyKey {
    /// What it did.
    pub role: KeyRole,
    /// The verifier key: `NAME+HASH+KEY`.
    pub key: String,
    /// SHA-256 of that text, in groups of four hex digits.
    pub fingerprint: String,
}

impl CustodyKey {
    fn of(role: KeyRole, key: &VerifierKey) -> Self {
        let key = key.to_string();
        Self { role, fingerprint: fingerprint(&key), key }
    }

    /// Returns the name that the key goes by.
    pub fn name(&self) -> &str {
        self.key.split_once('+').map_or(self.key.as_str(), |(name, _)| name)
    }
}

/// Is the in-toto statement about a bundle's manifest.
#[derive(Serialize)]
struct Attestation<'a> {
    #[serde(rename = "_type")]
    kind: &'static str,
    subject: [Subject; 1],
    #[serde(rename = "predicateType")]
    predicate_type: &'static str,
    predicate: &'a Custody,
}

impl Archive {
    /// Names the keys by which the bundle is made, and has the statement key sign its manifest, which MUST NOT change
    /// afterwards.
    ///
    /// - `cosigners`: the witnesses' keys that the exporter knows; those that have not cosigned are not named.
    ///
    /// # Errors
    ///
    /// [`DsseError::Algorithm`] if the statement key is not an Ed25519 key.
    pub fn attest(&mut self, cosigners: &[VerifierKey], statement: Option<&SignerKey>) -> Result<(), DsseError> {
        let log = self.manifest.log_key.parse::<VerifierKey>().ok();
        let mut keys: Vec<CustodyKey> = log.iter().map(|key| CustodyKey::of(KeyRole::Log, key)).collect();
        let cosigned = cosigners.iter().filter(|key| has_cosigned(&self.checkpoint, key));
        keys.extend(cosigned.map(|key| CustodyKey::of(KeyRole::Cosigner, key)));
        keys.extend(statement.map(|key| CustodyKey::of(KeyRole::Statement, key.verifier())));
        self.manifest.custody.keys = keys;
        let sign = |key| Envelope::sign(attestation(self), key).map(|envelope| envelope.to_json().into_bytes());
        self.attestation = statement.map(sign).transpose()?;
        Ok(())
    }
}

/// Returns what the statement key signs of a bundle.
fn attestation(archive: &Archive) -> Vec<u8> {
    let sha256 = Digest::plain(&archive.manifest.to_bytes());
    let statement = Attestation {
        kind: STATEMENT_TYPE,
        subject: [Subject { name: "manifest.json".to_owned(), digest: DigestSet { sha256 } }],
        predicate_type: PREDICATE_TYPE,
        predicate: &archive.manifest.custody,
    };
    json::canonical(&serde_json::to_value(statement).unwrap_or_default()).into_bytes()
}

/// Holds a custody statement against the checkpoint and against the statement key's signature; says nothing of a bundle of
/// before, which names no keys and has no signature.
pub(crate) fn checks(archive: &Archive) -> Vec<Check> {
    let keys = &archive.manifest.custody.keys;
    if keys.is_empty() && archive.attestation.is_none() {
        return Vec::new();
    }
    let foreign = foreign(archive);
    let standing = if foreign.is_none() { Standing::Holds } else { Standing::Broken };
    let named = check(SIGNERS, standing, foreign).unless_holds("custody-foreign");
    std::iter::once(named).chain(signed(archive)).collect()
}

/// Says what is wrong with the keys that are named, if something is.
fn foreign(archive: &Archive) -> Option<String> {
    let keys = &archive.manifest.custody.keys;
    if keys.iter().filter(|named| named.role == KeyRole::Log).count() != 1 {
        return Some("it names not one key of the log".to_owned());
    }
    keys.iter().find_map(|named| {
        let unfit = |why: &str| Some(format!("{} `{}` {why}", named.role.as_str(), named.name()));
        let Ok(key) = named.key.parse::<VerifierKey>() else { return unfit("cannot be read") };
        if named.fingerprint != fingerprint(&named.key) {
            return unfit("has another fingerprint");
        }
        let signed = match named.role {
            KeyRole::Log => {
                named.key == archive.manifest.log_key && Checkpoint::open(&archive.checkpoint, &key).is_ok()
            }
            KeyRole::Cosigner => has_cosigned(&archive.checkpoint, &key),
            KeyRole::Statement => true,
        };
        if signed { None } else { unfit("has not signed the checkpoint") }
    })
}

fn has_cosigned(checkpoint: &[u8], key: &VerifierKey) -> bool {
    let known = std::slice::from_ref(key);
    Note::parse(checkpoint).is_ok_and(|note| cosignatures(&note, known).is_ok_and(|valid| !valid.is_empty()))
}

/// Says whether the statement key that is named has signed the manifest; nothing if neither key nor signature is there.
fn signed(archive: &Archive) -> Option<Check> {
    let mut named = archive.manifest.custody.keys.iter().filter(|named| named.role == KeyRole::Statement);
    let claim = "the statement key that the custody statement names has signed the bundle's manifest";
    let (standing, why) = match (named.next(), &archive.attestation) {
        (None, None) => return None,
        (Some(_), None) => (Standing::Missing, Some("its signature is not here".to_owned())),
        (None, Some(_)) => (Standing::Broken, Some("it names no statement key".to_owned())),
        (Some(named), Some(envelope)) => match by(named, envelope, archive) {
            Ok(()) => (Standing::Holds, None),
            Err(why) => (Standing::Broken, Some(why)),
        },
    };
    Some(check(claim, standing, why).unless_holds("custody-unsigned"))
}

fn by(named: &CustodyKey, envelope: &[u8], archive: &Archive) -> Result<(), String> {
    let key: VerifierKey = named.key.parse().map_err(|_| "the key cannot be read".to_owned())?;
    let envelope = Envelope::parse(envelope).map_err(|e| e.to_string())?;
    let payload = envelope.verify(&key).map_err(|e| e.to_string())?;
    let same = payload == attestation(archive);
    if same { Ok(()) } else { Err("what it signed is another manifest".to_owned()) }
}

/// Says what nothing in a bundle proves of its custody statement.
pub(crate) fn unproven(custody: &Custody) -> &'static str {
    if custody.keys.iter().any(|named| named.role == KeyRole::Statement) {
        "who made the bundle and when, beyond the word of who holds the statement key it names"
    } else {
        "who made the bundle and when: no statement key has signed that"
    }
}
