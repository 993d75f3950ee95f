//! Entry bundles: the log's entries as files of up to 256, each after its length (C2SP `tlog-tiles` v0.1.0).

use thiserror::Error;

use crate::tile::TILE_WIDTH;

/// The largest entry, in bytes.
pub const ENTRY_LEN_MAX: usize = u16::MAX as usize;

/// Why a bundle cannot be encoded or decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BundleError {
    /// There are no entries or more than 256.
    #[error("a bundle has 1 to 256 entries")]
    Count,
    /// An entry is longer than [`ENTRY_LEN_MAX`].
    #[error("an entry of {0} bytes is longer than 65535")]
    EntryTooLong(usize),
    /// The bundle ends within an entry or its length.
    #[error("the bundle ends within entry {0}")]
    Truncated(usize),
    /// The bundle does not have as many entries as it must have.
    #[error("the bundle has {found} entries instead of {expected}")]
    WrongCount {
        /// The number of entries it must have.
        expected: u16,
        /// The number of entries it has.
        found: usize,
    },
}

impl BundleError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            BundleError::EntryTooLong(_) => "entry-too-long",
            BundleError::Count | BundleError::Truncated(_) | BundleError::WrongCount { .. } => "bundle-malformed",
        }
    }
}

/// Encodes entries as a bundle, each after its length in 2 bytes big-endian.
///
/// # Errors
///
/// [`BundleError::Count`] if there are no entries or more than 256; [`BundleError::EntryTooLong`] if one is
/// longer than 65,535 bytes.
pub fn encode_bundle<E: AsRef<[u8]>>(entries: &[E]) -> Result<Vec<u8>, BundleError> {
    if entries.is_empty() || entries.len() > TILE_WIDTH.into() {
        return Err(BundleError::Count);
    }
    let mut bundle = Vec::new();
    for entry in entries.iter().map(AsRef::as_ref) {
        let len = u16::try_from(entry.len()).map_err(|_| BundleError::EntryTooLong(entry.len()))?;
        bundle.extend_from_slice(&len.to_be_bytes());
        bundle.extend_from_slice(entry);
    }
    Ok(bundle)
}

/// Decodes a bundle of exactly `width` entries.
///
/// # Errors
///
/// [`BundleError::Truncated`] if the bundle ends within an entry (counted from 0); [`BundleError::Count`] if it
/// has none or more than 256; [`BundleError::WrongCount`] if it has another number than `width`.
pub fn decode_bundle(bundle: &[u8], width: u16) -> Result<Vec<&[u8]>, BundleError> {
    let mut entries = Vec::with_capacity(width.into());
    let mut rest = bundle;
    while !rest.is_empty() {
        let (entry, after) = split_entry(rest).ok_or(BundleError::Truncated(entries.len()))?;
        entries.push(entry);
        rest = after;
        if entries.len() > TILE_WIDTH.into() {
            return Err(BundleError::Count);
        }
    }
    match entries.len() {
        0 => Err(BundleError::Count),
        found if found == usize::from(width) => Ok(entries),
        found => Err(BundleError::WrongCount { expected: width, found }),
    }
}

fn split_entry(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(u16::from_be_bytes(*len).into())
}
