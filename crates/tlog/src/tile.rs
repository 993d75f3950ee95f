//! Tiles: the tree's hashes as immutable files (C2SP `tlog-tiles` v0.1.0).

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::hash::Hash;
use crate::prove::HashReader;

/// The number of hashes in a full tile and of entries in a full bundle.
pub const TILE_WIDTH: u16 = 256;

/// The number of tree levels between one tile level and the next.
pub const TILE_HEIGHT: u8 = 8;

/// The highest tile level. Tiles above it, up to 63 in the specification, need a tree of 2^64 entries.
pub const TILE_LEVEL_MAX: u8 = 7;

/// What a tile holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TileLevel {
    /// Hashes of subtrees over 256^level entries, level 0 being the leaf hashes; at most [`TILE_LEVEL_MAX`].
    Hashes(u8),
    /// The entries themselves.
    Entries,
}

/// The place of a tile or entry bundle in the log, printed as its path `tile/<L>/<N>[.p/<W>]`.
///
/// Every value is the place of a tile in some tree of fewer than 2^64 entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TilePath {
    level: TileLevel,
    index: u64,
    width: u16,
}

/// Why a path or a tile is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TileError {
    /// The text is not `tile/<L>/<N>[.p/<W>]` or `tile/entries/<N>[.p/<W>]` in its one canonical spelling.
    #[error("not the path of a tile or entry bundle")]
    Path,
    /// No tree of fewer than 2^64 entries has such a tile, or the width is not between 1 and 256.
    #[error("no tree has such a tile")]
    OutOfRange,
    /// The tile is not exactly 32 bytes for each of its hashes.
    #[error("a tile of {width} hashes cannot be {bytes} bytes long")]
    Length {
        /// The number of hashes it should have.
        width: u16,
        /// The number of bytes it has.
        bytes: usize,
    },
    /// The number of hashes to put into a tile is not between 1 and 256.
    #[error("a tile has 1 to 256 hashes, not {0}")]
    Width(usize),
    /// The tree has no such complete subtree.
    #[error("the tree has no complete subtree {index} at level {level}")]
    NotInTree {
        /// The level asked for, 0 being the leaves.
        level: u8,
        /// The index asked for within the level.
        index: u64,
    },
    /// The log does not have a tile it must have.
    #[error("{0} is missing")]
    Missing(TilePath),
}

impl TileError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            TileError::Path | TileError::OutOfRange => "tile-path-malformed",
            TileError::Length { .. } | TileError::Width(_) => "tile-malformed",
            TileError::NotInTree { .. } => "hash-not-in-tree",
            TileError::Missing(_) => "tile-missing",
        }
    }
}

impl TilePath {
    /// Creates the place of a tile or bundle with `width` hashes or entries, 1 to 256.
    ///
    /// # Errors
    ///
    /// [`TileError::OutOfRange`] if the width is out of range or no tree of fewer than 2^64 entries has the tile.
    pub fn new(level: TileLevel, index: u64, width: u16) -> Result<Self, TileError> {
        let height = match level {
            TileLevel::Entries => 0,
            TileLevel::Hashes(level) => level,
        };
        if height > TILE_LEVEL_MAX || index > (u64::MAX >> TILE_HEIGHT) >> (height * TILE_HEIGHT) {
            return Err(TileError::OutOfRange);
        }
        if !(1..=TILE_WIDTH).contains(&width) {
            return Err(TileError::OutOfRange);
        }
        Ok(Self { level, index, width })
    }

    /// Finds the tile of the given level and index in the tree of `size` entries, if that tree has it.
    pub fn in_tree(level: TileLevel, index: u64, size: u64) -> Option<Self> {
        let start = index.checked_mul(TILE_WIDTH.into())?;
        let width = row_len(level, size).checked_sub(start)?.min(TILE_WIDTH.into());
        Self::new(level, index, width as u16).ok()
    }

    /// Returns what the tile holds.
    pub fn level(&self) -> TileLevel {
        self.level
    }

    /// Returns the index of the tile within its level.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// Returns the number of hashes or entries in the tile, 1 to 256.
    pub fn width(&self) -> u16 {
        self.width
    }

    /// Says whether the tile has fewer than 256 hashes or entries.
    pub fn is_partial(&self) -> bool {
        self.width < TILE_WIDTH
    }

    /// Returns the same place with the tile full, to be tried when a partial tile is gone.
    #[must_use]
    pub fn full(&self) -> Self {
        Self { width: TILE_WIDTH, ..*self }
    }

    /// Lists the level and index of each of the tile's hashes, as [`HashReader::read`] takes them.
    ///
    /// For an entry bundle these are the leaf hashes of its entries.
    pub fn places(&self) -> impl Iterator<Item = (u8, u64)> + use<> {
        let level = match self.level {
            TileLevel::Entries => 0,
            TileLevel::Hashes(level) => level * TILE_HEIGHT,
        };
        let start = self.index << TILE_HEIGHT;
        (0..u64::from(self.width)).map(move |offset| (level, start + offset))
    }

    /// Finds the tile and the offset in it of a hash that MUST be in the tree of `size` entries; `level` and `index`
    /// count tile levels and the hashes of one.
    pub(crate) fn of_hash(level: u8, index: u64, size: u64) -> (Self, u8) {
        let offset = index as u8;
        let level = TileLevel::Hashes(level);
        let after = row_len(level, size).saturating_sub(index - u64::from(offset));
        let width = after.min(TILE_WIDTH.into()) as u16;
        (Self { level, index: index >> TILE_HEIGHT, width }, offset)
    }

    /// Returns the index of the first log entry below the hash at `offset`.
    pub(crate) fn first_entry(&self, offset: u8) -> u64 {
        let at = (self.index << TILE_HEIGHT) + u64::from(offset);
        match self.level {
            TileLevel::Entries => at,
            TileLevel::Hashes(level) => at << (level * TILE_HEIGHT),
        }
    }
}

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.level {
            TileLevel::Hashes(level) => write!(f, "tile/{level}/")?,
            TileLevel::Entries => f.write_str("tile/entries/")?,
        }
        write_index(f, self.index)?;
        if self.is_partial() { write!(f, ".p/{}", self.width) } else { Ok(()) }
    }
}

impl FromStr for TilePath {
    type Err = TileError;

    fn from_str(text: &str) -> Result<Self, TileError> {
        let path = parse_path(text).ok_or(TileError::Path)??;
        // What does not print as it was read had leading zeroes, plus signs or a width of 256.
        if path.to_string() == text { Ok(path) } else { Err(TileError::Path) }
    }
}

/// Lists the tiles that a log of `new` entries has and that it did not have at `old` entries, lazily.
///
/// Partial tiles count as other tiles than those they grow into. With `old` = 0 these are all tiles of the tree.
pub fn tiles_between(old: u64, new: u64) -> impl Iterator<Item = TilePath> {
    (0..=TILE_LEVEL_MAX).flat_map(move |level| grown(TileLevel::Hashes(level), old, new))
}

/// Lists the entry bundles that a log of `new` entries has and that it did not have at `old` entries, lazily.
pub fn bundles_between(old: u64, new: u64) -> impl Iterator<Item = TilePath> {
    grown(TileLevel::Entries, old, new)
}

/// Encodes neighbouring hashes as a tile.
///
/// # Errors
///
/// [`TileError::Width`] if there are none or more than 256.
pub fn encode_tile(hashes: &[Hash]) -> Result<Vec<u8>, TileError> {
    if hashes.is_empty() || hashes.len() > TILE_WIDTH.into() {
        return Err(TileError::Width(hashes.len()));
    }
    Ok(hashes.iter().flat_map(|hash| hash.0).collect())
}

/// Decodes a tile of exactly `width` hashes.
///
/// # Errors
///
/// [`TileError::Length`] if the tile is not 32 bytes for each.
pub fn decode_tile(bytes: &[u8], width: u16) -> Result<Vec<Hash>, TileError> {
    let (hashes, tail) = bytes.as_chunks::<{ Hash::LEN }>();
    if !tail.is_empty() || hashes.len() != usize::from(width) {
        return Err(TileError::Length { width, bytes: bytes.len() });
    }
    Ok(hashes.iter().copied().map(Hash).collect())
}

/// Renders a tile from any source of the tree's hashes. For an entry bundle this is the tile of its leaf hashes.
///
/// # Errors
///
/// The reader's own error, if a hash cannot be read.
pub fn tile_from<R: HashReader + ?Sized>(path: &TilePath, reader: &R) -> Result<Vec<u8>, R::Error> {
    let mut bytes = Vec::with_capacity(usize::from(path.width) * Hash::LEN);
    for (level, index) in path.places() {
        bytes.extend_from_slice(&reader.read(level, index)?.0);
    }
    Ok(bytes)
}

/// Fetches a tile or bundle, or where it is partial and gone the full one, and says which of the two it is.
///
/// "MAY fetch the full tile in parallel as a fallback in case the partial tile is not available anymore."
pub(crate) fn fetch_tile(
    path: &TilePath,
    mut fetch: impl FnMut(&TilePath) -> Option<Vec<u8>>,
) -> Option<(TilePath, Vec<u8>)> {
    if let Some(bytes) = fetch(path) {
        return Some((*path, bytes));
    }
    let full = path.full();
    if path.is_partial() { fetch(&full).map(|bytes| (full, bytes)) } else { None }
}

/// Returns the number of hashes (or entries) a tree of `size` entries has at a tile level.
fn row_len(level: TileLevel, size: u64) -> u64 {
    match level {
        TileLevel::Entries => size,
        TileLevel::Hashes(level) => size.checked_shr(u32::from(level) * u32::from(TILE_HEIGHT)).unwrap_or(0),
    }
}

fn grown(level: TileLevel, old: u64, new: u64) -> impl Iterator<Item = TilePath> {
    let (old_len, new_len) = (row_len(level, old), row_len(level, new));
    let last = if new_len > old_len { new_len.div_ceil(TILE_WIDTH.into()) } else { 0 };
    (old_len >> TILE_HEIGHT..last).filter_map(move |index| TilePath::in_tree(level, index, new))
}

fn write_index(f: &mut fmt::Formatter<'_>, index: u64) -> fmt::Result {
    let mut groups = vec![index % 1000];
    let mut rest = index / 1000;
    while rest > 0 {
        groups.push(rest % 1000);
        rest /= 1000;
    }
    let (last, leading) = groups.split_first().unwrap_or((&0, &[]));
    leading.iter().rev().try_for_each(|group| write!(f, "x{group:03}/"))?;
    write!(f, "{last:03}")
}

fn parse_path(text: &str) -> Option<Result<TilePath, TileError>> {
    let (level, rest) = text.strip_prefix("tile/")?.split_once('/')?;
    let level = if level == "entries" { TileLevel::Entries } else { TileLevel::Hashes(level.parse().ok()?) };
    let (index, width) = match rest.split_once(".p/") {
        Some((index, width)) => (index, width.parse().ok()?),
        None => (rest, TILE_WIDTH),
    };
    Some(TilePath::new(level, parse_index(index)?, width))
}

fn parse_index(text: &str) -> Option<u64> {
    text.split('/').try_fold(0u64, |index, group| {
        let digits: u64 = group.strip_prefix('x').unwrap_or(group).parse().ok()?;
        index.checked_mul(1000)?.checked_add(digits)
    })
}
