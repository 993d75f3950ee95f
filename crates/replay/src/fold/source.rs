//! Reading stored rows, from wherever they are kept.

use std::collections::BTreeMap;

use types::cbor::{self, Canonical};

/// Returns all rows of a kind, by key, in canonical bytes.
pub type Rows<'a> = dyn Fn(&str) -> Result<Vec<(String, Vec<u8>)>, String> + 'a;

pub(super) fn read<T: Canonical>(rows: &Rows<'_>, kind: &str) -> Result<Vec<(String, T)>, String> {
    let decode = |(key, bytes): (String, Vec<u8>)| match cbor::decode(&bytes) {
        Ok(value) => Ok((key, value)),
        Err(error) => Err(format!("stored {kind} `{key}` is {error}")),
    };
    rows(kind)?.into_iter().map(decode).collect()
}

pub(super) fn values<T: Canonical, K: Ord>(
    rows: &Rows<'_>,
    kind: &str,
    key: impl Fn(&T) -> K,
) -> Result<BTreeMap<K, T>, String> {
    Ok(read::<T>(rows, kind)?.into_iter().map(|(_, value)| (key(&value), value)).collect())
}
