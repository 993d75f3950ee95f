//! Changes of stored state, as the fold asks for them.

use types::cbor::{self, Canonical};

/// Is one change of one stored row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Op {
    /// The kind of state, see [`crate::state::kind`].
    pub kind: &'static str,
    /// The key within the kind.
    pub key: String,
    /// The value in canonical bytes; absent where the row goes.
    pub value: Option<Vec<u8>>,
}

/// Collects changes in order; of one row the last one holds.
#[derive(Debug, Clone, Default)]
pub struct Ops(Vec<Op>);

impl Ops {
    /// Sets a row.
    pub fn put<T: Canonical>(&mut self, kind: &'static str, key: impl Into<String>, value: &T) {
        self.0.push(Op { kind, key: key.into(), value: Some(cbor::encode(value)) });
    }

    /// Removes a row.
    pub fn delete(&mut self, kind: &'static str, key: impl Into<String>) {
        self.0.push(Op { kind, key: key.into(), value: None });
    }
}

impl IntoIterator for Ops {
    type Item = Op;
    type IntoIter = std::vec::IntoIter<Op>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
