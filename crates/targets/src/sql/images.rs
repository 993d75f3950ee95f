//! Rows as they were and as they are: what a transaction changed, without what it changed back by itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Is one row that a statement changed, each side as its database writes a row to read it again exactly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The table, under the name its database knows it by.
    pub table: String,
    /// The row before; absent if it was not there.
    pub before: Option<String>,
    /// The row after; absent if it is gone.
    pub after: Option<String>,
}

/// Is what a transaction changed of one table in the end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Net {
    /// The rows that are no more, or no more so.
    pub before: Vec<String>,
    /// The rows that were not, or not so.
    pub after: Vec<String>,
}

impl Net {
    /// Says whether nothing is left of it.
    pub fn is_empty(&self) -> bool {
        self.before.is_empty() && self.after.is_empty()
    }
}

/// Is how many rows of a table a change has inserted, updated and deleted; an update whose key changes is one of each of the others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Rows inserted.
    pub inserted: usize,
    /// Rows updated.
    pub updated: usize,
    /// Rows deleted.
    pub deleted: usize,
}

impl Counts {
    /// Returns how many rows that are.
    pub fn rows(self) -> usize {
        self.inserted + self.updated + self.deleted
    }
}

/// Is one of the steps in which rows are written as they were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Rows that were inserted go.
    Delete,
    /// Rows that were updated are written as they were.
    Update,
    /// Rows that were deleted come back.
    Insert,
}

/// Are the orders in which the steps are tried: the first frees what has to be unique, the second keeps what others refer to.
pub const ORDERS: [[Step; 3]; 2] =
    [[Step::Delete, Step::Update, Step::Insert], [Step::Insert, Step::Update, Step::Delete]];

/// Sums up what was changed, table by table in the order in which each was changed last: a row that was changed and changed back does not count.
pub fn net(images: &[Image]) -> Vec<(String, Net)> {
    let mut order: BTreeMap<&str, usize> = BTreeMap::new();
    let mut counts: BTreeMap<(&str, &str), i64> = BTreeMap::new();
    for (at, image) in images.iter().enumerate() {
        order.insert(&image.table, at);
        for (side, by) in [(&image.before, -1), (&image.after, 1)] {
            if let Some(row) = side {
                *counts.entry((&image.table, row)).or_default() += by;
            }
        }
    }
    let mut tables: Vec<(&str, usize)> = order.into_iter().collect();
    tables.sort_by_key(|(_, at)| *at);
    let of = |table: &str| {
        let mut net = Net::default();
        for ((_, row), count) in counts.range((table, "")..).take_while(|((of, _), _)| *of == table) {
            let side = if *count < 0 { &mut net.before } else { &mut net.after };
            side.extend(std::iter::repeat_n((*row).to_owned(), usize::try_from(count.unsigned_abs()).unwrap_or(0)));
        }
        net
    };
    let nets = tables.into_iter().map(|(table, _)| (table.to_owned(), of(table)));
    nets.filter(|(_, net)| !net.is_empty()).collect()
}

/// Returns what takes all of it back.
pub fn inverse(nets: &[(String, Net)]) -> Vec<(String, Net)> {
    let turned = |net: &Net| Net { before: net.after.clone(), after: net.before.clone() };
    nets.iter().map(|(table, net)| (table.clone(), turned(net))).collect()
}

/// Returns the digest of what was changed: SHA-256 over tables and rows, each with its length, in lower-case hex.
pub fn digest(nets: &[(String, Net)]) -> String {
    let mut sorted: Vec<_> = nets.iter().collect();
    sorted.sort_by(|a, b| a.0.cmp(&b.0));
    let mut hash = Sha256::new();
    let mut put = |tag: u8, text: &str| {
        hash.update([tag]);
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    };
    for (table, net) in sorted {
        put(0, table);
        net.before.iter().for_each(|row| put(1, row));
        net.after.iter().for_each(|row| put(2, row));
    }
    hex::encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(table: &str, before: Option<&str>, after: Option<&str>) -> Image {
        Image { table: table.to_owned(), before: before.map(str::to_owned), after: after.map(str::to_owned) }
    }

    fn rows(before: &[&str], after: &[&str]) -> Net {
        let owned = |rows: &[&str]| rows.iter().map(|row| (*row).to_owned()).collect();
        Net { before: owned(before), after: owned(after) }
    }

    #[test]
    fn what_is_changed_back_does_not_count() {
        let steps = [
            image("a", Some("1"), Some("2")),
            image("b", None, Some("x")),
            image("a", Some("2"), Some("3")),
            image("c", None, Some("y")),
            image("c", Some("y"), None),
            image("b", Some("gone"), None),
        ];
        let expected = vec![("a".to_owned(), rows(&["1"], &["3"])), ("b".to_owned(), rows(&["gone"], &["x"]))];
        assert_eq!(net(&steps), expected);
        let back = [image("a", Some("1"), Some("2")), image("a", Some("2"), Some("1"))];
        assert!(net(&back).is_empty());
    }

    #[test]
    fn a_digest_tells_sides_tables_and_rows_apart() {
        let of = |table: &str, net: Net| digest(&[(table.to_owned(), net)]);
        let all = [
            of("a", rows(&["1"], &["2"])),
            of("a", rows(&["2"], &["1"])),
            of("b", rows(&["1"], &["2"])),
            of("a", rows(&["12"], &[])),
            of("a", rows(&["1", "2"], &[])),
            of("a1", rows(&[], &["2"])),
            digest(&[]),
        ];
        let different: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(different.len(), all.len());
        let (a, b) = (("a".to_owned(), rows(&["1"], &[])), ("b".to_owned(), rows(&["1"], &[])));
        assert_eq!(digest(&[a.clone(), b.clone()]), digest(&[b, a]));
    }
}
