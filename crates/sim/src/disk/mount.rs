//! The ledger's own files on a simulated disk.

use std::fmt::Debug;
use std::fs::TryLockError;
use std::io;
use std::path::Path;
use std::sync::{Arc, MutexGuard, Weak};

use super::names::Node;
use super::{Disk, DiskError, State};

/// Is a disk as one life of the process sees it.
#[derive(Debug)]
pub struct Mount {
    disk: Arc<Disk>,
    life: u64,
}

impl From<DiskError> for io::Error {
    fn from(error: DiskError) -> Self {
        let kind = match error {
            DiskError::Off | DiskError::Failed => io::ErrorKind::Other,
            DiskError::Missing => io::ErrorKind::NotFound,
            DiskError::Exists => io::ErrorKind::AlreadyExists,
            DiskError::Full => io::ErrorKind::StorageFull,
        };
        Self::new(kind, error)
    }
}

impl Mount {
    /// Mounts a disk for the life that has begun.
    pub fn new(disk: &Arc<Disk>) -> Self {
        let life = disk.state().life;
        Self { disk: disk.clone(), life }
    }

    fn alive(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.disk.state();
        state.is_alive(self.life)?;
        Ok(state)
    }
}

impl ledger::Disk for Mount {
    fn read(&self, file: &Path) -> io::Result<Vec<u8>> {
        let mut state = self.alive()?;
        let ino = state.file(file)?;
        Ok(state.read(ino)?.to_owned())
    }

    fn write(&self, file: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.alive()?;
        let ino = match state.file(file) {
            Ok(ino) => {
                state.resize(ino, 0)?;
                ino
            }
            Err(DiskError::Missing) => state.create(file)?,
            Err(error) => return Err(error.into()),
        };
        state.write(ino, 0, bytes)?;
        Ok(state.sync(ino)?)
    }

    fn overwrite(&self, file: &Path, at: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.alive()?;
        let ino = state.file(file)?;
        let at = usize::try_from(at).map_err(|_| io::ErrorKind::InvalidInput)?;
        Ok(state.write(ino, at, bytes)?)
    }

    fn settle(&self, file: &Path) -> io::Result<()> {
        let mut state = self.alive()?;
        let ino = match state.file(file) {
            Err(DiskError::Missing) => return Ok(()),
            found => found?,
        };
        let bytes = state.read(ino)?.to_owned();
        state.write(ino, 0, &bytes)?;
        Ok(state.sync(ino)?)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.alive()?;
        let ino = state.file(from)?;
        if state.names.get(to) == Some(Node::Folder) {
            return Err(DiskError::Exists.into());
        }
        state.names.rename(from, to, Node::File(ino));
        Ok(state.tick("rename", [ino, 0, 0])?)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.alive()?;
        let ino = state.file(from)?;
        if state.names.get(to).is_some() {
            return Err(DiskError::Exists.into());
        }
        state.names.bind(to, Node::File(ino));
        Ok(state.tick("link", [ino, 0, 0])?)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        Ok(self.alive()?.remove(path)?)
    }

    fn holds_something(&self, folder: &Path) -> io::Result<bool> {
        let state = self.alive()?;
        match state.names.get(folder) {
            // What the disk is mounted at is there for good.
            _ if self.disk.root().starts_with(folder) => Ok(true),
            Some(Node::Folder) => Ok(state.names.holds_something(folder)),
            Some(Node::File(_)) => Err(io::ErrorKind::NotADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn make_folder(&self, folder: &Path) -> io::Result<()> {
        let mut state = self.alive()?;
        if state.names.get(folder).is_some() {
            return Err(DiskError::Exists.into());
        }
        if !state.names.has_parent(folder) {
            return Err(DiskError::Missing.into());
        }
        state.names.bind(folder, Node::Folder);
        Ok(state.tick("folder", [0; 3])?)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        Ok(self.alive()?.sync_folder(folder)?)
    }

    fn lock(&self, file: &Path) -> Result<Box<dyn Debug + Send + Sync>, TryLockError> {
        let mut state = self.alive().map_err(TryLockError::Error)?;
        if let Err(DiskError::Missing) = state.file(file) {
            state.create(file).map_err(|error| TryLockError::Error(error.into()))?;
        }
        if state.folders.get(file).and_then(Weak::upgrade).is_some() {
            return Err(TryLockError::WouldBlock);
        }
        let held = Arc::new(());
        state.folders.insert(file.to_owned(), Arc::downgrade(&held));
        Ok(Box::new(held))
    }
}
