//! The disks there are, found by the folder they are mounted at: SQLite knows a file by its path alone.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::Disk;

#[derive(Default)]
struct Registry {
    last: u64,
    disks: BTreeMap<PathBuf, Weak<Disk>>,
}

static REGISTRY: Mutex<Registry> = Mutex::new(Registry { last: 0, disks: BTreeMap::new() });

/// Mounts a disk at a folder that none had before.
pub(crate) fn register(make: impl FnOnce(PathBuf) -> Disk) -> Arc<Disk> {
    let mut registry = REGISTRY.lock().unwrap_or_else(PoisonError::into_inner);
    registry.last += 1;
    let root = PathBuf::from(format!("/disk-{}", registry.last));
    let disk = Arc::new(make(root.clone()));
    registry.disks.retain(|_, disk| disk.strong_count() > 0);
    registry.disks.insert(root, Arc::downgrade(&disk));
    disk
}

/// Returns the disk a path is on.
pub(crate) fn disk_of(path: &Path) -> Option<Arc<Disk>> {
    let root: PathBuf = path.components().take_while(|part| *part == Component::RootDir).collect();
    let root = root.join(path.components().nth(1)?);
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner).disks.get(&root)?.upgrade()
}
