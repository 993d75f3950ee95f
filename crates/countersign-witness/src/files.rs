//! Files written so that a crash leaves the old one or the new one, never half of either.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use types::Code;

use crate::failure::Failure;

/// Is a folder taken for this process alone, until it is dropped.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "the lock ends when the file is closed")] File);

/// Takes a folder that exists.
///
/// # Errors
///
/// `data-folder-busy` if another process has it; `file-unusable` if it cannot be used.
pub fn lock(folder: &Path) -> Result<Lock, Failure> {
    let path = folder.join("lock");
    let opened = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
    let file = opened.map_err(|error| Failure::file(&path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => {
            let message = format!("another process has the witness in `{}`", folder.display());
            Err(Failure::failed(Code::DataFolderBusy, message))
        }
        Err(TryLockError::Error(error)) => Err(Failure::file(&path, error)),
    }
}

/// Reads a file of at most `len_max` bytes; one byte more is read of a longer one, so that it shows.
///
/// # Errors
///
/// What the file system says.
pub fn read(path: &Path, len_max: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(len_max as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Makes a folder that only its owner can enter, and syncs its name; that it is there already is no error.
///
/// # Errors
///
/// What the file system says.
pub fn make(folder: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        made => made.and_then(|()| sync(parent(folder))),
    }
}

/// Replaces a file that only its owner can read: writes beside it, syncs, renames, syncs the folder.
///
/// # Errors
///
/// What the file system says. If syncing the folder fails, either file may be found after a crash.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("writing");
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        // What a crash has left may be readable by others, so a new file is made.
        _ => {}
    }
    let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    sync(parent(path))
}

/// Syncs a folder, so that the names in it survive a crash.
///
/// # Errors
///
/// What the file system says.
pub fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Returns the folder a path is in; a path of one part is in the folder of the process.
fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
