//! Files by their contents, on a real disk.

use std::fs;
use std::path::Path;

use countersign_store::artifacts::{ArtifactError, Artifacts, CHUNK_BYTES, Kept};
use proptest::prelude::*;
use types::Digest;

fn keep(artifacts: &Artifacts, bytes: &[u8]) -> Kept {
    let mut incoming = artifacts.receive().unwrap();
    bytes.chunks(1_000).for_each(|chunk| incoming.write(chunk).unwrap());
    incoming.keep().unwrap()
}

/// Reads bytes of a file, as far as they are handed out.
fn read(artifacts: &Artifacts, kept: Kept, range: (u64, u64)) -> (Vec<u8>, Result<(), ArtifactError>) {
    let mut bytes = Vec::new();
    let mut outgoing = match artifacts.read(kept.digest, kept.size, range) {
        Ok(outgoing) => outgoing,
        Err(error) => return (bytes, Err(error)),
    };
    loop {
        match outgoing.read_on() {
            Ok(Some(more)) => bytes.extend(more),
            Ok(None) => return (bytes, Ok(())),
            Err(error) => return (bytes, Err(error)),
        }
    }
}

fn place(folder: &Path, digest: Digest) -> std::path::PathBuf {
    folder.join(digest.short(2)).join(digest.to_string())
}

#[test]
fn a_file_is_kept_once_under_the_digest_that_other_tools_compute() {
    let folder = tempfile::tempdir().unwrap();
    let artifacts = Artifacts::open(folder.path(), 1 << 20).unwrap();
    let kept = keep(&artifacts, b"abc");
    assert_eq!(kept.digest.to_string(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_eq!(keep(&artifacts, b"abc"), kept);
    assert_eq!(fs::read(place(folder.path(), kept.digest)).unwrap(), b"abc");
    assert_eq!(fs::read_dir(folder.path().join("incoming")).unwrap().count(), 0);
    artifacts.remove(kept.digest).unwrap();
    artifacts.remove(kept.digest).unwrap();
    assert_eq!(read(&artifacts, kept, (0, 3)).1, Err(ArtifactError::Changed(kept.digest)));
}

#[test]
fn what_is_too_large_or_does_not_arrive_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let artifacts = Artifacts::open(folder.path(), 10).unwrap();
    let mut incoming = artifacts.receive().unwrap();
    incoming.write(&[1; 10]).unwrap();
    assert_eq!(incoming.write(&[1]), Err(ArtifactError::TooLarge(10)));
    assert_eq!(fs::read_dir(folder.path().join("incoming")).unwrap().count(), 1);
    drop(incoming);
    assert_eq!(fs::read_dir(folder.path().join("incoming")).unwrap().count(), 0);
    // A process that ends drops nothing.
    std::mem::forget(artifacts.receive().unwrap());
    drop(artifacts);
    let artifacts = Artifacts::open(folder.path(), 10).unwrap();
    assert_eq!(fs::read_dir(folder.path().join("incoming")).unwrap().count(), 0);
    assert_eq!(keep(&artifacts, b"0123456789").size, 10);
}

#[test]
fn the_same_bytes_mend_a_file_that_was_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let artifacts = Artifacts::open(folder.path(), 1 << 20).unwrap();
    let kept = keep(&artifacts, b"right");
    fs::write(place(folder.path(), kept.digest), b"wrong").unwrap();
    assert_eq!(read(&artifacts, kept, (0, 5)), (Vec::new(), Err(ArtifactError::Changed(kept.digest))));
    keep(&artifacts, b"right");
    assert_eq!(read(&artifacts, kept, (0, 5)), (b"right".to_vec(), Ok(())));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever byte is changed, and whatever part is asked for, nobody gets all that was promised.
    #[test]
    fn a_changed_byte_is_never_handed_out_as_whole(
        size in 1..(3 * CHUNK_BYTES),
        place_of_change in any::<prop::sample::Index>(),
        from in any::<prop::sample::Index>(),
        to in any::<prop::sample::Index>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let artifacts = Artifacts::open(folder.path(), 1 << 30).unwrap();
        let mut bytes: Vec<u8> = (0..size).map(|n| (n % 251) as u8).collect();
        let kept = keep(&artifacts, &bytes);
        let (from, to) = (from.index(size), to.index(size));
        let (from, to) = (from.min(to), from.max(to) + 1);
        let range = (from as u64, to as u64);
        prop_assert_eq!(read(&artifacts, kept, range), (bytes[from..to].to_vec(), Ok(())));
        bytes[place_of_change.index(size)] ^= 1;
        fs::write(place(folder.path(), kept.digest), &bytes).unwrap();
        let (got, ended) = read(&artifacts, kept, range);
        prop_assert_eq!(ended, Err(ArtifactError::Changed(kept.digest)));
        prop_assert!(got.len() < to - from);
    }
}
