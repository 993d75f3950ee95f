//! Files written so that a crash leaves the old one or the new one, never half of either.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use store::mutant::{self, Mutant};

use crate::disk::{Disk, System};

/// Is a folder the ledger owns.
#[derive(Debug, Clone)]
pub struct Folder {
    disk: Arc<dyn Disk>,
    root: PathBuf,
}

impl Folder {
    /// Opens a folder, making it and its parents if they are missing.
    ///
    /// # Errors
    ///
    /// What the file system says.
    pub fn open(disk: Arc<dyn Disk>, root: impl Into<PathBuf>) -> io::Result<Self> {
        let root = root.into();
        make_on(disk.as_ref(), &root)?;
        Ok(Self { disk, root })
    }

    /// Names a folder of the machine's file system to be read, which may be missing; nothing is made.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { disk: Arc::new(System), root: root.into() }
    }

    /// Returns where the folder is.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// Reads a file; `None` if there is none.
    ///
    /// # Errors
    ///
    /// What the file system says, other than that the file is missing.
    pub fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        match self.disk.read(&self.root.join(name)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Replaces a file: writes beside it, syncs, renames, syncs the folder.
    ///
    /// # Errors
    ///
    /// What the file system says; the old file is then still there.
    pub fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.sync(&self.write(name, bytes)?)
    }

    /// Writes beside a file and renames over it; returns the folder that is still to be synced.
    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<PathBuf> {
        let path = self.root.join(name);
        let folder = self.folder_of(&path);
        make_on(self.disk.as_ref(), &folder)?;
        // The whole name stays in it: `checkpoint` and `checkpoint.witnessed` are written at once by two.
        let mut beside = path.clone().into_os_string();
        beside.push(".writing");
        let beside = PathBuf::from(beside);
        self.disk.write(&beside, bytes)?;
        self.disk.rename(&beside, &path)?;
        Ok(folder)
    }

    fn folder_of(&self, path: &Path) -> PathBuf {
        path.parent().unwrap_or(&self.root).to_owned()
    }

    /// Writes a file that never changes; if it is there already, it must hold the same bytes.
    ///
    /// The file's bytes are synced when this returns, but its name only after [`Folder::sync`] of the folder that is returned, also
    /// where another process left the file; nothing that names the file may be written before.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::InvalidData`] if other bytes are there; otherwise what the file system says.
    pub fn place(&self, name: &str, bytes: &[u8]) -> io::Result<PathBuf> {
        match self.read(name)? {
            Some(there) if there == bytes => Ok(self.folder_of(&self.root.join(name))),
            Some(_) => Err(io::Error::new(io::ErrorKind::InvalidData, format!("`{name}` holds other bytes"))),
            None => self.write(name, bytes),
        }
    }

    /// Removes a file or a folder with all that is in it; that it is missing is no error.
    ///
    /// # Errors
    ///
    /// What the file system says.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        match self.disk.remove(&self.root.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Syncs a folder in this one, so that the names in it survive a crash.
    ///
    /// # Errors
    ///
    /// What the file system says.
    pub fn sync(&self, folder: &Path) -> io::Result<()> {
        sync_on(self.disk.as_ref(), folder)
    }
}

/// Makes a folder of the machine's file system and its parents, and syncs the name of each that was missing.
///
/// A folder that is there and holds nothing counts as missing: whoever made it may have died, or failed, before its name was
/// synced. Nothing may be put into a folder before this has returned.
///
/// # Errors
///
/// What the file system says.
pub fn make(folder: &Path) -> io::Result<()> {
    make_on(&System, folder)
}

pub(crate) fn make_on(disk: &dyn Disk, folder: &Path) -> io::Result<()> {
    // A relative path ends in the empty one, which is the folder the process is in.
    let Some(parent) = folder.parent() else { return Ok(()) };
    let is_there = match disk.holds_something(folder) {
        Ok(true) => return Ok(()),
        Ok(false) => true,
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        // A folder that we may not look into is one that somebody else made.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(()),
        Err(error) => return Err(error),
    };
    make_on(disk, parent)?;
    match disk.make_folder(folder) {
        // It was there, or another process was quicker.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => made?,
    }
    match sync_on(disk, parent) {
        Err(error) if is_there && error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        synced => synced,
    }
}

/// Syncs a folder of the machine's file system, so that the names in it survive a crash.
///
/// # Errors
///
/// What the file system says.
pub fn sync(folder: &Path) -> io::Result<()> {
    sync_on(&System, folder)
}

pub(crate) fn sync_on(disk: &dyn Disk, folder: &Path) -> io::Result<()> {
    if mutant::on(Mutant::NoFolderSync) {
        return Ok(());
    }
    let here = Path::new(".");
    disk.sync_folder(if folder.as_os_str().is_empty() { here } else { folder })
}
