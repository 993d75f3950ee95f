//! Files written so that a crash leaves the old one or the new one, never half of either.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Is a folder the ledger owns.
#[derive(Debug, Clone)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// Opens a folder, making it and its parents if they are missing.
    ///
    /// # Errors
    ///
    /// What the file system says.
    pub fn open(root: impl Into<PathBuf>) -> io::Result<Self> {
        let root = root.into();
        make(&root)?;
        Ok(Self { root })
    }

    /// Names a folder to be read, which may be missing; nothing is made.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
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
        match fs::read(self.root.join(name)) {
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
        sync(&self.write(name, bytes)?)
    }

    /// Writes beside a file and renames over it; returns the folder that is still to be synced.
    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<PathBuf> {
        let path = self.root.join(name);
        let folder = self.folder_of(&path);
        make(&folder)?;
        let beside = path.with_extension("writing");
        let mut file = File::create(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        drop(file);
        fs::rename(&beside, &path)?;
        Ok(folder)
    }

    fn folder_of(&self, path: &Path) -> PathBuf {
        path.parent().unwrap_or(&self.root).to_owned()
    }

    /// Writes a file that never changes; if it is there already, it must hold the same bytes.
    ///
    /// The file's bytes are synced when this returns, but its name only after [`sync`] of the folder that is returned, also
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
        let path = self.root.join(name);
        let done = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        match done {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// Makes a folder and its parents, and syncs the name of each that was missing.
///
/// # Errors
///
/// What the file system says.
pub fn make(folder: &Path) -> io::Result<()> {
    // A relative path ends in the empty one, which is the folder the process is in.
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    let parent = folder.parent().unwrap_or(folder);
    make(parent)?;
    match fs::create_dir(folder) {
        // Another process was quicker.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => {}
        made => made?,
    }
    sync(parent)
}

/// Syncs a folder, so that the names in it survive a crash.
///
/// # Errors
///
/// What the file system says.
pub fn sync(folder: &Path) -> io::Result<()> {
    let here = Path::new(".");
    File::open(if folder.as_os_str().is_empty() { here } else { folder })?.sync_all()
}
