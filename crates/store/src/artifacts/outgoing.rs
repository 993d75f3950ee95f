//! A kept file that is read: its bytes are hashed as they leave, and the last are held back until all are known to be right.

use std::fmt::{self, Debug, Formatter};
use std::io::Read;

use sha2::{Digest as _, Sha256};
use types::Digest;

use super::{ArtifactError, Done};

/// Is how many bytes are read at once; no more than twice as many are held.
pub const CHUNK_BYTES: usize = 256 << 10;

/// Is a kept file that is read.
pub struct Outgoing {
    file: Box<dyn Read + Send>,
    hasher: Sha256,
    digest: Digest,
    size: u64,
    read: u64,
    wanted: (u64, u64),
    /// What was read and is wanted, and not handed out before more is read.
    held: Option<Vec<u8>>,
    is_over: bool,
}

impl Debug for Outgoing {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "Outgoing({}, {} of {})", self.digest, self.read, self.size)
    }
}

impl Outgoing {
    pub(super) fn new(file: Box<dyn Read + Send>, digest: Digest, size: u64, wanted: (u64, u64)) -> Self {
        Self { file, hasher: Sha256::new(), digest, size, read: 0, wanted, held: None, is_over: false }
    }

    /// Returns the next bytes; nothing once there are no more.
    ///
    /// All of the file is read and hashed, whatever part is wanted. The last bytes come once its digest was found to be right, so that
    /// whoever got as many as they were promised got the right ones. A file of one chunk is judged before its first byte leaves.
    ///
    /// # Errors
    ///
    /// [`ArtifactError::Changed`] if it is not what was kept; [`ArtifactError::Unusable`].
    pub fn read_on(&mut self) -> Done<Option<Vec<u8>>> {
        while !self.is_over {
            let mut bytes = Vec::with_capacity(CHUNK_BYTES);
            let room = u64::try_from(CHUNK_BYTES).unwrap_or(u64::MAX);
            (&mut self.file).take(room).read_to_end(&mut bytes)?;
            if bytes.is_empty() {
                self.is_over = true;
                return self.judged();
            }
            self.hasher.update(&bytes);
            let bytes = self.wanted_of(bytes);
            if !bytes.is_empty()
                && let Some(before) = self.held.replace(bytes)
            {
                return Ok(Some(before));
            }
        }
        Ok(None)
    }

    /// Returns the last bytes, if all of them are what was kept.
    fn judged(&mut self) -> Done<Option<Vec<u8>>> {
        let found = Digest(std::mem::take(&mut self.hasher).finalize().into());
        if self.read != self.size || found != self.digest {
            self.held = None;
            return Err(ArtifactError::Changed(self.digest));
        }
        Ok(self.held.take())
    }

    /// Cuts what is wanted out of what was read.
    fn wanted_of(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        let begins = self.read;
        self.read = begins.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        let within = |at: u64| usize::try_from(at.saturating_sub(begins)).unwrap_or(usize::MAX).min(bytes.len());
        let (from, to) = (within(self.wanted.0), within(self.wanted.1));
        bytes.truncate(to);
        bytes.drain(..from.min(to));
        bytes
    }
}
