//! A folder of files: edits that are planned, made once, seen, and taken back.
//!
//! Before anything in the folder is touched, what each file was and what it becomes is in a store beside it, synced. Whoever comes next finishes what a
//! process that ended left behind: it puts every file back, or, if somebody else has written one of them since, says so and touches nothing.
//!
//! What is kept of a file is its bytes, its mode and its owner; extended attributes and the times of a file that was written are not. Between the last look
//! at a file and the rename over it lies an instant in which somebody else's write can be lost, since no rename compares.

mod edit;
mod error;
mod held;
mod look;
mod path;
mod server;
mod shown;
mod store;
mod tree;

pub use crate::fault::Fault;
pub use error::FileError;
pub use server::{Clock, FileServer};
pub use shown::{Changed, Difference};
pub use tree::Seen;

/// Bounds what one call may take and change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileLimits {
    /// How many files a change may change; one that is moved counts twice.
    pub files_max: usize,
    /// How large a file may be, before and after, in bytes.
    pub bytes_max: usize,
    /// How much of its differences a change shows, in bytes.
    pub shown_bytes_max: usize,
    /// How many files are listed, or named of one change around us.
    pub listed_max: usize,
    /// How long a call may wait for others, in milliseconds.
    pub lock_ms: u64,
    /// What is not there for anybody: names that begin so, whatever their case.
    pub ignored: Vec<String>,
}

impl Default for FileLimits {
    fn default() -> Self {
        Self {
            files_max: 100,
            bytes_max: 1 << 20,
            shown_bytes_max: 16 << 10,
            listed_max: 1_000,
            lock_ms: 5_000,
            ignored: vec![".git".to_owned()],
        }
    }
}
