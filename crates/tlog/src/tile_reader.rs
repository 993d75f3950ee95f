//! Reading a tree's hashes out of its tiles.

use crate::hash::{Hash, merkle_root};
use crate::prove::HashReader;
use crate::tile::{TILE_HEIGHT, TileError, TileLevel, TilePath, decode_tile, fetch_tile};

/// The hashes of a tree of a given size, read from the tiles that `fetch` returns.
///
/// The tiles are trusted as they are: a proof made from them MUST be verified against a signed root. Each hash read
/// fetches one tile, so a `fetch` that is slow should keep what it fetched. A partial tile that `fetch` does
/// not have is taken from the full tile in its place.
#[derive(Debug, Clone)]
pub struct TileReader<F> {
    size: u64,
    fetch: F,
}

impl<F: Fn(&TilePath) -> Option<Vec<u8>>> TileReader<F> {
    /// Creates the reader of a tree of `size` entries.
    pub fn new(size: u64, fetch: F) -> Self {
        Self { size, fetch }
    }

    /// Returns the number of entries in the tree.
    pub fn size(&self) -> u64 {
        self.size
    }

    fn row(&self, path: &TilePath) -> Result<Vec<Hash>, TileError> {
        let (found, bytes) = fetch_tile(path, &self.fetch).ok_or(TileError::Missing(*path))?;
        decode_tile(&bytes, found.width())
    }
}

impl<F: Fn(&TilePath) -> Option<Vec<u8>>> HashReader for TileReader<F> {
    type Error = TileError;

    fn read(&self, level: u8, index: u64) -> Result<Hash, TileError> {
        let not_in_tree = TileError::NotInTree { level, index };
        // Of the levels between two tile levels only the lower one is stored; the others are hashed from it.
        let height = level % TILE_HEIGHT;
        let span = 1usize << height;
        let tile = index >> (TILE_HEIGHT - height);
        let offset = (index << height) as u8 as usize;
        let path = TilePath::in_tree(TileLevel::Hashes(level / TILE_HEIGHT), tile, self.size).ok_or(not_in_tree)?;
        if offset + span > path.width().into() {
            return Err(not_in_tree);
        }
        self.row(&path)?.get(offset..offset + span).map(merkle_root).ok_or(not_in_tree)
    }
}
