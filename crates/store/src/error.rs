//! What can go wrong between us and the disk, told apart by what must happen next.

use rusqlite::{ErrorCode, ffi};
use types::Code;

/// Says why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no room; nothing of the batch was written.
    #[error("the disk is full")]
    DiskFull,
    /// A read, write or sync failed. What is on the disk is unknown: stop, restart cold, verify.
    #[error("the disk failed: {0}")]
    Disk(String),
    /// The head is not where this writer left it: somebody else writes.
    #[error("the head moved: expected {expected} records, found another state")]
    HeadMoved {
        /// How many records this writer believed there were.
        expected: u64,
    },
    /// The file is no journal, or damaged.
    #[error("the journal file is damaged: {0}")]
    Damaged(String),
    /// Another process holds the file.
    #[error("another process holds the journal")]
    Busy,
    /// A query that a bundle brought along is wrong.
    #[error("the query failed: {0}")]
    Query(String),
}

impl StoreError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> Code {
        match self {
            Self::DiskFull => Code::DiskFull,
            Self::Disk(_) => Code::JournalStopped,
            Self::HeadMoved { .. } => Code::JournalMismatch,
            Self::Damaged(_) => Code::JournalTorn,
            Self::Busy => Code::DataFolderBusy,
            Self::Query(_) => Code::BundleInvalid,
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::Error::{FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType};
        // No such value was ever stored.
        if let InvalidColumnType(..) | FromSqlConversionFailure(..) | IntegralValueOutOfRange(..) = error {
            return Self::Damaged(error.to_string());
        }
        if error.sqlite_extended_error_code() == Some(ffi::SQLITE_IOERR_DATA) {
            return Self::Damaged("a page of it is not the one that was written".into());
        }
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::DiskFull,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged(error.to_string()),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            _ => Self::Disk(error.to_string()),
        }
    }
}
