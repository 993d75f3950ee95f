//! A look at the whole folder: what is not as the last one left it.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, Dir, FileType, Mode, Stat, openat, readlinkat, statat};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};

use super::FileLimits;
use super::error::FileError;
use super::path::is_ignored;
use super::store::{Known, News};
use super::tree::{Current, FILE, FOLDER, Tree, read};

/// Is how long the time of a file must have passed before that it stands still says anything, in seconds: clocks of file systems are coarse.
const STILL_S: i64 = 2;

/// Is what a look found.
#[derive(Debug, Default)]
pub struct Look {
    /// What is new, gone, or another.
    pub news: News,
    /// What is the same, and was read to know it.
    pub stamps: BTreeMap<String, Known>,
}

/// Looks at every file.
///
/// # Errors
///
/// [`FileError::Unavailable`] if a folder cannot be read.
pub fn look(tree: &Tree, limits: &FileLimits, known: BTreeMap<String, Known>, now_ms: i64) -> Result<Look, FileError> {
    let mut looking = Looking { limits, known, now_s: now_ms.div_euclid(1_000), look: Look::default() };
    looking.folder(&tree.folder(None)?, "")?;
    let Looking { known, mut look, .. } = looking;
    look.news.extend(known.into_keys().map(|gone| (gone, None)));
    Ok(look)
}

struct Looking<'a> {
    limits: &'a FileLimits,
    /// What was known and was not met yet.
    known: BTreeMap<String, Known>,
    now_s: i64,
    look: Look,
}

impl Looking<'_> {
    fn folder(&mut self, folder: &OwnedFd, above: &str) -> Result<(), FileError> {
        for (name, path) in names(folder, self.limits)? {
            let path = format!("{above}{path}");
            let stat = match statat(folder, &*name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => stat,
                Err(Errno::NOENT) => continue,
                Err(error) => return Err(error.into()),
            };
            if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
                self.file(folder, &name, path, &stat)?;
                continue;
            }
            match openat(folder, &*name, FOLDER, Mode::empty()) {
                Ok(folder) => self.folder(&folder, &format!("{path}/"))?,
                // It was replaced or removed between the two; the next look tells.
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {}
                Err(error) => return Err(FileError::Unavailable(format!("`{path}`: {error}"))),
            }
        }
        Ok(())
    }

    fn file(&mut self, folder: &OwnedFd, name: &[u8], path: String, stat: &Stat) -> Result<(), FileError> {
        let was = self.known.remove(&path);
        let stamp = self.stamp(stat);
        if stamp.is_some() && was.as_ref().is_some_and(|was| was.stamp == stamp) {
            return Ok(());
        }
        let (mode, size) = (format!("{:o}", stat.st_mode), stat.st_size);
        let is = Known { sha256: digest(folder, name, stat)?, size, mode, stamp };
        match was {
            Some(was) if was.is(&is) && was.stamp == is.stamp => {}
            Some(was) if was.is(&is) => drop(self.look.stamps.insert(path, is)),
            _ => drop(self.look.news.insert(path, Some(is))),
        }
        Ok(())
    }

    /// Returns what stands still as long as nobody touches the file; `None` if it was touched so lately that it may not show.
    fn stamp(&self, stat: &Stat) -> Option<String> {
        let times = format!("{}.{} {}.{}", stat.st_mtime, stat.st_mtime_nsec, stat.st_ctime, stat.st_ctime_nsec);
        let still = stat.st_ctime.saturating_add(STILL_S) < self.now_s;
        still.then(|| format!("{} {} {:o} {times}", stat.st_ino, stat.st_size, stat.st_mode))
    }
}

/// Lists a folder, sorted: each name, and how it is written.
pub fn names(folder: &OwnedFd, limits: &FileLimits) -> Result<Vec<(Vec<u8>, String)>, FileError> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
        let name = entry?.file_name().to_bytes().to_vec();
        if name != b"." && name != b".." && !is_ignored(&name, &limits.ignored) {
            let text = String::from_utf8_lossy(&name).into_owned();
            names.push((name, text));
        }
    }
    names.sort();
    Ok(names)
}

/// Digests a file, or where a link leads; of other things there is nothing to digest.
fn digest(folder: &OwnedFd, name: &[u8], stat: &Stat) -> Result<String, FileError> {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Symlink => {
            let target = readlinkat(folder, name, Vec::new())?;
            Ok(hex::encode(Sha256::digest(target.as_bytes())))
        }
        FileType::RegularFile => match openat(folder, name, FILE, Mode::empty()) {
            Ok(file) => match read(&File::from(file), 0)? {
                Current::File(found) => Ok(found.seen.sha256),
                Current::Absent | Current::Other(_) => Ok(String::new()),
            },
            // Nobody here may read it; its size and mode are still seen.
            Err(Errno::ACCESS | Errno::PERM | Errno::NOENT | Errno::LOOP) => Ok(String::new()),
            Err(error) => Err(error.into()),
        },
        _ => Ok(String::new()),
    }
}
