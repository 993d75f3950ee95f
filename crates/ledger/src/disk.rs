//! The port through which the ledger's own files reach the disk, so that a simulation can swap it.

use std::fmt::Debug;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

/// Is how much of a file is settled at a time, in bytes.
const CHUNK_BYTES: usize = 1 << 20;

/// Keeps files. SQLite reaches the disk by itself; everything else the ledger writes goes through here.
pub trait Disk: Debug + Send + Sync + 'static {
    /// Reads a file whole.
    ///
    /// # Errors
    ///
    /// What the file system says.
    fn read(&self, file: &Path) -> io::Result<Vec<u8>>;

    /// Writes a file anew and syncs its bytes, but not its name.
    ///
    /// # Errors
    ///
    /// What the file system says; what the file holds is then unknown.
    fn write(&self, file: &Path, bytes: &[u8]) -> io::Result<()>;

    /// Writes some bytes of a file in their place, and syncs nothing.
    ///
    /// - `at`: from where on, in bytes; a multiple of 512, as is the number of bytes, so that a loss of power takes each 512 as a
    ///   whole or not at all.
    ///
    /// # Errors
    ///
    /// What the file system says, [`io::ErrorKind::NotFound`] if there is no such file among it.
    fn overwrite(&self, file: &Path, at: u64, bytes: &[u8]) -> io::Result<()>;

    /// Writes the bytes of a file again in their place and syncs them; that the file is missing is no error.
    ///
    /// After a sync that failed the system shows what was written and has forgotten that it is not on the disk; a second
    /// sync alone would succeed and write nothing. Nobody else may write the file meanwhile.
    ///
    /// # Errors
    ///
    /// What the file system says; each byte is then the old or the new one, which are the same.
    fn settle(&self, file: &Path) -> io::Result<()>;

    /// Gives a file another name, in place of a file that has it.
    ///
    /// # Errors
    ///
    /// What the file system says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Gives a file a second name; both name the same bytes until one is removed or replaced.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::AlreadyExists`] if the name is taken; otherwise what the file system says.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file, or a folder with all that is in it.
    ///
    /// # Errors
    ///
    /// What the file system says.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Returns true if a folder holds a file or a folder.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::NotFound`] if there is no such folder; otherwise what the file system says.
    fn holds_something(&self, folder: &Path) -> io::Result<bool>;

    /// Makes a folder, whose parent is there.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::AlreadyExists`] if the name is taken; otherwise what the file system says.
    fn make_folder(&self, folder: &Path) -> io::Result<()>;

    /// Syncs the names in a folder.
    ///
    /// # Errors
    ///
    /// What the file system says.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;

    /// Takes a file for this process alone, making it if it is missing, until what is returned is dropped.
    ///
    /// # Errors
    ///
    /// [`TryLockError::WouldBlock`] if another has it; otherwise what the file system says.
    fn lock(&self, file: &Path) -> Result<Box<dyn Debug + Send + Sync>, TryLockError>;
}

/// Is the file system of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

impl Disk for System {
    fn read(&self, file: &Path) -> io::Result<Vec<u8>> {
        fs::read(file)
    }

    fn write(&self, file: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = File::create(file)?;
        file.write_all(bytes)?;
        file.sync_all()
    }

    fn overwrite(&self, file: &Path, at: u64, bytes: &[u8]) -> io::Result<()> {
        File::options().write(true).open(file)?.write_all_at(bytes, at)
    }

    fn settle(&self, file: &Path) -> io::Result<()> {
        let file = match File::options().read(true).write(true).open(file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            opened => opened?,
        };
        let mut chunk = vec![0; CHUNK_BYTES];
        let mut at = 0;
        loop {
            let read = file.read_at(&mut chunk, at)?;
            let Some(bytes) = chunk.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
            file.write_all_at(bytes, at)?;
            at += read as u64;
        }
        file.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
    }

    fn holds_something(&self, folder: &Path) -> io::Result<bool> {
        Ok(fs::read_dir(folder)?.next().is_some())
    }

    fn make_folder(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir(folder)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }

    fn lock(&self, file: &Path) -> Result<Box<dyn Debug + Send + Sync>, TryLockError> {
        let options = File::options().create(true).truncate(false).write(true).open(file);
        let file = options.map_err(TryLockError::Error)?;
        file.try_lock()?;
        Ok(Box::new(file))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_settled_file_holds_what_it_held() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("log");
        let bytes: Vec<u8> = (0..CHUNK_BYTES * 2 + 77).map(|n| (n % 251) as u8).collect();
        fs::write(&file, &bytes).unwrap();
        System.settle(&file).unwrap();
        assert_eq!(fs::read(&file).unwrap(), bytes);
        System.settle(&folder.path().join("none")).unwrap();
        assert!(!folder.path().join("none").exists());
    }
}
