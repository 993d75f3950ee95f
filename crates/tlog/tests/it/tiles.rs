//! Tile paths, which tiles a tree has, and hashes read out of tiles.

use std::collections::BTreeSet;

use countersign_tlog::{
    Frontier, Hash, HashReader, TileError, TileLevel, TilePath, TileReader, bundles_between, decode_tile, encode_tile,
    leaf_hash, prove_consistency, prove_inclusion, tiles_between, tree_root, verify_consistency, verify_inclusion,
};
use proptest::prelude::*;

use crate::support::{Log, entry, frontier_of, leaves};

fn path(level: TileLevel, index: u64, width: u16) -> TilePath {
    TilePath::new(level, index, width).unwrap()
}

#[test]
fn paths_are_spelled_as_the_specification_says() {
    let cases = [
        ("tile/0/000", path(TileLevel::Hashes(0), 0, 256)),
        ("tile/0/x001/x234/067", path(TileLevel::Hashes(0), 1_234_067, 256)),
        ("tile/2/999.p/255", path(TileLevel::Hashes(2), 999, 255)),
        ("tile/7/000.p/1", path(TileLevel::Hashes(7), 0, 1)),
        ("tile/entries/x001/000.p/17", path(TileLevel::Entries, 1000, 17)),
        ("tile/entries/x072/x057/x594/x037/x927/935", path(TileLevel::Entries, u64::MAX >> 8, 256)),
    ];
    for (text, path) in cases {
        assert_eq!(path.to_string(), text);
        assert_eq!(text.parse(), Ok(path), "{text}");
    }
}

#[test]
fn other_spellings_are_refused() {
    let malformed = [
        "",
        "tile",
        "tile/",
        "tile/0",
        "tile/0/",
        "/tile/0/000",
        "tile/0/000/",
        "tiles/0/000",
        "tile/00/000",
        "tile/+0/000",
        "tile/-1/000",
        "tile/256/000",
        "tile/x/000",
        "tile/entry/000",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/0/1000",
        "tile/0/x000",
        "tile/0/x000/001",
        "tile/0/001/001",
        "tile/0/x001/x001",
        "tile/0/x1/001",
        "tile/0/+01",
        "tile/0/xx01/001",
        "tile/0//001",
        "tile/0/000.p",
        "tile/0/000.p/",
        "tile/0/000.p/01",
        "tile/0/000.p/+1",
        "tile/0/000.p/256",
        "tile/0/000.p/1.p/1",
        "tile/0/000.p/65536",
        "tile/0/000 ",
        "tile/0/x018/x446/x744/x073/x709/x551/616",
        "tile/0/\u{661}00",
    ];
    for text in malformed {
        assert_eq!(text.parse::<TilePath>(), Err(TileError::Path), "{text}");
    }
    let nowhere = [
        "tile/8/000",
        "tile/63/000",
        "tile/64/000",
        "tile/7/001",
        "tile/0/000.p/0",
        "tile/0/000.p/257",
        "tile/0/x072/x057/x594/x037/x927/936",
    ];
    for text in nowhere {
        assert_eq!(text.parse::<TilePath>(), Err(TileError::OutOfRange), "{text}");
    }
    assert_eq!((TileError::Path.code(), TileError::OutOfRange.code()), ("tile-path-malformed", "tile-path-malformed"));
}

/// "a tree of size 70,000 will be represented by 273 full level 0 tiles, one partial level 0 tile of width 112,
/// one full level 1 tile, one partial level 1 tile of width 17, and one partial level 2 tile of width 1"
#[test]
fn a_tree_has_the_tiles_of_the_specifications_example() {
    let tiles: Vec<TilePath> = tiles_between(0, 70_000).collect();
    assert_eq!(tiles.len(), 273 + 1 + 1 + 1 + 1);
    assert!(tiles[..273].iter().all(|tile| tile.level() == TileLevel::Hashes(0) && !tile.is_partial()));
    let rest: Vec<String> = tiles[273..].iter().map(TilePath::to_string).collect();
    assert_eq!(rest, ["tile/0/273.p/112", "tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1"]);
    let of_256: Vec<String> = tiles_between(0, 256).map(|tile| tile.to_string()).collect();
    assert_eq!(of_256, ["tile/0/000", "tile/1/000.p/1"]);
    assert_eq!(bundles_between(0, 70_000).count(), 274);
}

#[test]
fn growth_adds_exactly_the_tiles_the_old_tree_lacks() {
    let sizes = [0, 1, 2, 255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537, 66_000];
    for old in sizes {
        let had: BTreeSet<TilePath> = tiles_between(0, old).chain(bundles_between(0, old)).collect();
        for new in sizes {
            let has: BTreeSet<TilePath> = tiles_between(0, new).chain(bundles_between(0, new)).collect();
            let added: BTreeSet<TilePath> = tiles_between(old, new).chain(bundles_between(old, new)).collect();
            let expected = if old < new { has.difference(&had).copied().collect() } else { BTreeSet::new() };
            assert_eq!(added, expected, "from {old} to {new}");
        }
    }
}

#[test]
fn the_largest_tree_lists_its_tiles_lazily() {
    assert_eq!(tiles_between(0, u64::MAX).next().unwrap().to_string(), "tile/0/000");
    let last: Vec<String> = tiles_between(u64::MAX - 1, u64::MAX).map(|tile| tile.to_string()).collect();
    assert_eq!(last, ["tile/0/x072/x057/x594/x037/x927/935.p/255"]);
}

#[test]
fn a_tile_is_its_hashes_in_a_row() {
    let row = leaves(3);
    let bytes = encode_tile(&row).unwrap();
    assert_eq!(bytes.len(), 96);
    assert_eq!(decode_tile(&bytes, 3).unwrap(), row);
    for (bytes, width) in [(&bytes[..], 2), (&bytes, 4), (&bytes[..95], 3), (&[], 1)] {
        let error = decode_tile(bytes, width).unwrap_err();
        assert_eq!(error, TileError::Length { width, bytes: bytes.len() });
        assert_eq!(error.code(), "tile-malformed");
    }
    assert_eq!(encode_tile(&[]), Err(TileError::Width(0)));
    assert_eq!(encode_tile(&vec![row[0]; 257]), Err(TileError::Width(257)));
}

#[test]
fn every_hash_read_from_tiles_is_the_one_of_the_leaves() {
    let (log, leaves) = (Log::new(1_100), leaves(1_100));
    let reader = TileReader::new(log.size, |path: &TilePath| log.fetch(path));
    for level in 0..=10u8 {
        let count = log.size >> level;
        for index in 0..count {
            assert_eq!(reader.read(level, index).unwrap(), leaves.read(level, index).unwrap(), "{level} {index}");
        }
        let error = TileError::NotInTree { level, index: count };
        assert_eq!(reader.read(level, count), Err(error), "{level}");
        assert_eq!(error.code(), "hash-not-in-tree");
    }
    assert_eq!(tree_root(log.size, &reader).unwrap(), log.root);
    assert_eq!(Frontier::read(log.size, &reader).unwrap(), frontier_of(&leaves));
}

#[test]
fn nothing_asked_of_a_reader_makes_it_panic() {
    let log = Log::new(300);
    let reader = TileReader::new(300, |path: &TilePath| log.fetch(path));
    for level in [0, 1, 7, 8, 9, 55, 56, 63, 64, 127, 255] {
        for index in [1 << 20, u64::MAX >> 8, u64::MAX - 1, u64::MAX] {
            assert_eq!(reader.read(level, index), Err(TileError::NotInTree { level, index }));
            assert!(leaves(3).read(level, index).is_err());
        }
    }
    let huge = TileReader::new(u64::MAX, |_: &TilePath| None);
    assert!(matches!(huge.read(63, 0), Err(TileError::Missing(_))));
    assert_eq!(huge.read(63, 0).unwrap_err().code(), "tile-missing");
}

#[test]
fn partial_tiles_that_are_gone_are_taken_from_the_full_ones() {
    let mut log = Log::new(512);
    // The level above has not grown into a full tile, so that its partial tiles must still be there.
    log.files.insert("tile/1/000.p/1".into(), log.files["tile/1/000.p/2"][..Hash::LEN].to_vec());
    for size in [100, 255, 256, 300, 511] {
        let reader = TileReader::new(size, |path: &TilePath| log.fetch(path));
        assert_eq!(tree_root(size, &reader).unwrap(), frontier_of(&leaves(size as usize)).root(), "{size}");
        assert_eq!(reader.read(0, size), Err(TileError::NotInTree { level: 0, index: size }));
    }
    let beyond = TileReader::new(600, |path: &TilePath| log.fetch(path));
    let missing = path(TileLevel::Hashes(0), 2, 88);
    assert_eq!(beyond.read(0, 599), Err(TileError::Missing(missing)));
    assert_eq!(TileError::Missing(missing).to_string(), "tile/0/002.p/88 is missing");
}

#[test]
fn a_tile_of_the_wrong_length_is_refused() {
    let mut log = Log::new(10);
    log.files.get_mut("tile/0/000.p/10").unwrap().pop();
    let reader = TileReader::new(10, |path: &TilePath| log.fetch(path));
    assert_eq!(reader.read(0, 0), Err(TileError::Length { width: 10, bytes: 319 }));
}

#[test]
fn proofs_from_tiles_of_a_tree_with_three_levels_verify() {
    let size = 66_000;
    let log = Log::new(size as usize);
    let reader = TileReader::new(size, |path: &TilePath| log.fetch(path));
    for index in [0, 1, 255, 256, 65_535, 65_536, 65_999] {
        let proof = prove_inclusion(index, size, &reader).unwrap();
        let leaf = leaf_hash(&entry(index as usize));
        assert_eq!(verify_inclusion(&leaf, index, size, &proof, &log.root), Ok(()), "{index}");
    }
    for size1 in [1, 255, 256, 300, 65_535, 65_536, 65_537, 65_999, 66_000] {
        let proof = prove_consistency(size1, size, &reader).unwrap();
        let root1 = tree_root(size1, &reader).unwrap();
        assert_eq!(verify_consistency(size1, &root1, size, &log.root, &proof), Ok(()), "{size1}");
    }
}

fn any_path() -> impl Strategy<Value = TilePath> {
    let level = prop_oneof![Just(TileLevel::Entries), (0u8..=7).prop_map(TileLevel::Hashes)];
    (level, any::<u64>(), 0u32..64, 1u16..=256).prop_map(|(level, index, shift, width)| {
        let height = if let TileLevel::Hashes(level) = level { level } else { 0 };
        let index = (index >> shift) & ((u64::MAX >> 8) >> (8 * height));
        TilePath::new(level, index, width).unwrap()
    })
}

proptest! {
    #[test]
    fn a_path_reads_back(path in any_path()) {
        prop_assert_eq!(path.to_string().parse(), Ok(path));
    }

    #[test]
    fn what_parses_prints_the_same(text in "tile/([0-9]{1,2}|entries)/(x?[0-9]{3}/){0,3}[0-9]{3}(\\.p/[0-9]{1,3})?") {
        if let Ok(path) = text.parse::<TilePath>() {
            prop_assert_eq!(path.to_string(), text);
        }
    }

    #[test]
    fn parsing_never_panics(text in ".*") {
        prop_assert_eq!(text.parse::<TilePath>(), Err(TileError::Path));
    }

    #[test]
    fn a_tile_in_a_tree_has_places_of_that_tree(level in 0u8..=9, index in any::<u64>(), size in any::<u64>(), shift in 0u32..64) {
        if let Some(path) = TilePath::in_tree(TileLevel::Hashes(level), index >> shift, size) {
            for (level, index) in path.places() {
                prop_assert!(index < size >> level);
            }
        }
    }

    #[test]
    fn decoding_is_the_inverse_of_encoding(row in prop::collection::vec(any::<[u8; 32]>(), 1..=256)) {
        let row: Vec<Hash> = row.into_iter().map(Hash).collect();
        prop_assert_eq!(decode_tile(&encode_tile(&row).unwrap(), row.len() as u16).unwrap(), row);
    }
}
