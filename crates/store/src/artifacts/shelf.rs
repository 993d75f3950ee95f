//! Where kept files are, if they are not on the disk here.

use std::fmt::Debug;
use std::io::Read;
use std::path::Path;

use types::Digest;

use super::Done;

/// Keeps files by their digest elsewhere than on the disk here. Each call waits; none is made where that is not allowed.
pub trait Shelf: Debug + Send + Sync {
    /// Puts a file there. When this returns it is durable; one that was there is replaced, and before nothing of it is read.
    ///
    /// # Errors
    ///
    /// [`super::ArtifactError::Elsewhere`], with nothing put there.
    fn put(&self, digest: Digest, file: &Path) -> Done<()>;

    /// Opens a file; nothing if there is none.
    ///
    /// # Errors
    ///
    /// [`super::ArtifactError::Elsewhere`].
    fn open(&self, digest: Digest) -> Done<Option<Shelved>>;

    /// Removes a file; one that is not there is removed already.
    ///
    /// # Errors
    ///
    /// [`super::ArtifactError::Elsewhere`].
    fn remove(&self, digest: Digest) -> Done<()>;
}

/// Is a file that is read from elsewhere.
pub struct Shelved {
    /// How many bytes it has.
    pub size: u64,
    /// Reads them.
    pub bytes: Box<dyn Read + Send>,
}
