//! What several test modules need: naive reference hashing, a log in memory, files of `testdata`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use countersign_tlog::{
    AddCheckpoint, Checkpoint, CosignError, CosignerKey, Frontier, Hash, Note, NoteSignature, SignerKey, TilePath,
    WitnessedLog, bundles_between, empty_root, encode_bundle, leaf_hash, node_hash, tile_from, tiles_between,
};

/// The definition of RFC 6962 section 2.1, word for word.
pub fn naive_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let split = leaves.len().next_power_of_two() / 2;
            let (left, right) = leaves.split_at(split);
            node_hash(&naive_root(left), &naive_root(right))
        }
    }
}

/// Entry number `index` of the logs made here.
pub fn entry(index: usize) -> Vec<u8> {
    format!("entry {index}").into_bytes()
}

pub fn leaves(size: usize) -> Vec<Hash> {
    (0..size).map(|index| leaf_hash(&entry(index))).collect()
}

pub fn frontier_of(leaves: &[Hash]) -> Frontier {
    let mut frontier = Frontier::new();
    leaves.iter().for_each(|leaf| frontier.push(*leaf).unwrap());
    frontier
}

/// A log as files, each under its path.
#[derive(Clone)]
pub struct Log {
    pub size: u64,
    pub root: Hash,
    pub files: BTreeMap<String, Vec<u8>>,
}

impl Log {
    /// A log of `size` entries with only the tiles and bundles of that size.
    pub fn new(size: usize) -> Self {
        let leaves = leaves(size);
        let mut files = BTreeMap::new();
        for path in tiles_between(0, size as u64) {
            files.insert(path.to_string(), tile_from(&path, &*leaves).unwrap());
        }
        for path in bundles_between(0, size as u64) {
            let entries: Vec<_> = path.places().map(|(_, index)| entry(index as usize)).collect();
            files.insert(path.to_string(), encode_bundle(&entries).unwrap());
        }
        Self { size: size as u64, root: frontier_of(&leaves).root(), files }
    }

    pub fn fetch(&self, path: &TilePath) -> Option<Vec<u8>> {
        self.files.get(&path.to_string()).cloned()
    }
}

pub fn testdata(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(path)
}

pub fn read(path: &str) -> Vec<u8> {
    std::fs::read(testdata(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The key of the log at `origin`.
pub fn log_key(origin: &str) -> SignerKey {
    SignerKey::ed25519(origin, &[1; 32]).unwrap()
}

/// The checkpoint of the log at `origin` with the first `size` of the entries made here.
pub fn checkpoint(origin: &str, size: usize) -> Checkpoint {
    Checkpoint::new(origin, size as u64, frontier_of(&leaves(size)).root())
}

/// What witnesses that have just enrolled the log say of its checkpoint.
pub fn cosignatures(note: &Note, keys: &[CosignerKey], time: u64) -> Result<Vec<NoteSignature>, CosignError> {
    let request = AddCheckpoint::new(0, Vec::new(), note.clone()).unwrap();
    let log = vec![log_key(&request.checkpoint().origin).verifier().clone()];
    let state = WitnessedLog::enrol(&log).unwrap();
    let mut log = WitnessedLog::restore(log, state.as_bytes()).unwrap();
    log.add(&request).unwrap().persist(|_| Ok::<_, ()>(())).unwrap().cosign(keys, time)
}

/// The checkpoint, signed by its log and cosigned.
pub fn cosigned(checkpoint: &Checkpoint, keys: &[CosignerKey], time: u64) -> Note {
    let note = checkpoint.sign(&log_key(&checkpoint.origin)).unwrap();
    let lines = cosignatures(&note, keys, time).unwrap();
    note.with(lines).unwrap()
}

/// The cosigner `name` with an Ed25519 key.
pub fn ed25519(name: &str) -> CosignerKey {
    CosignerKey::ed25519(name, &[name.len() as u8; 32]).unwrap()
}

/// The cosigner `name` with an ML-DSA-44 key.
pub fn ml_dsa(name: &str) -> CosignerKey {
    CosignerKey::ml_dsa_44(name, &[name.len() as u8; 32]).unwrap()
}
