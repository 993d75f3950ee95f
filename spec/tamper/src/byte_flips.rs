//! Flipped bits in the files of a published log, nothing being signed again.

use std::collections::BTreeSet;
use std::sync::Arc;

use evidence::published::WITNESSED;

use crate::case::{Draft, Given, Reader};
use crate::material::Material;
use crate::published::{kept, kept_notes};
use crate::random::Choices;
use crate::render::{Files, tiles};

/// Is why a checkpoint of which a bit is another is refused.
const CHECKPOINT_SPOILT: [&str; 6] = [
    "note-signature-invalid",
    "note-malformed",
    "note-key-unknown",
    "checkpoint-malformed",
    "policy-log-unknown",
    "policy-quorum-missing",
];

/// Flips a bit that has to do with one record.
pub(crate) fn draw(material: &Material, index: usize, choices: &mut Choices) -> Option<Draft> {
    let size = choices.between(index + 1, material.size());
    let mut files = tiles(&material.records[..size], &BTreeSet::from([size]), false);
    files.insert(WITNESSED.to_owned(), material.checkpoint(size).note().into());
    let (how, first) = match choices.below(5) {
        0 => (entry(material, &mut files, index, choices), vec!["tile-mismatch"]),
        1 => (length(material, &mut files, index, choices), vec!["bundle-malformed", "tile-mismatch"]),
        2 => (hash(&mut files, index, choices), vec!["tile-mismatch"]),
        3 => (hidden(material, &mut files, index, choices), vec!["tile-mismatch", "tree-root-mismatch"]),
        _ => (checkpoint(material, &mut files, size, choices)?, CHECKPOINT_SPOILT.to_vec()),
    };
    let kept = kept(material, choices, 0);
    let given = Given::Log { files, kept: kept_notes(material, &kept) };
    Some(Draft { how: format!("{how} of {size} records"), reader: Reader::Policy, given, first, also: Vec::new() })
}

/// Returns the file whose path begins so, and the place where a record or its hash begins in it.
fn file_of<'f>(files: &'f mut Files, level: &str, index: usize) -> &'f mut Arc<[u8]> {
    let prefix = format!("tile/{level}/{:03}", index / 256);
    files.iter_mut().find(|(path, _)| path.starts_with(&prefix)).map(|(_, bytes)| bytes).unwrap()
}

fn flip(file: &mut Arc<[u8]>, at: usize, bit: usize) {
    let mut bytes = file.to_vec();
    bytes[at] ^= 1 << bit;
    *file = bytes.into();
}

/// Returns where an entry's length stands in its bundle.
fn offset(material: &Material, index: usize) -> usize {
    material.records[index - index % 256..index].iter().map(|record| 2 + record.bytes.len()).sum()
}

fn entry(material: &Material, files: &mut Files, index: usize, choices: &mut Choices) -> String {
    let (at, bit) = (choices.below(material.records[index].bytes.len()), choices.below(8));
    flip(file_of(files, "entries", index), offset(material, index) + 2 + at, bit);
    format!("bit {bit} of byte {at} of record {index}")
}

fn length(material: &Material, files: &mut Files, index: usize, choices: &mut Choices) -> String {
    let (at, bit) = (choices.below(2), choices.below(8));
    flip(file_of(files, "entries", index), offset(material, index) + at, bit);
    format!("bit {bit} of byte {at} of the length of record {index}")
}

fn hash(files: &mut Files, index: usize, choices: &mut Choices) -> String {
    let (at, bit) = (choices.below(32), choices.below(8));
    flip(file_of(files, "0", index), index % 256 * 32 + at, bit);
    format!("bit {bit} of byte {at} of the hash of record {index}")
}

/// Flips a bit of an entry and puts its new hash into the lowest tile.
fn hidden(material: &Material, files: &mut Files, index: usize, choices: &mut Choices) -> String {
    let genuine = &material.records[index].bytes;
    let (at, bit) = (choices.below(genuine.len()), choices.below(8));
    flip(file_of(files, "entries", index), offset(material, index) + 2 + at, bit);
    let mut other = genuine.to_vec();
    other[at] ^= 1 << bit;
    let tile = file_of(files, "0", index);
    let mut bytes = tile.to_vec();
    bytes[index % 256 * 32..][..32].copy_from_slice(tlog::hash::leaf_hash(&other).as_bytes());
    *tile = bytes.into();
    format!("bit {bit} of byte {at} of record {index}, and its hash")
}

/// Flips a bit of a checkpoint that has no cosignature to spare.
fn checkpoint(material: &Material, files: &mut Files, size: usize, choices: &mut Choices) -> Option<String> {
    if material.checkpoint(size).lines.len() > 2 {
        return None;
    }
    let file = files.get_mut(WITNESSED)?;
    let (at, bit) = (choices.below(file.len()), choices.below(8));
    flip(file, at, bit);
    Some(format!("bit {bit} of byte {at} of the checkpoint"))
}
