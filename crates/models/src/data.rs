//! Data: whether a file of rows is as expected, before anything is trained on it.
//!
//! [`Expectations::read`] reads what is expected, and a [`Checker`] takes the bytes of a file as they come and says what it found:
//! counts, shares and the first line of each, and no value of the data. It keeps one record and a few numbers for each column, however
//! long the file is.

mod cell;
mod checker;
mod expectations;
mod records;
mod tally;

pub use checker::{Checked, Checker};
pub use expectations::{ColumnType, EXPECTATIONS_BYTES_MAX, Expectations, ExpectationsError};

/// Is the longest record that is read, in bytes: 1 MiB.
pub const RECORD_BYTES_MAX: usize = 1 << 20;

/// Is how many columns a file has at most.
pub const COLUMNS_MAX: usize = 10_000;

/// Says how a file of rows is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Fields apart by a byte, with the names of the columns in the first line (RFC 4180).
    Csv,
    /// A JSON object on each line.
    JsonLines,
}

/// Says why a file cannot be judged at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DataError {
    /// A record is too long to be one.
    #[error("line {0}: a record is longer than {RECORD_BYTES_MAX} bytes; is a quote never closed?")]
    Overlong(u64),
    /// The first line does not name the columns.
    #[error("line 1: {0}, so nothing says what the columns are")]
    Header(&'static str),
    /// Two columns have one name.
    #[error("line 1: the column `{0}` is there twice")]
    Twice(String),
    /// There are too many columns.
    #[error("line {0}: there are more than {COLUMNS_MAX} columns")]
    Columns(u64),
}
