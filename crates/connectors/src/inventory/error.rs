//! How an inventory fails to load.

use types::Code;

/// Says why an inventory does not load.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InventoryError {
    /// The source's declaration cannot be followed.
    #[error("the inventory source `{source_name}` is declared wrongly: {reason}")]
    Declaration {
        /// The source's name in the bundle.
        source_name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The file's text cannot be read as TOML or JSON.
    #[error("the file `{path}` of the inventory source `{source_name}` cannot be read: {reason}")]
    File {
        /// The source's name in the bundle.
        source_name: String,
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The database could not be asked.
    #[error("the inventory source `{source_name}` did not answer for `{kind}`: {reason}")]
    Query {
        /// The source's name in the bundle.
        source_name: String,
        /// The kind it was asked for.
        kind: String,
        /// What went wrong.
        reason: String,
    },
    /// An entity does not fit its kind.
    #[error("the entity {number} of kind `{kind}` in the inventory source `{source_name}` {reason}")]
    Entity {
        /// The source's name in the bundle.
        source_name: String,
        /// The kind.
        kind: String,
        /// Its place in the source, from 1.
        number: usize,
        /// What is wrong with it.
        reason: String,
    },
}

impl InventoryError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> Code {
        match self {
            Self::Declaration { .. } | Self::File { .. } | Self::Entity { .. } => Code::BundleInvalid,
            Self::Query { .. } => Code::FactStale,
        }
    }
}
