//! The check of a whole log: every tile and the root recomputed from the entries.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::bundle::{BundleError, decode_bundle};
use crate::frontier::{Frontier, FrontierError};
use crate::hash::{Hash, leaf_hash};
use crate::tile::{TILE_HEIGHT, TileError, TilePath, bundles_between, decode_tile, fetch_tile};

/// The first thing wrong with a log, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CheckError {
    /// A tile or bundle that the tree of this size must have is not there.
    #[error("{0} is missing")]
    Missing(TilePath),
    /// A tile has the wrong length.
    #[error("{path}: {error}")]
    Tile {
        /// The tile.
        path: TilePath,
        /// What is wrong with it.
        error: TileError,
    },
    /// A bundle cannot be decoded.
    #[error("{path}: {error}")]
    Bundle {
        /// The bundle.
        path: TilePath,
        /// What is wrong with it.
        error: BundleError,
    },
    /// A hash in a tile is not the one computed from the entries.
    #[error("{path}: hash {offset} is {found}, but entry {entry} and those below the same hash give {computed}")]
    Mismatch {
        /// The tile.
        path: TilePath,
        /// The place of the hash in the tile, from 0.
        offset: u8,
        /// The first log entry below the hash; in a tile of level 0 the only one.
        entry: u64,
        /// The hash in the tile.
        found: Hash,
        /// The hash computed from the entries.
        computed: Hash,
    },
    /// All tiles match the entries, but the root is another tree's.
    #[error("the entries give root {computed}, not {expected}")]
    Root {
        /// The root the caller expects.
        expected: Hash,
        /// The root of the entries.
        computed: Hash,
    },
    /// The tree cannot have that many entries.
    #[error(transparent)]
    Frontier(#[from] FrontierError),
}

impl CheckError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            CheckError::Missing(_) => "tile-missing",
            CheckError::Tile { error, .. } => error.code(),
            CheckError::Bundle { error, .. } => error.code(),
            CheckError::Mismatch { .. } => "tile-mismatch",
            CheckError::Root { .. } => "tree-root-mismatch",
            CheckError::Frontier(error) => error.code(),
        }
    }
}

/// Recomputes the tree of `size` entries from its bundles, compares every tile and the root, and returns its frontier.
///
/// Files are fetched in the order of the entries, each once. Memory is one bundle and one tile per level. A partial
/// tile or bundle that is gone is taken from the full one in its place.
///
/// # Errors
///
/// The first [`CheckError`] in the order of the entries; [`CheckError::Root`] if nothing else is wrong.
pub fn check_tree(
    size: u64,
    root: &Hash,
    fetch: impl FnMut(&TilePath) -> Option<Vec<u8>>,
) -> Result<Frontier, CheckError> {
    check_tree_with(size, root, fetch, |_, _| ())
}

/// Does what [`check_tree`] does and hands out each entry with its index on the way.
///
/// What `visit` sees MUST NOT be relied on before the check has succeeded.
///
/// # Errors
///
/// Those of [`check_tree`].
pub fn check_tree_with(
    size: u64,
    root: &Hash,
    fetch: impl FnMut(&TilePath) -> Option<Vec<u8>>,
    mut visit: impl FnMut(u64, &[u8]),
) -> Result<Frontier, CheckError> {
    let mut frontier = Frontier::new();
    let mut files = Files { size, fetch, rows: BTreeMap::new() };
    for path in bundles_between(0, size) {
        let (found, bundle) = files.fetch(&path)?;
        let entries =
            decode_bundle(&bundle, found.width()).map_err(|error| CheckError::Bundle { path: found, error })?;
        for entry in entries.into_iter().take(path.width().into()) {
            visit(frontier.size(), entry);
            append(&mut frontier, &mut files, leaf_hash(entry))?;
        }
    }
    let computed = frontier.root();
    if computed == *root { Ok(frontier) } else { Err(CheckError::Root { expected: *root, computed }) }
}

/// Appends a leaf and compares every stored hash that it completes.
fn append<F>(frontier: &mut Frontier, files: &mut Files<F>, leaf: Hash) -> Result<(), CheckError>
where
    F: FnMut(&TilePath) -> Option<Vec<u8>>,
{
    let mut outcome = Ok(());
    frontier.push_with(leaf, |level, index, hash| {
        if outcome.is_ok() && level % TILE_HEIGHT == 0 {
            outcome = files.compare(level / TILE_HEIGHT, index, hash);
        }
    })?;
    outcome
}

/// The log's files and, for each tile level, the hashes of the tile being compared.
struct Files<F> {
    size: u64,
    fetch: F,
    rows: BTreeMap<u8, Vec<Hash>>,
}

impl<F: FnMut(&TilePath) -> Option<Vec<u8>>> Files<F> {
    fn fetch(&mut self, path: &TilePath) -> Result<(TilePath, Vec<u8>), CheckError> {
        fetch_tile(path, &mut self.fetch).ok_or(CheckError::Missing(*path))
    }

    /// Compares the hash at a tile level; the hashes of one level come in order.
    fn compare(&mut self, level: u8, index: u64, computed: Hash) -> Result<(), CheckError> {
        let (path, offset) = TilePath::of_hash(level, index, self.size);
        if offset == 0 {
            let row = self.row(&path)?;
            self.rows.insert(level, row);
        }
        let row = self.rows.get(&level).map_or(&[][..], Vec::as_slice);
        let found = *row.get(usize::from(offset)).ok_or(CheckError::Missing(path))?;
        if found == computed {
            return Ok(());
        }
        Err(CheckError::Mismatch { path, offset, entry: path.first_entry(offset), found, computed })
    }

    fn row(&mut self, path: &TilePath) -> Result<Vec<Hash>, CheckError> {
        let (found, tile) = self.fetch(path)?;
        decode_tile(&tile, found.width()).map_err(|error| CheckError::Tile { path: found, error })
    }
}
