//! An open file, as SQLite holds it: it behaves as a file of SQLite's own Unix VFS does.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use super::locks::{Level, Locks};
use super::names::{Ino, Node};
use super::{Disk, DiskError};

/// Says how a file is opened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Open {
    pub(crate) writable: bool,
    pub(crate) create: bool,
    pub(crate) exclusive: bool,
    /// The first sync of a file that is made brings its name to the platter too, and passes over it if that fails.
    pub(crate) sync_name: bool,
}

/// Is an open file.
#[derive(Debug)]
pub(crate) struct Handle {
    disk: Arc<Disk>,
    ino: Ino,
    life: u64,
    id: u64,
    writable: bool,
    folder_to_sync: Option<PathBuf>,
    pub(crate) removed_at_end: Option<PathBuf>,
    pub(crate) locks: Arc<Locks>,
}

impl Disk {
    /// Opens a file in the life that has begun last.
    pub(crate) fn open(self: &Arc<Self>, path: &Path, how: Open) -> Result<Handle, DiskError> {
        let mut state = self.state();
        let life = state.life;
        state.is_alive(life)?;
        let (ino, made) = match state.file(path) {
            Ok(_) if how.create && how.exclusive => return Err(DiskError::Exists),
            Err(DiskError::Missing) if how.create => (state.create(path)?, true),
            found => (found?, false),
        };
        let id = state.number();
        let shared = state.locks.get(&ino).and_then(Weak::upgrade).unwrap_or_default();
        state.locks.insert(ino, Arc::downgrade(&shared));
        let folder_to_sync = path.parent().filter(|_| made && how.sync_name).map(Path::to_owned);
        let (writable, removed_at_end) = (how.writable, None);
        Ok(Handle { disk: self.clone(), ino, life, id, writable, folder_to_sync, removed_at_end, locks: shared })
    }

    /// Says whether there is a file of that name with something in it, or a folder.
    pub(crate) fn is_there(&self, path: &Path) -> bool {
        let state = self.state();
        match state.names.get(path) {
            Some(Node::File(ino)) => state.inodes.get(&ino).is_some_and(|inode| !inode.bytes().is_empty()),
            Some(Node::Folder) => true,
            None => false,
        }
    }

    /// Removes a file, and syncs its folder if that is wanted.
    pub(crate) fn delete(&self, path: &Path, sync: bool) -> Result<(), DiskError> {
        let mut state = self.state();
        let life = state.life;
        state.is_alive(life)?;
        state.remove(path)?;
        match path.parent().filter(|_| sync) {
            Some(folder) => state.sync_folder(folder),
            None => Ok(()),
        }
    }
}

impl Handle {
    /// Reads as much as there is from a place on; returns how much that was.
    pub(crate) fn read(&self, at: usize, out: &mut [u8]) -> Result<usize, DiskError> {
        let mut state = self.disk.state();
        state.is_alive(self.life)?;
        let rest = state.read(self.ino)?.get(at..).unwrap_or_default();
        let len = rest.len().min(out.len());
        if let (Some(out), Some(rest)) = (out.get_mut(..len), rest.get(..len)) {
            out.copy_from_slice(rest);
        }
        Ok(len)
    }

    pub(crate) fn write(&self, at: usize, bytes: &[u8]) -> Result<(), DiskError> {
        if !self.writable {
            return Err(DiskError::Failed);
        }
        let mut state = self.disk.state();
        state.is_alive(self.life)?;
        state.write(self.ino, at, bytes)
    }

    pub(crate) fn resize(&self, len: usize) -> Result<(), DiskError> {
        let mut state = self.disk.state();
        state.is_alive(self.life)?;
        state.resize(self.ino, len)
    }

    pub(crate) fn sync(&mut self) -> Result<(), DiskError> {
        self.disk.wait_at_gate(self.life);
        let mut state = self.disk.state();
        state.is_alive(self.life)?;
        state.sync(self.ino)?;
        if let Some(folder) = self.folder_to_sync.take() {
            // SQLite passes over a folder that cannot be synced.
            let _ = state.sync_folder(&folder);
        }
        state.is_alive(self.life)
    }

    pub(crate) fn len(&self) -> Result<usize, DiskError> {
        let state = self.disk.state();
        state.is_alive(self.life)?;
        state.inodes.get(&self.ino).map(|inode| inode.bytes().len()).ok_or(DiskError::Missing)
    }

    /// Raises the lock; false if another is in the way.
    pub(crate) fn lock(&self, to: Level) -> Result<bool, DiskError> {
        self.disk.state().is_alive(self.life)?;
        // The system refuses to lock a file for writing that was opened for reading.
        if to > Level::Shared && !self.writable {
            return Err(DiskError::Failed);
        }
        Ok(self.locks.raise(self.id, to))
    }

    pub(crate) fn unlock(&self, to: Level) {
        self.locks.lower(self.id, to);
    }

    /// Takes slots of the shared memory; false if another is in the way.
    pub(crate) fn take_slots(&self, mask: u32, exclusive: bool) -> Result<bool, DiskError> {
        self.disk.state().is_alive(self.life)?;
        Ok(self.locks.take_slots(self.id, mask, exclusive))
    }

    pub(crate) fn give_slots(&self, mask: u32) {
        self.locks.give_slots(self.id, mask);
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.locks.leave(self.id);
        if let Some(path) = self.removed_at_end.take() {
            let _ = self.disk.delete(&path, false);
        }
    }
}
