//! Everything that is stored besides the records, as of one instant.

use std::collections::BTreeMap;

use crate::erase;
use crate::error::StoreError;
use crate::reader::Reader;

/// Is the whole state with the size of the journal that it goes with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Whole {
    /// How many records there are.
    pub size: u64,
    /// The rows by kind and key; what is the store's own is not among them.
    pub rows: BTreeMap<(String, String), Vec<u8>>,
}

impl Reader {
    /// Returns the whole state in one reading, so that no batch falls between two rows.
    ///
    /// # Errors
    ///
    /// What the disk says.
    pub fn whole(&self) -> Result<Whole, StoreError> {
        // It is dropped, and with it rolled back, without having changed anything.
        let reading = self.connection.unchecked_transaction()?;
        let size = self.head()?.size;
        let mut statement = reading.prepare("SELECT kind, key, value FROM state ORDER BY kind, key")?;
        let rows = statement.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)))?;
        let rows: BTreeMap<(String, String), Vec<u8>> = rows.collect::<Result<_, _>>()?;
        let rows = rows.into_iter().filter(|((kind, _), _)| !erase::is_own(kind)).collect();
        Ok(Whole { size, rows })
    }
}
