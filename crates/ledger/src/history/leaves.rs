//! Reading what stands in the open of each record, without opening or even reading its content.

use evidence::Leaf;
use evidence::leaf::LeafError;

use super::{History, HistoryError};

impl History {
    /// Returns the leaves of `from..to`, in order; fewer if the journal ends before.
    ///
    /// # Errors
    ///
    /// [`HistoryError::Store`] or [`HistoryError::Record`].
    pub fn leaves(&self, from: u64, to: u64) -> Result<Vec<Leaf>, HistoryError> {
        let rows = self.with(|inner| Ok(inner.reader.leaves(from, to)?))?;
        let bad = |index, error: LeafError| HistoryError::Record { index, why: error.to_string() };
        rows.iter().zip(from..).map(|(leaf, index)| Leaf::from_bytes(leaf).map_err(|error| bad(index, error))).collect()
    }
}
