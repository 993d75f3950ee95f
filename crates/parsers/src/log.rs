//! What a log publishes: notes, checkpoints, keys, tiles and proofs.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use tlog::{
    Checkpoint, Frontier, Hash, HashReader, Note, ReadError, SignerKey, TileLevel, TilePath, VerifierKey,
    bundles_between, check_tree, decode_bundle, decode_tile, encode_bundle, encode_tile, leaf_hash, prove_consistency,
    prove_inclusion, tile_from, tiles_between, verify_consistency, verify_inclusion,
};

use crate::base::Taker;

/// The key that signs what this module makes.
pub(crate) fn signer() -> &'static SignerKey {
    static KEY: OnceLock<SignerKey> = OnceLock::new();
    KEY.get_or_init(|| SignerKey::ed25519("log.example", &[9; 32]).unwrap())
}

/// Notes, checkpoints and the head file: what parses prints as it was read, and what a known key signed opens.
pub fn note(bytes: &[u8]) {
    if let Ok(note) = Note::parse(bytes) {
        assert_eq!(note.to_string().as_bytes(), bytes);
        if let Ok(verified) = note.verify(std::slice::from_ref(signer().verifier())) {
            assert!(
                !verified.known.is_empty() && verified.known.len() + verified.unknown.len() <= note.signatures().len()
            );
        }
    }
    if let Ok((checkpoint, note)) = Checkpoint::open(bytes, signer().verifier()) {
        assert_eq!(checkpoint.origin, signer().verifier().name());
        assert_eq!(checkpoint.to_text().as_deref(), Ok(note.text()));
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(checkpoint) = Checkpoint::parse(text) else { return };
    assert_eq!(checkpoint.to_text().as_deref(), Ok(text));
    if checkpoint.origin == signer().verifier().name() {
        let signed = checkpoint.sign(signer()).unwrap().to_string();
        assert_eq!(Checkpoint::open(signed.as_bytes(), signer().verifier()).unwrap().0, checkpoint);
    }
}

/// Key files and verifier keys: what parses prints as it was read.
pub fn keys(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(key) = text.parse::<VerifierKey>() {
        assert_eq!(key.to_string(), text);
    }
    if let Ok(key) = SignerKey::from_secret_text(text) {
        assert_eq!(&*key.to_secret_text(), text);
        assert_eq!(key.verifier().to_string().parse::<VerifierKey>().as_ref(), Ok(key.verifier()));
        assert!(key.verifier().verifies(b"x", &key.sign(b"x")));
    }
}

/// Tile paths, tiles, entry bundles and frontiers: what parses prints as it was read.
pub fn tiles(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(path) = text.parse::<TilePath>()
    {
        assert_eq!(path.to_string(), text);
        assert_eq!(path.places().count(), usize::from(path.width()));
        assert_eq!(path.full().width(), 256);
    }
    if let Ok(frontier) = Frontier::from_bytes(bytes) {
        assert_eq!(frontier.to_bytes(), bytes);
        let mut grown = frontier.clone();
        if grown.push(leaf_hash(b"x")).is_ok() {
            assert_eq!(Frontier::from_bytes(&grown.to_bytes()).as_ref(), Ok(&grown));
            assert_ne!(grown.root(), frontier.root());
        }
    }
    let mut taker = Taker::new(bytes);
    let width = taker.short();
    let content = taker.rest();
    if let Ok(hashes) = decode_tile(content, width)
        && let Ok(encoded) = encode_tile(&hashes)
    {
        assert_eq!(encoded, content);
    }
    if let Ok(entries) = decode_bundle(content, width) {
        assert_eq!(encode_bundle(&entries).as_deref(), Ok(content));
    }
}

/// Holds every complete subtree of a small tree.
#[derive(Default)]
pub(crate) struct Memory {
    hashes: BTreeMap<(u8, u64), Hash>,
    frontiers: Vec<Frontier>,
}

impl Memory {
    pub(crate) fn of<'a>(leaves: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut memory = Self::default();
        let mut frontier = Frontier::new();
        memory.frontiers.push(frontier.clone());
        for leaf in leaves {
            let keep = |level, index, hash| {
                memory.hashes.insert((level, index), hash);
            };
            frontier.push_with(leaf_hash(leaf), keep).unwrap();
            memory.frontiers.push(frontier.clone());
        }
        memory
    }

    pub(crate) fn root(&self, size: u64) -> Hash {
        self.frontiers[usize::try_from(size).unwrap()].root()
    }
}

impl HashReader for Memory {
    type Error = ReadError;

    fn read(&self, level: u8, index: u64) -> Result<Hash, ReadError> {
        Ok(self.hashes[&(level, index)])
    }
}

const LEAVES: u64 = 70;

fn small() -> &'static Memory {
    static TREE: OnceLock<Memory> = OnceLock::new();
    TREE.get_or_init(|| {
        let leaves: Vec<[u8; 8]> = (0..LEAVES).map(u64::to_be_bytes).collect();
        Memory::of(leaves.iter().map(<[u8; 8]>::as_slice))
    })
}

/// Proofs: a true one verifies, a changed one does not, and none makes the verifier stumble.
pub fn proof(bytes: &[u8]) {
    let mut taker = Taker::new(bytes);
    match taker.byte() % 3 {
        0 => any_proof(taker),
        1 => changed_inclusion(taker),
        _ => changed_consistency(taker),
    }
}

fn any_proof(mut taker: Taker<'_>) {
    let (first, second) = (taker.long(), taker.long());
    let hashes: Vec<Hash> = taker.rest().chunks_exact(32).map(|bytes| Hash::try_from(bytes).unwrap()).collect();
    let Some((root, proof)) = hashes.split_first() else { return };
    let _ = verify_inclusion(root, first, second, proof, root);
    let _ = verify_consistency(first, root, second, root, proof);
}

fn change(taker: &mut Taker<'_>, proof: &mut Vec<Hash>) {
    while !taker.is_empty() {
        let (what, at, with) = (taker.byte(), usize::from(taker.byte()), taker.byte());
        match (what % 4, at.checked_rem(proof.len())) {
            (0, Some(at)) => proof[at].0[usize::from(with) % 32] ^= with | 1,
            (1, Some(at)) => drop(proof.remove(at)),
            (2, Some(at)) => proof.insert(at, Hash([with; 32])),
            (3, Some(at)) => proof.swap(0, at),
            _ => proof.push(Hash([with; 32])),
        }
    }
}

fn changed_inclusion(mut taker: Taker<'_>) {
    let size = 1 + u64::from(taker.byte()) % LEAVES;
    let index = u64::from(taker.byte()) % size;
    let true_proof = prove_inclusion(index, size, small()).unwrap();
    let leaf = leaf_hash(&index.to_be_bytes());
    assert_eq!(verify_inclusion(&leaf, index, size, &true_proof, &small().root(size)), Ok(()));
    let other = u64::from(taker.byte());
    let mut proof = true_proof.clone();
    change(&mut taker, &mut proof);
    let holds = verify_inclusion(&leaf, other, size, &proof, &small().root(size)).is_ok();
    assert_eq!(holds, other == index && proof == true_proof);
}

fn changed_consistency(mut taker: Taker<'_>) {
    let new = 1 + u64::from(taker.byte()) % LEAVES;
    let old = 1 + u64::from(taker.byte()) % new;
    let true_proof = prove_consistency(old, new, small()).unwrap();
    assert_eq!(verify_consistency(old, &small().root(old), new, &small().root(new), &true_proof), Ok(()));
    let mut proof = true_proof.clone();
    change(&mut taker, &mut proof);
    let holds = verify_consistency(old, &small().root(old), new, &small().root(new), &proof).is_ok();
    assert_eq!(holds, proof == true_proof);
}

type Published = BTreeMap<String, Vec<u8>>;

const SIZES: [u64; 6] = [1, 2, 7, 255, 256, 300];

/// The files and roots of a few logs.
fn published() -> &'static [(u64, Hash, Published)] {
    static LOGS: OnceLock<Vec<(u64, Hash, Published)>> = OnceLock::new();
    LOGS.get_or_init(|| SIZES.map(publish).to_vec())
}

fn publish(size: u64) -> (u64, Hash, Published) {
    let leaves: Vec<Vec<u8>> = (0..size).map(|n| vec![0x5a; usize::try_from(n % 5).unwrap()]).collect();
    let memory = Memory::of(leaves.iter().map(Vec::as_slice));
    let mut files = Published::new();
    for path in tiles_between(0, size) {
        files.insert(path.to_string(), tile_from(&path, &memory).unwrap());
    }
    for path in bundles_between(0, size) {
        assert_eq!(path.level(), TileLevel::Entries);
        let start = usize::try_from(path.index()).unwrap() * 256;
        let entries = &leaves[start..start + usize::from(path.width())];
        files.insert(path.to_string(), encode_bundle(entries).unwrap());
    }
    (size, memory.root(size), files)
}

/// A published log: as it was made it holds, and with any byte changed it does not.
pub fn tree(bytes: &[u8]) {
    let mut taker = Taker::new(bytes);
    let logs = published();
    let (size, root, files) = &logs[usize::from(taker.byte()) % logs.len()];
    let mut changed = files.clone();
    while !taker.is_empty() {
        let (which, what, at, with) = (taker.byte(), taker.byte(), usize::from(taker.short()), taker.byte());
        let name = files.keys().nth(usize::from(which) % files.len()).unwrap();
        let Some(file) = changed.get_mut(name) else { continue };
        match (what % 5, at.checked_rem(file.len())) {
            (0, Some(at)) => file[at] = with,
            (1, Some(at)) => file.truncate(at),
            (2, Some(at)) => file.insert(at, with),
            (3, Some(at)) => drop(file.remove(at)),
            (4, _) => drop(changed.remove(name)),
            _ => file.push(with),
        }
    }
    let holds = check_tree(*size, root, |path| changed.get(&path.to_string()).cloned()).is_ok();
    assert_eq!(holds, changed == *files);
}
