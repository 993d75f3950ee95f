//! How the inventory refuses.

use types::Code;

/// Says why the inventory did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    /// There is no row of that id.
    #[error("there is no {what} `{id}`")]
    Unknown {
        /// What was looked for.
        what: &'static str,
        /// The id it was looked for by.
        id: String,
    },
    /// A number is outside what the inventory can hold.
    #[error("`{name}` is {value}, it must be {least} to {most}")]
    OutOfRange {
        /// The number's name.
        name: &'static str,
        /// The number.
        value: i64,
        /// The least it may be.
        least: i64,
        /// The most it may be.
        most: i64,
    },
    /// A text that must say something says nothing.
    #[error("`{0}` is empty")]
    Empty(&'static str),
    /// The same request id came with a restart of another service.
    #[error("the request `{0}` restarted another service before")]
    RequestReused(String),
    /// The database cannot be opened, read or written.
    #[error("the inventory database does not answer: {0}")]
    Database(#[from] rusqlite::Error),
}

impl InventoryError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> Code {
        match self {
            Self::Unknown { .. } => Code::NotFound,
            Self::OutOfRange { .. } | Self::Empty(_) => Code::RequestInvalid,
            Self::RequestReused(_) => Code::IdempotencyConflict,
            Self::Database(_) => Code::FileUnusable,
        }
    }
}
