//! The frontier against the naive tree, and its byte form.

use countersign_tlog::{Frontier, FrontierError, Hash, HashReader};
use proptest::prelude::*;

use crate::support::{frontier_of, leaves, naive_root};

#[test]
fn the_root_is_the_naive_one_at_every_size_up_to_600() {
    let leaves = leaves(600);
    let mut frontier = Frontier::new();
    for size in 0..=600 {
        assert_eq!(frontier.size(), size as u64);
        assert_eq!(frontier.root(), naive_root(&leaves[..size]), "size {size}");
        assert_eq!(Frontier::from_bytes(&frontier.to_bytes()).unwrap(), frontier);
        assert_eq!(Frontier::read(size as u64, &leaves[..size]).unwrap(), frontier);
        if let Some(leaf) = leaves.get(size) {
            frontier.push(*leaf).unwrap();
        }
    }
}

#[test]
fn pushing_visits_every_completed_subtree_once() {
    let leaves = leaves(300);
    let mut frontier = Frontier::new();
    let mut visited = Vec::new();
    for leaf in &leaves {
        frontier.push_with(*leaf, |level, index, hash| visited.push((level, index, hash))).unwrap();
    }
    let expected: usize = (0..9).map(|level| 300 >> level).sum();
    assert_eq!(visited.len(), expected);
    for (level, index, hash) in visited {
        assert_eq!(leaves.read(level, index), Ok(hash), "level {level} index {index}");
    }
}

#[test]
fn a_wrong_count_of_hashes_is_refused() {
    let bytes = frontier_of(&leaves(7)).to_bytes();
    assert_eq!(bytes.len(), 8 + 3 * Hash::LEN);
    let longer = [&bytes[..], &[0; Hash::LEN]].concat();
    let ragged = [&bytes[..], &[0]].concat();
    for wrong in [&[][..], &bytes[..7], &bytes[..8], &bytes[..8 + 64], &bytes[..bytes.len() - 1], &longer, &ragged] {
        let error = Frontier::from_bytes(wrong).unwrap_err();
        assert_eq!(error, FrontierError::Malformed { bytes: wrong.len() });
        assert_eq!(error.code(), "frontier-malformed");
    }
}

#[test]
fn a_full_tree_refuses_another_leaf() {
    let mut bytes = u64::MAX.to_be_bytes().to_vec();
    bytes.extend([7; 64 * Hash::LEN]);
    let mut frontier = Frontier::from_bytes(&bytes).unwrap();
    let before = frontier.clone();
    assert_eq!(frontier.push(Hash([0; 32])), Err(FrontierError::Full));
    assert_eq!(frontier, before);
    frontier.root();
}

proptest! {
    #[test]
    fn decoding_never_panics_and_is_exact(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(frontier) = Frontier::from_bytes(&bytes) {
            prop_assert_eq!(frontier.to_bytes(), bytes);
        }
    }
}
