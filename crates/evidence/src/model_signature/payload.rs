//! The in-toto statement within a signature: read after its key has verified it, and written.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use types::{Digest, json, text};

use super::error::ModelSignatureError;
use super::manifest::{ModelFile, ModelManifest};
use crate::statement::STATEMENT_TYPE;

/// Is the type of what is said of a model.
pub const PREDICATE_TYPE: &str = "https://model_signing/signature/v1.0";

/// Is the one way to cut a model into what is hashed: a file at a time.
const FILES: &str = "files";

/// Is the one hash function.
const SHA256: &str = "sha256";

#[derive(Serialize, Deserialize)]
struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<Subject>,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    predicate: Predicate,
}

#[derive(Serialize, Deserialize)]
struct Subject {
    // Whoever writes it from a protocol message leaves out what is empty.
    #[serde(default)]
    name: String,
    digest: BTreeMap<String, String>,
}

/// Is what is said of a model; "Any other field should be ignored by verifiers adhering to v1.0".
#[derive(Serialize, Deserialize)]
struct Predicate {
    serialization: Serialization,
    resources: Vec<Resource>,
}

#[derive(Serialize, Deserialize)]
struct Serialization {
    method: String,
    hash_type: String,
    allow_symlinks: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ignore_paths: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Resource {
    name: String,
    algorithm: String,
    digest: String,
}

/// Writes the statement about a model, in canonical form (RFC 8785).
pub fn write_statement(manifest: &ModelManifest) -> String {
    let resource = |file: &ModelFile| Resource {
        name: file.path.clone(),
        algorithm: SHA256.to_owned(),
        digest: file.digest.to_string(),
    };
    let digest = BTreeMap::from([(SHA256.to_owned(), manifest.root().to_string())]);
    let statement = Statement {
        kind: STATEMENT_TYPE.to_owned(),
        subject: vec![Subject { name: manifest.name().to_owned(), digest }],
        predicate_type: PREDICATE_TYPE.to_owned(),
        predicate: Predicate {
            serialization: Serialization {
                method: FILES.to_owned(),
                hash_type: SHA256.to_owned(),
                allow_symlinks: manifest.allows_links(),
                ignore_paths: manifest.ignored().to_vec(),
            },
            resources: manifest.files().iter().map(resource).collect(),
        },
    };
    json::canonical(&serde_json::to_value(statement).unwrap_or_default())
}

/// Reads the statement about a model, and holds the digest of its subject against what it names. Nobody needs to have signed it.
///
/// # Errors
///
/// [`ModelSignatureError::Malformed`], [`ModelSignatureError::Json`] or [`ModelSignatureError::Unsupported`]. No others.
pub fn read_statement(payload: &[u8]) -> Result<ModelManifest, ModelSignatureError> {
    let text = std::str::from_utf8(payload).map_err(|_| ModelSignatureError::malformed("it is not UTF-8"))?;
    let value = json::parse(text)?;
    is_of_the_kind(&value)?;
    let statement: Statement =
        serde_json::from_value(value).map_err(|error| ModelSignatureError::malformed(error.to_string()))?;
    let Predicate { serialization, resources } = statement.predicate;
    let files = resources.into_iter().map(file).collect::<Result<Vec<_>, _>>()?;
    let [Subject { name, digest }] = statement.subject.as_slice() else {
        return Err(ModelSignatureError::malformed("it is not about one model"));
    };
    let Serialization { ignore_paths, allow_symlinks, .. } = serialization;
    let manifest = ModelManifest::checked(name.clone(), files, ignore_paths, allow_symlinks)?;
    let said = digest.get(SHA256).and_then(|digest| hex(digest));
    if said != Some(manifest.root()) {
        return Err(ModelSignatureError::malformed("its digest over all files is not that of the files it names"));
    }
    Ok(manifest)
}

/// Refuses what is signed in another way before anything else is read: there it may have another form.
fn is_of_the_kind(value: &Value) -> Result<(), ModelSignatureError> {
    let known = [
        ("/_type", STATEMENT_TYPE),
        ("/predicateType", PREDICATE_TYPE),
        ("/predicate/serialization/method", FILES),
        ("/predicate/serialization/hash_type", SHA256),
    ];
    for (place, known) in known {
        match value.pointer(place).and_then(Value::as_str) {
            Some(found) if found == known => {}
            Some(found) => return Err(another(place, found, known)),
            None => return Err(ModelSignatureError::malformed(format!("it has no text at `{place}`"))),
        }
    }
    Ok(())
}

fn another(place: &str, found: &str, known: &str) -> ModelSignatureError {
    ModelSignatureError::Unsupported(format!("`{place}` is `{}`, not `{known}`", text::escape(found, false)))
}

fn file(resource: Resource) -> Result<ModelFile, ModelSignatureError> {
    let Resource { name, algorithm, digest } = resource;
    if algorithm != SHA256 {
        return Err(another("/predicate/resources/algorithm", &algorithm, SHA256));
    }
    let no_digest = || {
        let said = format!("the digest of `{}` is not 64 small hex digits", text::escape(&name, false));
        ModelSignatureError::Malformed(said)
    };
    Ok(ModelFile { digest: hex(&digest).ok_or_else(no_digest)?, path: name })
}

/// Reads a digest in its one spelling.
fn hex(text: &str) -> Option<Digest> {
    Digest::from_hex(text).filter(|digest| digest.to_string() == text)
}
