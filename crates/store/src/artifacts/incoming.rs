//! A file that arrives: beside what is kept until it is whole.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use types::Digest;

use super::{ArtifactError, Done, Shelf, place, remove, sync_folder};

/// Is a file that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// The SHA-256 of its bytes.
    pub digest: Digest,
    /// How many bytes it has.
    pub size: u64,
}

/// Is a file that arrives. Dropped, it leaves nothing.
#[derive(Debug)]
pub struct Incoming {
    file: File,
    path: PathBuf,
    folder: PathBuf,
    hasher: Sha256,
    size: u64,
    limit: u64,
    shelf: Option<Arc<dyn Shelf>>,
    is_kept: bool,
}

impl Incoming {
    pub(super) fn create(path: PathBuf, folder: &Path, (limit, shelf): (u64, Option<Arc<dyn Shelf>>)) -> Done<Self> {
        let file = OpenOptions::new().write(true).create_new(true).open(&path)?;
        let hasher = Sha256::new();
        Ok(Self { file, path, folder: folder.to_owned(), hasher, size: 0, limit, shelf, is_kept: false })
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    ///
    /// [`ArtifactError::TooLarge`], [`ArtifactError::DiskFull`], [`ArtifactError::Unusable`].
    pub fn write(&mut self, bytes: &[u8]) -> Done<()> {
        self.size = self.size.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        if self.size > self.limit {
            return Err(ArtifactError::TooLarge(self.limit));
        }
        self.file.write_all(bytes)?;
        self.hasher.update(bytes);
        Ok(())
    }

    /// Returns what it would be, if nothing more came.
    pub fn so_far(&self) -> Kept {
        Kept { digest: Digest(self.hasher.clone().finalize().into()), size: self.size }
    }

    /// Keeps it: when this returns it is on the disk, or where else files are kept, under its digest.
    ///
    /// A file that is there already is replaced by the same bytes, which mends one that was damaged.
    ///
    /// # Errors
    ///
    /// [`ArtifactError::DiskFull`], [`ArtifactError::Unusable`], [`ArtifactError::Elsewhere`].
    pub fn keep(mut self) -> Done<Kept> {
        let kept = self.so_far();
        if let Some(shelf) = &self.shelf {
            shelf.put(kept.digest, &self.path)?;
            // One that is here is read first, and may be damaged.
            remove(&self.folder, kept.digest)?;
            return Ok(kept);
        }
        self.file.sync_all()?;
        let place = place(&self.folder, kept.digest);
        if let Some(folder) = place.parent() {
            fs::create_dir_all(folder)?;
            // Also of a folder that was there: nobody knows whether its name was ever synced.
            sync_folder(&self.folder)?;
            fs::rename(&self.path, &place)?;
            self.is_kept = true;
            sync_folder(folder)?;
        }
        Ok(kept)
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if !self.is_kept {
            let _ = fs::remove_file(&self.path);
        }
    }
}
