//! `Recorded<T>`: proof by type that what it holds is in the durable journal.

/// Holds something whose record is durable. Only the ledger makes one, after the commit returned.
///
/// It is not `Clone`: what authorises one dispatch authorises one.
#[derive(Debug)]
pub struct Recorded<T> {
    value: T,
    index: u64,
}

impl<T> Recorded<T> {
    pub(crate) fn after_commit(value: T, index: u64) -> Self {
        Self { value, index }
    }

    /// Returns what is recorded.
    pub fn get(&self) -> &T {
        &self.value
    }

    /// Returns the index of its record in the journal.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// Gives the value up, and the authority with it.
    pub fn into_inner(self) -> T {
        self.value
    }
}
