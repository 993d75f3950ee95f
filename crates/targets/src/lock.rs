//! Who may write: one process at a time, for as long as one call takes.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// Is how long it sleeps between two tries, in milliseconds.
const TRY_MS: u64 = 5;

/// Holds the store until it is dropped, or its process ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock.
    ///
    /// # Errors
    ///
    /// If another has it for longer than `wait_ms`.
    pub fn take(store: &Path, wait_ms: u64) -> io::Result<Self> {
        let file = File::options().create(true).truncate(false).write(true).open(store.join("lock"))?;
        let mut left = wait_ms.div_ceil(TRY_MS);
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Self { _file: file }),
                Err(Errno::WOULDBLOCK | Errno::INTR) if left > 0 => left -= 1,
                Err(Errno::WOULDBLOCK | Errno::INTR) => {
                    return Err(io::Error::other("another process works on it; nothing was done"));
                }
                Err(error) => return Err(error.into()),
            }
            std::thread::sleep(Duration::from_millis(TRY_MS));
        }
    }
}
