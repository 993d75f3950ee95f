//! All inclusion and consistency proof vectors of `testdata/merkle`.

use std::fs;
use std::path::{Path, PathBuf};

use countersign_tlog::{Hash, verify_consistency, verify_inclusion};
use serde_json::Value;

use crate::support::testdata;

/// Why a vector fails: the message of whichever layer refuses it.
type Outcome = Result<(), String>;

#[test]
fn every_inclusion_vector_ends_as_it_says() {
    run("merkle/inclusion", inclusion, 98);
}

#[test]
fn every_consistency_vector_ends_as_it_says() {
    run("merkle/consistency", consistency, 98);
}

fn run(folder: &str, check: fn(&Value) -> Outcome, count: usize) {
    let files = files(&testdata(folder));
    assert_eq!(files.len(), count, "{folder}");
    for file in files {
        let vector: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        let outcome = check(&vector);
        let fails = vector["wantErr"].as_bool().unwrap();
        assert_eq!(outcome.is_err(), fails, "{}: {} gives {outcome:?}", file.display(), vector["desc"]);
    }
}

fn inclusion(vector: &Value) -> Outcome {
    let (index, size) = (number(vector, "leafIdx"), number(vector, "treeSize"));
    let (leaf, root) = (hash(&vector["leafHash"])?, hash(&vector["root"])?);
    verify_inclusion(&leaf, index, size, &proof(vector)?, &root).map_err(|error| error.to_string())
}

fn consistency(vector: &Value) -> Outcome {
    let (size1, size2) = (number(vector, "size1"), number(vector, "size2"));
    let (root1, root2) = (hash(&vector["root1"])?, hash(&vector["root2"])?);
    verify_consistency(size1, &root1, size2, &root2, &proof(vector)?).map_err(|error| error.to_string())
}

fn number(vector: &Value, field: &str) -> u64 {
    vector[field].as_u64().unwrap_or_else(|| panic!("{field} of {vector}"))
}

/// Reads a hash. Some vectors have placeholders such as `WrongRoot` that are shorter than a hash; padding their text
/// keeps them apart, so that the vector still tests what it means to. An empty string is no hash at all.
fn hash(value: &Value) -> Result<Hash, String> {
    let text = value.as_str().unwrap();
    match Hash::from_base64(text) {
        Err(_) if !text.is_empty() => Ok(padded(text)),
        read => read.map_err(|error| error.to_string()),
    }
}

fn padded(text: &str) -> Hash {
    let mut bytes = [0; Hash::LEN];
    bytes[..text.len()].copy_from_slice(text.as_bytes());
    Hash(bytes)
}

fn proof(vector: &Value) -> Result<Vec<Hash>, String> {
    vector["proof"].as_array().map_or(Ok(Vec::new()), |hashes| hashes.iter().map(hash).collect())
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}
