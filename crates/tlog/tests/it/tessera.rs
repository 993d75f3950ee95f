//! The small log of `testdata/tessera-log`, written by an implementation from elsewhere.

use std::fs;

use countersign_tlog::{
    Checkpoint, Hash, TileLevel, TilePath, TileReader, VerifierKey, check_tree, check_tree_with, empty_root, leaf_hash,
    prove_consistency, prove_inclusion, tree_root, verify_consistency, verify_inclusion,
};

use crate::support::{read, testdata};

const VKEY: &str = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx";

fn open(name: &str) -> Checkpoint {
    let key: VerifierKey = VKEY.parse().unwrap();
    Checkpoint::open(&read(&format!("tessera-log/log/{name}")), &key).unwrap().0
}

fn checkpoints() -> Vec<Checkpoint> {
    (0..16).map(|size| open(&format!("checkpoint.{size}"))).collect()
}

fn fetch(path: &TilePath) -> Option<Vec<u8>> {
    fs::read(testdata("tessera-log/log").join(path.to_string())).ok()
}

#[test]
fn every_checkpoint_opens_and_has_its_size() {
    for (size, checkpoint) in checkpoints().iter().enumerate() {
        assert_eq!(checkpoint.size, size as u64);
        assert_eq!(checkpoint.origin, "example.com/log/testdata");
        let path = format!("tessera-log/log/checkpoint.{size}");
        assert_eq!(
            checkpoint.to_text().unwrap(),
            String::from_utf8(read(&path)).unwrap().split("\n\n").next().unwrap().to_owned() + "\n"
        );
    }
    assert_eq!(open("checkpoint"), checkpoints()[15]);
    assert_eq!(checkpoints()[0].root, empty_root());
}

#[test]
fn tiles_and_entries_of_every_size_match_the_checkpoint() {
    for checkpoint in checkpoints() {
        assert!(check_tree(checkpoint.size, &checkpoint.root, fetch).is_ok(), "{}", checkpoint.size);
    }
}

#[test]
fn the_current_log_reads_in_order() {
    let checkpoint = open("checkpoint");
    let mut entries = Vec::new();
    check_tree_with(checkpoint.size, &checkpoint.root, fetch, |_, entry| entries.push(entry.to_vec())).unwrap();
    assert_eq!(entries.len(), 15);
    assert_eq!(entries[..3], [&b"one"[..], b"two", b"three"]);
    let reader = TileReader::new(checkpoint.size, fetch);
    for (index, entry) in entries.iter().enumerate() {
        let (index, leaf) = (index as u64, leaf_hash(entry));
        let proof = prove_inclusion(index, checkpoint.size, &reader).unwrap();
        assert_eq!(verify_inclusion(&leaf, index, checkpoint.size, &proof, &checkpoint.root), Ok(()), "{index}");
    }
}

#[test]
fn every_two_checkpoints_are_consistent() {
    let checkpoints = checkpoints();
    let reader = TileReader::new(15, fetch);
    let mut pairs = 0;
    for new in &checkpoints {
        assert_eq!(tree_root(new.size, &reader).unwrap(), new.root);
        for old in checkpoints.iter().filter(|old| (1..=new.size).contains(&old.size)) {
            let proof = prove_consistency(old.size, new.size, &reader).unwrap();
            assert_eq!(verify_consistency(old.size, &old.root, new.size, &new.root, &proof), Ok(()));
            pairs += 1;
        }
    }
    assert_eq!(pairs, 15 * 16 / 2);
}

#[test]
fn a_flipped_bit_in_a_tile_is_found() {
    let checkpoint = open("checkpoint");
    let tampered = |path: &TilePath| {
        let mut bytes = fetch(path)?;
        if path.level() == TileLevel::Hashes(0) {
            bytes[Hash::LEN * 4] ^= 1;
        }
        Some(bytes)
    };
    let error = check_tree(checkpoint.size, &checkpoint.root, tampered).unwrap_err();
    assert!(error.to_string().starts_with("tile/0/000.p/15: hash 4 is "), "{error}");
}
