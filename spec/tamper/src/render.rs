//! The files of a log, as its operator would publish them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tlog::hash::{Hash, merkle_root};
use tlog::prove::{HashReader, ReadError};
use tlog::{Checkpoint, Frontier, Note, TilePath, bundles_between, encode_bundle, tile_from, tiles_between};

use crate::material::{Material, Record};

/// Holds files by path.
pub type Files = BTreeMap<String, Arc<[u8]>>;

/// Reads the hashes of a tree whose leaves are at hand.
struct Rows(Vec<Hash>);

impl HashReader for Rows {
    type Error = ReadError;

    fn read(&self, level: u8, index: u64) -> Result<Hash, ReadError> {
        let (width, index_in) = (1_usize << level, index as usize);
        let leaves = self.0.get(index_in * width..(index_in + 1) * width);
        leaves.map(merkle_root).ok_or(ReadError::NotInTree { level, index })
    }
}

/// Renders the tiles and entries of a log for readers that come with one of some sizes.
///
/// - `full_only`: leaves out a partial file where the full one in its place is there.
pub fn tiles(records: &[Record], sizes: &BTreeSet<usize>, full_only: bool) -> Files {
    let rows = Rows(records.iter().map(|record| record.hash).collect());
    let mut files = Files::new();
    let whole = records.len() as u64;
    let has_full = |path: &TilePath| {
        path.is_partial() && {
            let (level, index) = path.full().places().last().unwrap();
            ((index + 1) << level) <= whole
        }
    };
    for size in sizes.iter().map(|size| *size as u64) {
        for path in tiles_between(0, size) {
            let path = if full_only && has_full(&path) { path.full() } else { path };
            files.entry(path.to_string()).or_insert_with(|| tile_from(&path, &rows).unwrap().into());
        }
        for path in bundles_between(0, size) {
            let path = if full_only && has_full(&path) { path.full() } else { path };
            files.entry(path.to_string()).or_insert_with(|| entries(records, &path));
        }
    }
    files
}

fn entries(records: &[Record], path: &TilePath) -> Arc<[u8]> {
    let from = path.index() as usize * 256;
    let part: Vec<&[u8]> =
        records[from..from + usize::from(path.width())].iter().map(|record| &*record.bytes).collect();
    encode_bundle(&part).unwrap().into()
}

/// Signs the head of a log with the log's own key.
pub fn signed(material: &Material, records: &[Record]) -> Note {
    let mut frontier = Frontier::new();
    records.iter().for_each(|record| frontier.push(record.hash).unwrap());
    Checkpoint::new(material.key.verifier().name(), frontier.size(), frontier.root()).sign(&material.key).unwrap()
}

/// Returns the bytes of a note as they stand in a file.
pub fn note_bytes(note: &Note) -> Arc<[u8]> {
    note.to_string().into_bytes().into()
}
