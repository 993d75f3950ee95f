//! Proofs made by the crate, and every way to spoil them.

use countersign_tlog::{
    Hash, HashReader, ProofError, ProveError, ReadError, prove_consistency, prove_inclusion, tree_root,
    verify_consistency, verify_inclusion,
};
use proptest::prelude::*;

use crate::support::{leaves, naive_root};

#[test]
fn every_inclusion_proof_of_small_trees_verifies() {
    for size in 1..=70 {
        let leaves = leaves(size);
        let root = naive_root(&leaves);
        for (index, leaf) in leaves.iter().enumerate() {
            let proof = prove_inclusion(index as u64, size as u64, &*leaves).unwrap();
            assert_eq!(verify_inclusion(leaf, index as u64, size as u64, &proof, &root), Ok(()), "{index}/{size}");
        }
    }
}

#[test]
fn every_consistency_proof_of_small_trees_verifies() {
    let leaves = leaves(70);
    for size2 in 1..=70 {
        let root2 = naive_root(&leaves[..size2]);
        for size1 in 1..=size2 {
            let root1 = naive_root(&leaves[..size1]);
            let (size1, size2) = (size1 as u64, size2 as u64);
            let proof = prove_consistency(size1, size2, &*leaves).unwrap();
            assert_eq!(verify_consistency(size1, &root1, size2, &root2, &proof), Ok(()), "{size1} {size2}");
        }
    }
}

#[test]
fn what_has_no_proof_is_refused() {
    let leaves = leaves(3);
    let out_of_range = ProofError::IndexOutOfRange { index: 3, size: 3 };
    assert_eq!(prove_inclusion(3, 3, &*leaves), Err(out_of_range.into()));
    assert_eq!(verify_inclusion(&leaves[0], 3, 3, &[], &leaves[0]), Err(out_of_range));
    assert_eq!(prove_consistency(0, 3, &*leaves), Err(ProofError::EmptyTree.into()));
    let order = ProofError::SizesOutOfOrder { size1: 3, size2: 2 };
    assert_eq!(prove_consistency(3, 2, &*leaves), Err(order.into()));
    assert_eq!(verify_consistency(3, &leaves[0], 2, &leaves[0], &[]), Err(order));
    let codes = [out_of_range, ProofError::EmptyTree, order].map(|error| error.code());
    assert_eq!(codes, ["proof-index-out-of-range", "proof-from-empty-tree", "proof-sizes-out-of-order"]);
}

#[test]
fn a_hash_that_cannot_be_read_is_reported() {
    let leaves = leaves(3);
    let error = prove_inclusion(0, 5, &*leaves).unwrap_err();
    assert_eq!(error, ProveError::Read(ReadError::NotInTree { level: 1, index: 1 }));
    assert_eq!(error.code(), "hash-unreadable");
    assert_eq!(tree_root(4, &*leaves), Err(ReadError::NotInTree { level: 2, index: 0 }));
}

/// Serves a different hash for each place of a tree of any size.
struct AnyTree;

impl HashReader for AnyTree {
    type Error = ReadError;

    fn read(&self, level: u8, index: u64) -> Result<Hash, ReadError> {
        let mut bytes = [level; 32];
        bytes[..8].copy_from_slice(&index.to_be_bytes());
        Ok(Hash(bytes))
    }
}

#[test]
fn the_largest_trees_do_not_overflow() {
    let root = Hash([0; 32]);
    for size in [u64::MAX, u64::MAX - 1, 1 << 63, (1 << 63) + 1] {
        for index in [0, 1, size / 2, size - 2, size - 1] {
            let proof = prove_inclusion(index, size, &AnyTree).unwrap();
            let error = verify_inclusion(&root, index, size, &proof, &root).unwrap_err();
            assert_eq!(error.code(), "proof-root-mismatch", "{index}/{size}");
        }
        for size1 in [1, 2, 3, 1 << 62, (1 << 63) - 1, size - 1] {
            let proof = prove_consistency(size1, size, &AnyTree).unwrap();
            let error = verify_consistency(size1, &root, size, &root, &proof).unwrap_err();
            assert_eq!(error.code(), "proof-root-mismatch", "{size1} {size}");
        }
    }
}

fn flip(proof: &[Hash], bit: usize) -> Vec<Hash> {
    let mut flipped = proof.to_vec();
    let (hash, bit) = (bit / 256 % proof.len().max(1), bit % 256);
    if let Some(hash) = flipped.get_mut(hash) {
        hash.0[bit / 8] ^= 1 << (bit % 8);
    }
    flipped
}

fn flip_hash(hash: &Hash, bit: usize) -> Hash {
    flip(&[*hash], bit % 256)[0]
}

fn place() -> impl Strategy<Value = (usize, usize)> {
    (1usize..600).prop_flat_map(|size| (0..size, Just(size)))
}

proptest! {
    #[test]
    fn a_spoiled_inclusion_proof_fails((index, size) in place(), bit in any::<usize>(), junk in any::<[u8; 32]>()) {
        let leaves = leaves(size);
        let (root, leaf) = (naive_root(&leaves), leaves[index]);
        let (index, size) = (index as u64, size as u64);
        let proof = prove_inclusion(index, size, &*leaves).unwrap();
        let check = |leaf: &Hash, proof: &[Hash], root: &Hash| verify_inclusion(leaf, index, size, proof, root);

        prop_assert_eq!(check(&leaf, &proof, &root), Ok(()));
        prop_assert!(check(&flip_hash(&leaf, bit), &proof, &root).is_err());
        prop_assert!(check(&leaf, &proof, &flip_hash(&root, bit)).is_err());
        let longer = [&proof[..], &[Hash(junk)]].concat();
        prop_assert_eq!(check(&leaf, &longer, &root), Err(ProofError::WrongLength { hashes: longer.len() }));
        if let Some((_, shorter)) = proof.split_last() {
            prop_assert!(check(&leaf, &flip(&proof, bit), &root).is_err());
            prop_assert_eq!(check(&leaf, shorter, &root), Err(ProofError::WrongLength { hashes: shorter.len() }));
        }
    }

    #[test]
    fn a_spoiled_consistency_proof_fails((less, size2) in place(), bit in any::<usize>(), junk in any::<[u8; 32]>()) {
        let leaves = leaves(size2);
        let size1 = less + 1;
        let (root1, root2) = (naive_root(&leaves[..size1]), naive_root(&leaves));
        let (size1, size2) = (size1 as u64, size2 as u64);
        let proof = prove_consistency(size1, size2, &*leaves).unwrap();
        let check = |root1: &Hash, root2: &Hash, proof: &[Hash]| verify_consistency(size1, root1, size2, root2, proof);

        prop_assert_eq!(check(&root1, &root2, &proof), Ok(()));
        prop_assert!(check(&flip_hash(&root1, bit), &root2, &proof).is_err());
        prop_assert!(check(&root1, &flip_hash(&root2, bit), &proof).is_err());
        let longer = [&proof[..], &[Hash(junk)]].concat();
        prop_assert_eq!(check(&root1, &root2, &longer), Err(ProofError::WrongLength { hashes: longer.len() }));
        if let Some((_, shorter)) = proof.split_last() {
            prop_assert!(check(&root1, &root2, &flip(&proof, bit)).is_err());
            prop_assert_eq!(check(&root1, &root2, shorter), Err(ProofError::WrongLength { hashes: shorter.len() }));
        }
    }

    #[test]
    fn verification_never_panics(
        a in any::<u64>(), b in any::<u64>(), hashes in prop::collection::vec(any::<[u8; 32]>(), 0..130),
    ) {
        let proof: Vec<Hash> = hashes.into_iter().map(Hash).collect();
        let root = Hash([1; 32]);
        prop_assert!(verify_inclusion(&root, a, b, &proof, &root).is_err());
        if a != b {
            prop_assert!(verify_consistency(a, &root, b, &root, &proof).is_err());
        }
    }
}
