//! One thing that is kept the moment it comes, beside the journal, for as long as the journal has not taken it.
//!
//! The file is there from the start and is written in its place, so that keeping costs one sync, whatever the journal is at.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use types::Digest;

use crate::files::Folder;

/// Names the file, in a place's head folder.
const NAME: &str = "at-once";

/// Is what stands before the bytes: their number in four bytes, and their digest.
const HEAD_BYTES: usize = 36;

/// Is the most that can be kept, in bytes.
pub const KEPT_BYTES_MAX: usize = 64 << 10;

/// Keeps one thing at a time.
#[derive(Debug)]
pub struct AtOnce {
    file: File,
}

impl AtOnce {
    /// Opens the file of a place's head folder and makes it, and its name durable, if it is missing. What it holds stays.
    ///
    /// # Errors
    ///
    /// What the file system says.
    pub fn open(head: &Path) -> io::Result<Self> {
        let folder = Folder::at(head);
        crate::files::make(head)?;
        let file = File::options().read(true).write(true).create(true).truncate(false).open(head.join(NAME))?;
        folder.sync(head)?;
        Ok(Self { file })
    }

    /// Keeps something in place of what was kept before; when this returns, it survives a crash.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::InvalidInput`] beyond [`KEPT_BYTES_MAX`], otherwise what the file system says; what is kept is then unknown.
    pub fn keep(&self, bytes: &[u8]) -> io::Result<()> {
        let long = || io::Error::new(io::ErrorKind::InvalidInput, "it is too long to be kept at once");
        if bytes.len() > KEPT_BYTES_MAX {
            return Err(long());
        }
        let length = u32::try_from(bytes.len()).map_err(|_| long())?;
        let framed = [&length.to_be_bytes()[..], &Digest::plain(bytes).0, bytes].concat();
        self.file.write_all_at(&framed, 0)?;
        self.file.sync_data()
    }

    /// Overwrites what was kept, once it is recorded.
    ///
    /// # Errors
    ///
    /// What the file system says.
    pub fn forget(&self) -> io::Result<()> {
        let length = usize::try_from(self.file.metadata()?.len()).unwrap_or(usize::MAX);
        self.file.write_all_at(&vec![0; length.min(HEAD_BYTES + KEPT_BYTES_MAX)], 0)?;
        self.file.sync_data()
    }

    /// Returns what is kept; `None` if nothing is, or if it was cut off while it was written, so that nobody was told that it is kept.
    ///
    /// # Errors
    ///
    /// What the file system says.
    pub fn read(head: &Path) -> io::Result<Option<Vec<u8>>> {
        Ok(Folder::at(head).read(NAME)?.as_deref().and_then(whole).map(<[u8]>::to_vec))
    }
}

/// Returns what is framed, if all of it is there.
fn whole(framed: &[u8]) -> Option<&[u8]> {
    let (length, rest) = framed.split_first_chunk::<4>()?;
    let (digest, rest) = rest.split_first_chunk::<32>()?;
    let bytes = rest.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    (!bytes.is_empty() && Digest::plain(bytes).0 == *digest).then_some(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn it_holds_one_thing_until_that_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(AtOnce::read(folder.path()).unwrap(), None);
        let kept = AtOnce::open(folder.path()).unwrap();
        assert_eq!(AtOnce::read(folder.path()).unwrap(), None);
        for bytes in [&b"a long one"[..], b"short"] {
            kept.keep(bytes).unwrap();
            assert_eq!(AtOnce::read(folder.path()).unwrap().as_deref(), Some(bytes));
        }
        drop(AtOnce::open(folder.path()).unwrap());
        assert_eq!(AtOnce::read(folder.path()).unwrap().as_deref(), Some(&b"short"[..]), "opening keeps it");
        assert_eq!(kept.keep(&vec![1; KEPT_BYTES_MAX + 1]).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        kept.forget().unwrap();
        assert_eq!(AtOnce::read(folder.path()).unwrap(), None);
        let left = std::fs::read(folder.path().join(NAME)).unwrap();
        assert!(left.iter().all(|byte| *byte == 0), "nothing of it is left");
    }

    #[test]
    fn what_was_cut_off_or_damaged_is_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(NAME);
        AtOnce::open(folder.path()).unwrap().keep(b"stop everything").unwrap();
        let whole = std::fs::read(&file).unwrap();
        for end in 0..whole.len() {
            std::fs::write(&file, &whole[..end]).unwrap();
            assert_eq!(AtOnce::read(folder.path()).unwrap(), None, "{end}");
        }
        for at in 0..whole.len() {
            let mut other = whole.clone();
            other[at] ^= 1;
            std::fs::write(&file, &other).unwrap();
            assert_eq!(AtOnce::read(folder.path()).unwrap(), None, "{at}");
        }
    }
}
