//! The folder: files in it are read and written without following a link, each write whole or not at all.
//!
//! A path is opened name by name, each below the folder that was opened before it and none through a link, so that a link that is swapped in leads nowhere.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{AtFlags, CWD, FileType, Gid, Mode, OFlags, RenameFlags, Uid};
use rustix::fs::{fchmod, fchown, fsync, mkdirat, openat, renameat, renameat_with, statat, unlinkat};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::error::FileError;
use super::path::Place;
use crate::fault::{Fault, step};

/// Opens a folder without following a link.
pub const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Opens a file without following a link, or waiting for the other end of a pipe.
pub const FILE: OFlags = OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);

const TEMPORARY: OFlags =
    OFlags::WRONLY.union(OFlags::CREATE).union(OFlags::EXCL).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Is what a file is, as far as it is compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The digest of its bytes.
    pub sha256: String,
    /// How many they are.
    pub size: u64,
    /// Its permission bits.
    pub mode: u32,
}

impl Seen {
    /// Is what a file of these bytes is.
    pub fn of(bytes: &[u8], mode: u32) -> Self {
        Self { sha256: hex::encode(Sha256::digest(bytes)), size: bytes.len() as u64, mode }
    }
}

/// Is a folder that is made, or removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folder {
    pub path: Place,
    pub mode: u32,
}

/// Is a regular file that was read.
#[derive(Debug)]
pub struct Found {
    pub seen: Seen,
    pub owner: (u32, u32),
    /// How many names it has.
    pub names: u64,
    /// Absent if they are more than were asked for.
    pub bytes: Option<Vec<u8>>,
}

/// Is what there is at a path.
#[derive(Debug)]
pub enum Current {
    Absent,
    File(Found),
    /// A link, a folder, a device, or something below what is no folder.
    Other(&'static str),
}

impl Current {
    /// Says whether it is that file, or no file.
    pub fn is(&self, seen: Option<&Seen>) -> bool {
        match (self, seen) {
            (Self::Absent, None) => true,
            (Self::File(found), Some(seen)) => found.seen == *seen,
            _ => false,
        }
    }
}

/// Is what a file becomes.
#[derive(Debug, Clone, Copy)]
pub struct Put<'a> {
    pub seen: &'a Seen,
    pub bytes: &'a [u8],
    /// Is whose it becomes; absent for whoever writes it.
    pub owner: Option<(u32, u32)>,
}

/// Is the folder.
pub struct Tree {
    root: OwnedFd,
    fault: Arc<dyn Fault>,
}

impl Tree {
    /// Opens it.
    ///
    /// # Errors
    ///
    /// [`FileError::Unavailable`] if it is not there.
    pub fn open(root: &Path, fault: Arc<dyn Fault>) -> Result<Self, FileError> {
        Ok(Self { root: openat(CWD, root, FOLDER, Mode::empty())?, fault })
    }

    /// Opens a folder below it; `None` is the folder itself.
    pub fn folder(&self, path: Option<&str>) -> rustix::io::Result<OwnedFd> {
        let mut folder = openat(&self.root, ".", FOLDER, Mode::empty())?;
        for name in path.iter().flat_map(|path| path.split('/')) {
            folder = openat(&folder, name, FOLDER, Mode::empty())?;
        }
        Ok(folder)
    }

    /// Reads what there is at a path, and keeps its bytes if they are at most `keep`.
    ///
    /// # Errors
    ///
    /// [`FileError::Unavailable`] if it cannot be read.
    pub fn current(&self, path: &Place, keep: usize) -> Result<Current, FileError> {
        let (above, name) = path.split();
        let folder = match self.folder(above) {
            Ok(folder) => folder,
            Err(Errno::NOENT) => return Ok(Current::Absent),
            Err(Errno::NOTDIR | Errno::LOOP) => return Ok(Current::Other("is below what is no folder")),
            Err(error) => return Err(error.into()),
        };
        current_in(&folder, name, keep)
    }

    /// Returns the mode of a folder, if it is there.
    pub fn folder_mode(&self, path: &Place) -> Result<Option<u32>, FileError> {
        match self.folder(Some(path.as_str())) {
            Ok(folder) => Ok(Some(File::from(folder).metadata()?.mode() & 0o7777)),
            Err(Errno::NOENT) => Ok(None),
            Err(Errno::NOTDIR | Errno::LOOP) => Err(FileError::path(path.as_str(), "is no folder")),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes a file beside its place, and then puts it there, if what is there is still what it was.
    ///
    /// # Errors
    ///
    /// [`FileError::State`] if it is not, and nothing was put; [`FileError::Unavailable`] if it failed, and may have been put.
    pub fn put(&self, path: &Place, temporary: &str, put: Put<'_>, was: Option<&Seen>) -> Result<(), FileError> {
        let (above, name) = path.split();
        let folder = self.folder(above)?;
        self.clear(&folder, temporary)?;
        let file = step(&*self.fault, "write-file", || written(&folder, temporary, put))?;
        step(&*self.fault, "sync-file", || Ok::<_, FileError>(file.sync_all()?))?;
        // Looked at in the folder that is written to, wherever that is by now.
        if !current_in(&folder, name, 0)?.is(was) {
            self.clear(&folder, temporary)?;
            return Err(meanwhile(path));
        }
        let renamed = step(&*self.fault, "rename-file", || match was {
            Some(_) => Ok(renameat(&folder, temporary, &folder, name)?),
            None => renamed_to_nothing(&folder, temporary, name, path),
        });
        if matches!(renamed, Err(FileError::State(_))) {
            self.clear(&folder, temporary)?;
        }
        renamed?;
        self.synced(&folder)
    }

    /// Removes a file, if it is still what it was.
    ///
    /// # Errors
    ///
    /// As of [`Tree::put`].
    pub fn remove(&self, path: &Place, was: Option<&Seen>) -> Result<(), FileError> {
        let (above, name) = path.split();
        let folder = self.folder(above)?;
        if !current_in(&folder, name, 0)?.is(was) {
            return Err(meanwhile(path));
        }
        step(&*self.fault, "remove-file", || Ok::<_, FileError>(unlinkat(&folder, name, AtFlags::empty())?))?;
        self.synced(&folder)
    }

    /// Removes what was written beside a file and never put in its place.
    pub fn clear_beside(&self, path: &Place, temporary: &str) -> Result<(), FileError> {
        match self.folder(path.split().0) {
            Ok(folder) => self.clear(&folder, temporary),
            // What is no folder of ours any more has nothing of ours in it.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn clear(&self, folder: &OwnedFd, temporary: &str) -> Result<(), FileError> {
        match statat(folder, temporary, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
            Ok(_) => step(&*self.fault, "clear-file", || Ok(unlinkat(folder, temporary, AtFlags::empty())?)),
        }
    }

    /// Makes a folder, if it is not there; one that is there is somebody else's, unless it is made again.
    pub fn make(&self, folder: &Folder, again: bool) -> Result<(), FileError> {
        let (above, name) = folder.path.split();
        let (above, mode) = (self.folder(above)?, Mode::from_raw_mode(folder.mode));
        step(&*self.fault, "make-folder", || {
            match mkdirat(&above, name, mode) {
                Err(Errno::EXIST) if !again => return Ok(()),
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(FileError::from(error)),
            }
            Ok(fchmod(openat(&above, name, FOLDER, Mode::empty())?, mode)?)
        })?;
        self.synced(&above)
    }

    /// Removes a folder, if nothing is in it.
    pub fn unmake(&self, folder: &Folder) -> Result<(), FileError> {
        let (above, name) = folder.path.split();
        let above = match self.folder(above) {
            Ok(above) => above,
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        step(&*self.fault, "remove-folder", || match unlinkat(&above, name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT | Errno::NOTDIR | Errno::NOTEMPTY | Errno::EXIST) => Ok(()),
            Err(error) => Err(FileError::from(error)),
        })?;
        self.synced(&above)
    }

    fn synced(&self, folder: &OwnedFd) -> Result<(), FileError> {
        step(&*self.fault, "sync-folder", || Ok(fsync(folder)?))
    }
}

/// Reads what a folder has under a name.
fn current_in(folder: &OwnedFd, name: &str, keep: usize) -> Result<Current, FileError> {
    let kind = match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => FileType::from_raw_mode(stat.st_mode),
        Err(Errno::NOENT) => return Ok(Current::Absent),
        Err(error) => return Err(error.into()),
    };
    match kind {
        FileType::RegularFile => {}
        FileType::Symlink => return Ok(Current::Other("is a link")),
        FileType::Directory => return Ok(Current::Other("is a folder")),
        _ => return Ok(Current::Other("is no regular file")),
    }
    match openat(folder, name, FILE, Mode::empty()) {
        Ok(file) => read(&File::from(file), keep),
        Err(Errno::NOENT) => Ok(Current::Absent),
        Err(Errno::LOOP) => Ok(Current::Other("is a link")),
        Err(error) => Err(FileError::Unavailable(format!("`{name}`: {error}"))),
    }
}

/// Says that somebody else came in between.
fn meanwhile(path: &Place) -> FileError {
    FileError::State(format!("`{}` was changed meanwhile", path.as_str()))
}

/// Writes a file that was not there.
fn written(folder: &OwnedFd, name: &str, put: Put<'_>) -> Result<File, FileError> {
    let mut file = File::from(openat(folder, name, TEMPORARY, Mode::RUSR | Mode::WUSR)?);
    file.write_all(put.bytes)?;
    let is = file.metadata()?;
    if let Some((user, group)) = put.owner.filter(|owner| *owner != (is.uid(), is.gid())) {
        fchown(&file, Some(Uid::from_raw(user)), Some(Gid::from_raw(group)))?;
    }
    fchmod(&file, Mode::from_raw_mode(put.seen.mode))?;
    Ok(file)
}

/// Renames to where nothing may be.
fn renamed_to_nothing(folder: &OwnedFd, from: &str, to: &str, path: &Place) -> Result<(), FileError> {
    match renameat_with(folder, from, folder, to, RenameFlags::NOREPLACE) {
        Err(Errno::EXIST) => Err(meanwhile(path)),
        // The file system cannot promise it; that nothing was there was seen just before.
        Err(Errno::INVAL | Errno::NOSYS) => Ok(renameat(folder, from, folder, to)?),
        renamed => Ok(renamed?),
    }
}

/// Reads an open file to its end.
pub fn read(mut file: &File, keep: usize) -> Result<Current, FileError> {
    let is = file.metadata()?;
    if !is.is_file() {
        return Ok(Current::Other("is no regular file"));
    }
    let (mut hash, mut size, mut bytes) = (Sha256::new(), 0, Some(Vec::new()));
    let mut buffer = vec![0; 64 << 10];
    loop {
        let count = file.read(&mut buffer)?;
        let Some(chunk) = buffer.get(..count).filter(|chunk| !chunk.is_empty()) else { break };
        hash.update(chunk);
        size += count as u64;
        bytes = bytes.filter(|bytes| bytes.len() + count <= keep);
        bytes.iter_mut().for_each(|bytes| bytes.extend_from_slice(chunk));
    }
    let seen = Seen { sha256: hex::encode(hash.finalize()), size, mode: is.mode() & 0o7777 };
    Ok(Current::File(Found { seen, owner: (is.uid(), is.gid()), names: is.nlink(), bytes }))
}
