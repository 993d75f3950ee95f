//! Bits of a disk that rot while nothing runs, and copies of it to begin from again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

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
