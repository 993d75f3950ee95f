//! Bits of a disk that rot while nothing runs, and copies of it to begin from again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use store::pages::{PAGE_BYTES, seal};

use super::Disk;
use super::inode::Inode;
use super::names::{Ino, Names, Node};

/// Is one bit that rots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flip {
    pub(crate) file: PathBuf,
    pub(crate) at: usize,
    pub(crate) bit: u8,
}

/// Is what is on a disk at a moment.
#[derive(Debug)]
pub(crate) struct Image {
    names: Names,
    inodes: BTreeMap<Ino, Inode>,
}

impl Disk {
    /// Returns the files there are, with their lengths.
    pub(crate) fn files(&self) -> Vec<(PathBuf, usize)> {
        let state = self.state();
        let len = |ino| state.inodes.get(&ino).map_or(0, |inode| inode.bytes().len());
        state.names.files().map(|(path, ino)| (path.clone(), len(ino))).collect()
    }

    /// Returns a byte of a file.
    pub(crate) fn byte(&self, file: &Path, at: usize) -> Option<u8> {
        let state = self.state();
        let Some(Node::File(ino)) = state.names.get(file) else { return None };
        state.inodes.get(&ino)?.bytes().get(at).copied()
    }

    /// Flips a bit. Nobody may have the file open.
    pub(crate) fn flip(&self, flip: &Flip) {
        let mut state = self.state();
        let Some(Node::File(ino)) = state.names.get(&flip.file) else { return };
        state.inodes.get_mut(&ino).into_iter().for_each(|inode| inode.flip(flip.at, flip.bit));
    }

    /// Changes some bytes of a journal wherever they stand, and gives each page its checksum; says in how many places. Nobody may
    /// have the file open.
    pub(crate) fn edit(&self, journal: &Path, bytes: &[u8]) -> usize {
        let mut state = self.state();
        let Some(Node::File(ino)) = state.names.get(journal) else { return 0 };
        let Some(inode) = state.inodes.get_mut(&ino) else { return 0 };
        let found: Vec<usize> = find(inode.bytes(), bytes).collect();
        for place in &found {
            let begin = place / PAGE_BYTES * PAGE_BYTES;
            let page = inode.bytes().get(begin..begin + PAGE_BYTES);
            let Some(mut page) = page.map(<[u8]>::to_vec) else { continue };
            page.get_mut(place - begin + bytes.len() / 2).into_iter().for_each(|byte| *byte ^= 1);
            seal(&mut page, begin);
            inode.put(begin, &page);
        }
        found.len()
    }

    /// Returns what is on it now. Nobody may have a file open.
    pub(crate) fn image(&self) -> Image {
        let state = self.state();
        Image { names: state.names.clone(), inodes: state.inodes.clone() }
    }

    /// Puts on it what was there before. Nobody may have a file open.
    pub(crate) fn restore(&self, image: &Image) {
        let mut state = self.state();
        (state.names, state.inodes) = (image.names.clone(), image.inodes.clone());
    }
}

fn find<'a>(within: &'a [u8], bytes: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    let first = bytes.first().copied();
    let starts = within.iter().enumerate().filter(move |(_, byte)| Some(**byte) == first).map(|(at, _)| at);
    starts.filter(move |at| within.get(*at..).is_some_and(|rest| rest.starts_with(bytes)))
}
