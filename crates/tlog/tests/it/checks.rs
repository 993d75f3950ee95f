//! The check of a whole log finds every planted fault and says where it is.

use std::collections::BTreeSet;

use countersign_tlog::{
    BundleError, CheckError, FrontierError, Hash, TileError, check_tree, check_tree_with, encode_bundle,
};

use crate::support::{Log, entry, frontier_of, leaves};

fn check(log: &Log) -> Result<(), CheckError> {
    check_tree(log.size, &log.root, |path| log.fetch(path)).map(|_| ())
}

#[test]
fn sound_logs_pass_and_give_their_frontier() {
    for size in [0, 1, 2, 255, 256, 257, 511, 512, 1_000, 66_000] {
        let log = Log::new(size);
        let frontier = check_tree(log.size, &log.root, |path| log.fetch(path)).unwrap();
        assert_eq!(frontier, frontier_of(&leaves(size)), "{size}");
    }
}

#[test]
fn every_file_is_fetched_once_and_every_entry_seen_in_order() {
    let log = Log::new(1_000);
    let mut fetched = Vec::new();
    let mut seen = 0;
    let fetch = |path: &_| {
        fetched.push(format!("{path}"));
        log.fetch(path)
    };
    check_tree_with(log.size, &log.root, fetch, |index, bytes| {
        assert_eq!((index, bytes), (seen, &*entry(seen as usize)));
        seen += 1;
    })
    .unwrap();
    assert_eq!(seen, 1_000);
    assert_eq!(fetched.len(), log.files.len());
    assert_eq!(fetched.into_iter().collect::<BTreeSet<_>>(), log.files.keys().cloned().collect());
}

#[test]
fn a_flipped_bit_in_any_file_is_found_there() {
    let sound = Log::new(600);
    for name in sound.files.keys() {
        for at in [0, sound.files[name].len() - 1] {
            let mut log = sound.clone();
            log.files.get_mut(name).unwrap()[at] ^= 1;
            let found_in = match check(&log).unwrap_err() {
                CheckError::Mismatch { path, .. } | CheckError::Bundle { path, .. } => path.to_string(),
                other => panic!("{name}: {other}"),
            };
            // A changed entry shows where its leaf hash stands.
            assert!(found_in == *name || found_in == name.replace("entries", "0"), "{name}: {found_in}");
        }
    }
}

#[test]
fn a_changed_entry_is_named() {
    let mut log = Log::new(600);
    let mut entries: Vec<_> = (512..600).map(entry).collect();
    entries[40] = b"forged".to_vec();
    log.files.insert("tile/entries/002.p/88".into(), encode_bundle(&entries).unwrap());
    let error = check(&log).unwrap_err();
    assert_eq!(error.code(), "tile-mismatch");
    let CheckError::Mismatch { path, offset, entry, .. } = error else { panic!("{error}") };
    assert_eq!((path.to_string().as_str(), offset, entry), ("tile/0/002.p/88", 40, 552));
}

#[test]
fn a_changed_hash_in_an_upper_tile_is_named() {
    let mut log = Log::new(66_000);
    log.files.get_mut("tile/1/001.p/1").unwrap()[5] ^= 4;
    let CheckError::Mismatch { path, offset, entry, found, computed } = check(&log).unwrap_err() else { panic!() };
    assert_eq!((path.to_string().as_str(), offset, entry), ("tile/1/001.p/1", 0, 65_536));
    assert_ne!(found, computed);

    let mut log = Log::new(66_000);
    log.files.get_mut("tile/1/000").unwrap()[32 * 9] ^= 4;
    let CheckError::Mismatch { path, offset, entry, .. } = check(&log).unwrap_err() else { panic!() };
    assert_eq!((path.to_string().as_str(), offset, entry), ("tile/1/000", 9, 9 * 256));

    let mut log = Log::new(66_000);
    log.files.get_mut("tile/2/000.p/1").unwrap()[31] ^= 4;
    let CheckError::Mismatch { path, offset, entry, .. } = check(&log).unwrap_err() else { panic!() };
    assert_eq!((path.to_string().as_str(), offset, entry), ("tile/2/000.p/1", 0, 0));
}

#[test]
fn the_first_fault_is_the_one_reported() {
    let mut log = Log::new(600);
    log.files.get_mut("tile/0/001").unwrap()[32 * 7] ^= 1;
    log.files.get_mut("tile/0/002.p/88").unwrap()[0] ^= 1;
    let CheckError::Mismatch { entry, .. } = check(&log).unwrap_err() else { panic!() };
    assert_eq!(entry, 256 + 7);
}

#[test]
fn a_missing_file_is_named() {
    let sound = Log::new(600);
    for name in sound.files.keys() {
        let mut log = sound.clone();
        log.files.remove(name);
        let error = check(&log).unwrap_err();
        assert_eq!((error.to_string(), error.code()), (format!("{name} is missing"), "tile-missing"));
    }
}

#[test]
fn a_wrong_root_is_found_last() {
    let mut log = Log::new(600);
    log.root = Hash([1; 32]);
    let error = check(&log).unwrap_err();
    assert!(matches!(error, CheckError::Root { expected, .. } if expected == log.root), "{error}");
    assert_eq!(error.code(), "tree-root-mismatch");
    let error = check_tree(0, &log.root, |_| None).unwrap_err();
    assert_eq!(error.code(), "tree-root-mismatch");
}

#[test]
fn files_of_the_wrong_form_are_named() {
    let mut log = Log::new(600);
    log.files.get_mut("tile/0/001").unwrap().pop();
    let error = check(&log).unwrap_err();
    assert!(matches!(error, CheckError::Tile { error: TileError::Length { width: 256, bytes: 8191 }, .. }), "{error}");
    assert_eq!((error.to_string().split(':').next(), error.code()), (Some("tile/0/001"), "tile-malformed"));

    let mut log = Log::new(600);
    log.files.get_mut("tile/entries/001").unwrap().extend([0, 0]);
    let error = check(&log).unwrap_err();
    assert!(matches!(error, CheckError::Bundle { error: BundleError::Count, .. }), "{error}");
    assert_eq!(error.code(), "bundle-malformed");
}

#[test]
fn a_smaller_tree_is_checked_against_the_full_tiles_of_a_larger_one() {
    let mut log = Log::new(512);
    // The level above has not grown into a full tile, so that its partial tiles must still be there.
    log.files.insert("tile/1/000.p/1".into(), log.files["tile/1/000.p/2"][..Hash::LEN].to_vec());
    for size in [1, 200, 256, 300, 511] {
        let root = frontier_of(&leaves(size)).root();
        assert!(check_tree(size as u64, &root, |path| log.fetch(path)).is_ok(), "{size}");
    }
    log.files.get_mut("tile/0/000").unwrap()[32 * 255] ^= 1;
    assert!(check_tree(255, &frontier_of(&leaves(255)).root(), |path| log.fetch(path)).is_ok());
    assert!(check(&log).is_err());
}

#[test]
fn a_size_far_beyond_the_files_ends_at_the_first_missing_one() {
    let log = Log::new(512);
    let error = check_tree(u64::MAX, &log.root, |path| log.fetch(path)).unwrap_err();
    assert_eq!(error.to_string(), "tile/1/000 is missing");
    assert_eq!(CheckError::from(FrontierError::Full).code(), "tree-full");
}
