//! In-toto statements (v1) about a record: what its leaf says, where the log holds it, and the proof.
//!
//! A statement repeats nothing that cannot be checked: each of its fields comes from the leaf and the checkpoint, both of
//! which are in it, so that a reader who trusts no field makes the statement again and compares.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use tlog::hash::{Hash, HashError};
use tlog::key::VerifierKey;
use types::{AutonomyLevel, Code, Digest, JsonError, Millis, Verdict, json};

use crate::leaf::{Leaf, LeafError};
use crate::logged::{Logged, LoggedError, PATH_MAX};

/// Is the type of every statement.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";

/// Is the type of what is said; another version gets another one.
pub const PREDICATE_TYPE: &str = "https://countersign.dev/attestation/action/v1";

/// Is a statement about one record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// The type, [`STATEMENT_TYPE`].
    #[serde(rename = "_type")]
    kind: String,
    /// The record's leaf, as a file that `sha256sum` knows; exactly one.
    subject: Vec<Subject>,
    /// The type of the predicate, [`PREDICATE_TYPE`].
    #[serde(rename = "predicateType")]
    predicate_type: String,
    /// What is said of it.
    predicate: Predicate,
}

/// Is what a statement is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// The id of the action, or of a record that belongs to none.
    pub name: String,
    /// The digest of the leaf's bytes.
    pub digest: DigestSet,
}

/// Is a set of digests, of which there is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DigestSet {
    /// SHA-256 of the bytes, in hex.
    pub sha256: Digest,
}

/// Is what is said of a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Predicate {
    /// The record's id.
    pub record: String,
    /// What it is about, such as `decided`.
    pub kind: String,
    /// When it was written, in milliseconds since the epoch.
    pub at: Millis,
    /// The action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// The session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// What was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<String>,
    /// The autonomy level at which it was decided, `L0` to `L3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// The digest of the policy bundle in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle: Option<Digest>,
    /// The leaf's exact bytes, in base64.
    pub leaf: String,
    /// Where the log holds it.
    pub log: InLog,
}

/// Is where a log holds a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InLog {
    /// The origin of the log.
    pub origin: String,
    /// The record's index.
    pub index: u64,
    /// The size of the tree.
    pub size: u64,
    /// The root of the tree, in base64 as checkpoints have it.
    pub root: String,
    /// The inclusion proof, from the leaf's sibling upwards, in base64.
    pub proof: Vec<String>,
    /// The signed checkpoint.
    pub checkpoint: String,
}

/// Says why a statement cannot be made, or is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// The statement is not JSON as it must be.
    #[error("not a statement: {0}")]
    Json(#[from] JsonError),
    /// The statement lacks a part, or has one that is not known.
    #[error("not a statement: {0}")]
    Form(String),
    /// The statement or its predicate is of another type.
    #[error("the statement is a `{0}`, which is not known here")]
    Type(String),
    /// The leaf is not a leaf.
    #[error("the leaf: {0}")]
    Leaf(#[from] LeafError),
    /// The leaf is not base64.
    #[error("the leaf is not base64")]
    Base64,
    /// A line of the proof is not a hash.
    #[error("the proof: {0}")]
    Hash(#[from] HashError),
    /// Proof or checkpoint do not hold.
    #[error(transparent)]
    Logged(#[from] LoggedError),
    /// The statement says something else than its own leaf and checkpoint.
    #[error("the statement says something else than its leaf and its checkpoint")]
    Differs,
}

impl StatementError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> Code {
        Code::EvidenceBroken
    }
}

impl Statement {
    /// Makes the statement about a record.
    ///
    /// # Errors
    ///
    /// [`StatementError::Leaf`] if the record is not of this schema.
    pub fn about(logged: &Logged) -> Result<Self, StatementError> {
        let leaf = Leaf::from_bytes(logged.leaf())?;
        let name = leaf.action.map_or_else(|| leaf.record.to_string(), |action| action.to_string());
        Ok(Self {
            kind: STATEMENT_TYPE.into(),
            subject: vec![Subject { name, digest: DigestSet { sha256: Digest::plain(logged.leaf()) } }],
            predicate_type: PREDICATE_TYPE.into(),
            predicate: predicate(&leaf, logged),
        })
    }

    /// Prints the statement as JSON, in canonical form (RFC 8785).
    pub fn to_json(&self) -> String {
        json::canonical(&serde_json::to_value(self).unwrap_or_default())
    }

    /// Reads a statement strictly: each name once, none that is not known, and the one type. Nothing is verified yet.
    ///
    /// # Errors
    ///
    /// [`StatementError::Json`], [`StatementError::Form`] or [`StatementError::Type`]. No others.
    pub fn parse(text: &[u8]) -> Result<Self, StatementError> {
        let text = std::str::from_utf8(text).map_err(|_| StatementError::Form("it is not UTF-8".into()))?;
        let value = json::parse(text)?;
        for (name, known) in [("_type", STATEMENT_TYPE), ("predicateType", PREDICATE_TYPE)] {
            let found = value.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
            if found != known {
                return Err(StatementError::Type(found.to_owned()));
            }
        }
        serde_json::from_value(value).map_err(|e| StatementError::Form(e.to_string()))
    }

    /// Verifies that the log holds the record and that every field is what the record and the checkpoint say.
    ///
    /// # Errors
    ///
    /// [`StatementError`], as described there, but for those of form.
    pub fn verify(&self, log: &VerifierKey) -> Result<Logged, StatementError> {
        let said = &self.predicate;
        let leaf = STANDARD.decode(&said.leaf).map_err(|_| StatementError::Base64)?;
        let path = said.log.proof.iter().take(PATH_MAX + 1).map(|hash| Hash::from_base64(hash));
        let path = path.collect::<Result<Vec<_>, _>>()?;
        let logged = Logged::new(leaf, said.log.index, path, said.log.checkpoint.as_bytes(), log)?;
        if Self::about(&logged)? != *self {
            return Err(StatementError::Differs);
        }
        Ok(logged)
    }

    /// Returns what is said, which [`Statement::verify`] alone makes true.
    pub fn predicate(&self) -> &Predicate {
        &self.predicate
    }
}

fn predicate(leaf: &Leaf, logged: &Logged) -> Predicate {
    Predicate {
        record: leaf.record.to_string(),
        kind: leaf.kind.as_str().into(),
        at: leaf.at,
        action: leaf.action.map(|action| action.to_string()),
        session: leaf.session.as_ref().map(|place| place.session.to_string()),
        verdict: leaf.verdict.map(|rank| Verdict::from_rank(rank).to_string()),
        level: leaf.level.map(|rank| AutonomyLevel::from_rank(rank.into()).to_string()),
        bundle: leaf.bundle,
        leaf: STANDARD.encode(logged.leaf()),
        log: InLog {
            origin: logged.checkpoint().origin.clone(),
            index: logged.index(),
            size: logged.checkpoint().size,
            root: logged.checkpoint().root.to_base64(),
            proof: logged.path().iter().map(Hash::to_base64).collect(),
            checkpoint: logged.note().into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::logged::tests::{leaf, log_key, logged};

    fn statement() -> Value {
        serde_json::from_str(&Statement::about(&logged(5, 13)).unwrap().to_json()).unwrap()
    }

    fn read(value: &Value) -> Result<Logged, StatementError> {
        Statement::parse(value.to_string().as_bytes())?.verify(log_key().verifier())
    }

    #[test]
    fn a_statement_says_what_the_leaf_says_and_reads_back() {
        let said = statement();
        let leaf = leaf(5);
        assert_eq!(said["_type"], "https://in-toto.io/Statement/v1");
        assert_eq!(said["subject"][0]["name"], leaf.action.unwrap().to_string());
        assert_eq!(said["subject"][0]["digest"]["sha256"], Digest::plain(&leaf.to_bytes()).to_string());
        let predicate = &said["predicate"];
        assert_eq!((&predicate["verdict"], &predicate["level"]), (&json!("allow_observed"), &json!("L2")));
        assert_eq!(predicate["bundle"], "07".repeat(32));
        assert_eq!((&predicate["log"]["index"], &predicate["log"]["size"]), (&json!(5), &json!(13)));
        assert_eq!(read(&said), Ok(logged(5, 13)));
    }

    #[test]
    fn no_field_can_say_something_else() {
        let changes = [
            ("/subject/0/name", json!("act_1")),
            ("/subject/0/digest/sha256", json!("00".repeat(32))),
            ("/predicate/record", json!("rec_1")),
            ("/predicate/kind", json!("outcome")),
            ("/predicate/at", json!(1)),
            ("/predicate/action", json!("act_1")),
            ("/predicate/session", json!("ses_1")),
            ("/predicate/verdict", json!("allow")),
            ("/predicate/level", json!("L3")),
            ("/predicate/bundle", json!("00".repeat(32))),
            ("/predicate/log/origin", json!("other.example")),
            ("/predicate/log/size", json!(14)),
            ("/predicate/log/root", json!("AAAA")),
        ];
        for (pointer, value) in changes {
            let mut said = statement();
            match said.pointer_mut(pointer) {
                Some(place) => *place = value,
                // The leaf has none, so neither may the statement.
                None => said["predicate"]["session"] = value,
            }
            assert_eq!(read(&said), Err(StatementError::Differs), "{pointer}");
        }
    }

    #[test]
    fn a_missing_or_an_added_field_is_refused() {
        let mut said = statement();
        said["predicate"].as_object_mut().unwrap().remove("verdict");
        assert_eq!(read(&said), Err(StatementError::Differs));
        let mut said = statement();
        said["predicate"].as_object_mut().unwrap().remove("kind");
        assert!(matches!(read(&said), Err(StatementError::Form(_))));
        let mut said = statement();
        said["predicate"]["approvedBy"] = json!("ana");
        assert!(matches!(read(&said), Err(StatementError::Form(_))));
        let mut said = statement();
        let twice = said["subject"][0].clone();
        said["subject"].as_array_mut().unwrap().push(twice);
        assert_eq!(read(&said), Err(StatementError::Differs));
    }

    #[test]
    fn a_record_the_log_does_not_hold_is_refused() {
        let mut said = statement();
        said["predicate"]["log"]["index"] = json!(6);
        assert!(matches!(read(&said), Err(StatementError::Logged(LoggedError::Proof(_)))));
        let mut said = statement();
        said["predicate"]["leaf"] = json!(STANDARD.encode(leaf(6).to_bytes()));
        assert!(matches!(read(&said), Err(StatementError::Logged(LoggedError::Proof(_)))));
        let mut said = statement();
        let checkpoint = said["predicate"]["log"]["checkpoint"].as_str().unwrap().replace("\n13\n", "\n12\n");
        said["predicate"]["log"]["checkpoint"] = json!(checkpoint);
        assert!(matches!(read(&said), Err(StatementError::Logged(LoggedError::Checkpoint(_)))));
        let mut said = statement();
        said["predicate"]["log"]["proof"] = json!(vec!["A".repeat(43) + "="; 70]);
        assert!(matches!(read(&said), Err(StatementError::Logged(LoggedError::Proof(_)))));
    }

    #[test]
    fn another_type_or_a_name_twice_is_refused() {
        let text = statement().to_string();
        let refused = |text: &str| Statement::parse(text.as_bytes()).unwrap_err();
        assert!(matches!(refused(&text.replace("Statement/v1", "Statement/v0.1")), StatementError::Type(_)));
        assert!(matches!(refused(&text.replace("action/v1", "action/v2")), StatementError::Type(_)));
        let twice = text.replacen(r#""predicate":{"#, r#""predicate":{"verdict":"deny","#, 1);
        assert!(matches!(refused(&twice), StatementError::Json(JsonError::DuplicateKey(_))));
        assert!(matches!(refused("[]"), StatementError::Type(_)));
    }
}
