//! Files of training by their contents: each is kept once, under the SHA-256 of its bytes.
//!
//! A file arrives beside, is hashed while it does, synced, and only then takes its place, whose name is its digest. What it is called, and by
//! whom, stands in `tracking.db`. Whoever reads it gets nothing but those bytes: they are hashed again as they leave, and the last
//! of them are held back until all of them were seen.

mod incoming;
mod outgoing;
mod shelf;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use types::{Code, Digest};

pub use incoming::{Incoming, Kept};
pub use outgoing::{CHUNK_BYTES, Outgoing};
pub use shelf::{Shelf, Shelved};

/// Is the folder of what has not arrived to its end.
const INCOMING: &str = "incoming";

/// Says why a file cannot be kept or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArtifactError {
    /// The folder cannot be read or written.
    #[error("the folder of artifacts cannot be used: {0}")]
    Unusable(String),
    /// There is no room for it.
    #[error("the disk is full")]
    DiskFull,
    /// It is larger than what is taken.
    #[error("an artifact has at most {0} bytes")]
    TooLarge(u64),
    /// Where files are kept, which is not the disk here, does not do what it is asked.
    #[error("the files are kept elsewhere, and {0}")]
    Elsewhere(String),
    /// What is on the disk is not what was kept.
    #[error("the file {0} is not what was kept")]
    Changed(Digest),
}

impl ArtifactError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> Code {
        match self {
            Self::Unusable(_) => Code::FileUnusable,
            Self::DiskFull => Code::DiskFull,
            Self::TooLarge(_) => Code::PayloadTooLarge,
            Self::Elsewhere(_) => Code::ArtifactStoreUnusable,
            Self::Changed(_) => Code::ArtifactChanged,
        }
    }
}

impl From<io::Error> for ArtifactError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull,
            _ => Self::Unusable(error.to_string()),
        }
    }
}

type Done<T> = Result<T, ArtifactError>;

/// Keeps files by their contents.
#[derive(Debug)]
pub struct Artifacts {
    folder: PathBuf,
    /// The largest file, in bytes.
    limit: u64,
    received: AtomicU64,
    /// Where files are kept, if not in the folder; those that are in it stay there.
    shelf: Option<Arc<dyn Shelf>>,
}

impl Artifacts {
    /// Opens the folder, makes it if there is none, and removes what has not arrived to its end.
    ///
    /// - `limit`: the largest file that is taken, in bytes.
    ///
    /// # Errors
    ///
    /// [`ArtifactError::Unusable`] and [`ArtifactError::DiskFull`].
    pub fn open(folder: &Path, limit: u64) -> Done<Self> {
        let incoming = folder.join(INCOMING);
        fs::create_dir_all(&incoming)?;
        if let Some(parent) = folder.parent() {
            sync_folder(parent)?;
        }
        sync_folder(folder)?;
        for left in fs::read_dir(&incoming)? {
            fs::remove_file(left?.path())?;
        }
        Ok(Self { folder: folder.to_owned(), limit, received: AtomicU64::new(0), shelf: None })
    }

    /// Keeps files elsewhere from now on. The folder takes them as they arrive, and has those that it has.
    #[must_use]
    pub fn on(self, shelf: Option<Arc<dyn Shelf>>) -> Self {
        Self { shelf, ..self }
    }

    /// Returns the largest file that is taken, in bytes.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Begins to take a file.
    ///
    /// # Errors
    ///
    /// [`ArtifactError::Unusable`] and [`ArtifactError::DiskFull`].
    pub fn receive(&self) -> Done<Incoming> {
        let number = self.received.fetch_add(1, Ordering::Relaxed);
        let path = self.folder.join(INCOMING).join(number.to_string());
        Incoming::create(path, &self.folder, (self.limit, self.shelf.clone()))
    }

    /// Opens a kept file to read some of it.
    ///
    /// - `size`: how many bytes it has, as was noted when it was kept.
    /// - `from`, `to`: the bytes that are wanted, `to` not among them; at most `size`.
    ///
    /// # Errors
    ///
    /// [`ArtifactError::Changed`] if it is missing or has another length; [`ArtifactError::Unusable`], [`ArtifactError::Elsewhere`].
    pub fn read(&self, digest: Digest, size: u64, (from, to): (u64, u64)) -> Done<Outgoing> {
        let found = match (File::open(place(&self.folder, digest)), &self.shelf) {
            (Err(error), None) if error.kind() == io::ErrorKind::NotFound => None,
            (Err(error), Some(shelf)) if error.kind() == io::ErrorKind::NotFound => shelf.open(digest)?,
            (opened, _) => {
                let file = opened?;
                Some(Shelved { size: file.metadata()?.len(), bytes: Box::new(file) })
            }
        };
        match found.filter(|found| found.size == size) {
            Some(found) => Ok(Outgoing::new(found.bytes, digest, size, (from, to))),
            None => Err(ArtifactError::Changed(digest)),
        }
    }

    /// Removes a file that nobody names any more; one that is not there is removed already.
    ///
    /// # Errors
    ///
    /// [`ArtifactError::Unusable`], [`ArtifactError::Elsewhere`].
    pub fn remove(&self, digest: Digest) -> Done<()> {
        remove(&self.folder, digest)?;
        self.shelf.as_ref().map_or(Ok(()), |shelf| shelf.remove(digest))
    }
}

/// Returns where the file of a digest is: in a folder named by its first byte.
fn place(folder: &Path, digest: Digest) -> PathBuf {
    folder.join(digest.short(2)).join(digest.to_string())
}

/// Removes the file of a digest from the disk here, if it is there.
fn remove(folder: &Path, digest: Digest) -> Done<()> {
    match fs::remove_file(place(folder, digest)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => Ok(removed?),
    }
}

fn sync_folder(folder: &Path) -> Done<()> {
    // The folder that was named without one is the one that this program runs in.
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    Ok(File::open(folder)?.sync_all()?)
}
