//! Files by their contents, on a real disk.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use countersign_store::artifacts::{ArtifactError, Artifacts, CHUNK_BYTES, Kept, Shelf, Shelved};
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

/// Keeps files in memory, and does nothing once it is told to be away.
#[derive(Debug, Default)]
struct Elsewhere {
    files: Mutex<BTreeMap<Digest, Vec<u8>>>,
    is_away: AtomicBool,
}

impl Elsewhere {
    fn files(&self) -> Result<MutexGuard<'_, BTreeMap<Digest, Vec<u8>>>, ArtifactError> {
        match self.is_away.load(Ordering::Relaxed) {
            true => Err(ArtifactError::Elsewhere("it is away".into())),
            false => Ok(self.files.lock().unwrap()),
        }
    }
}

impl Shelf for Elsewhere {
    fn put(&self, digest: Digest, file: &Path) -> Result<(), ArtifactError> {
        self.files()?.insert(digest, fs::read(file).unwrap());
        Ok(())
    }

    fn open(&self, digest: Digest) -> Result<Option<Shelved>, ArtifactError> {
        let found = self.files()?.get(&digest).cloned();
        Ok(found.map(|bytes| Shelved { size: bytes.len() as u64, bytes: Box::new(std::io::Cursor::new(bytes)) }))
    }

    fn remove(&self, digest: Digest) -> Result<(), ArtifactError> {
        self.files()?.remove(&digest);
        Ok(())
    }
}

fn files_below(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { files_below(&path) } else { 1 }).sum()
}

#[test]
fn files_that_are_kept_elsewhere_are_judged_as_those_here_and_leave_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let shelf = Arc::new(Elsewhere::default());
    let artifacts = Artifacts::open(folder.path(), 1 << 20).unwrap().on(Some(shelf.clone()));
    let bytes = vec![7; CHUNK_BYTES + 5];
    let kept = keep(&artifacts, &bytes);
    assert_eq!(files_below(folder.path()), 0);
    assert_eq!(read(&artifacts, kept, (0, kept.size)), (bytes.clone(), Ok(())));
    assert_eq!(read(&artifacts, kept, (CHUNK_BYTES as u64, kept.size)), (vec![7; 5], Ok(())));

    let changed = Err(ArtifactError::Changed(kept.digest));
    for wrong in [[&bytes[1..], &[8]].concat(), bytes[1..].to_vec(), [&bytes[..], &[7]].concat()] {
        shelf.files().unwrap().insert(kept.digest, wrong);
        let (got, said) = read(&artifacts, kept, (0, kept.size));
        assert!(said == changed && got.len() < bytes.len(), "{} bytes were handed out", got.len());
    }
    artifacts.remove(kept.digest).unwrap();
    artifacts.remove(kept.digest).unwrap();
    assert_eq!(read(&artifacts, kept, (0, kept.size)).1, changed);
}

#[test]
fn while_it_is_away_nothing_is_taken_for_kept_and_nothing_for_gone() {
    let folder = tempfile::tempdir().unwrap();
    let shelf = Arc::new(Elsewhere::default());
    let artifacts = Artifacts::open(folder.path(), 1 << 20).unwrap().on(Some(shelf.clone()));
    let kept = keep(&artifacts, b"there");
    shelf.is_away.store(true, Ordering::Relaxed);
    let mut incoming = artifacts.receive().unwrap();
    incoming.write(b"new").unwrap();
    let away = ArtifactError::Elsewhere("it is away".into());
    assert_eq!(incoming.keep(), Err(away.clone()));
    assert_eq!(read(&artifacts, kept, (0, 5)).1, Err(away.clone()));
    assert_eq!(artifacts.remove(kept.digest), Err(away));
    assert_eq!(files_below(folder.path()), 0);
    shelf.is_away.store(false, Ordering::Relaxed);
    assert_eq!(read(&artifacts, kept, (0, 5)), (b"there".to_vec(), Ok(())));
}

#[test]
fn files_from_before_stay_where_they_are_and_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let before = keep(&Artifacts::open(folder.path(), 10).unwrap(), b"before");
    let shelf = Arc::new(Elsewhere::default());
    let artifacts = Artifacts::open(folder.path(), 10).unwrap().on(Some(shelf.clone()));
    assert_eq!(read(&artifacts, before, (0, 6)), (b"before".to_vec(), Ok(())));
    assert!(shelf.files().unwrap().is_empty());
    // A damaged one is mended by the same bytes, which are elsewhere then.
    fs::write(place(folder.path(), before.digest), b"before?").unwrap();
    assert_eq!(read(&artifacts, before, (0, 6)).1, Err(ArtifactError::Changed(before.digest)));
    assert_eq!(keep(&artifacts, b"before"), before);
    assert_eq!(read(&artifacts, before, (0, 6)), (b"before".to_vec(), Ok(())));
    assert_eq!(files_below(folder.path()), 0);
}
