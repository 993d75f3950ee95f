//! Pages that carry a checksum: whatever SQLite reads from the journal's file is what was written there, or an error.
//!
//! SQLite itself notices a rotten page only where the page makes no sense. The last bytes of every page are reserved,
//! as the file format allows, and hold a checksum over the page's number and its bytes; [`vfs`] writes it whenever SQLite
//! writes a page into the file, and compares it whenever SQLite reads one. So tables, indexes, the pages between them and
//! the schema are covered alike. The write-ahead log has checksums of SQLite's own.
//!
//! This is against rot. Whoever may write the folder can compute a checksum too; what proves the records is their tree.

mod vfs;

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use crate::error::StoreError;
use crate::mutant::{self, Mutant};
use crate::plans;

pub use vfs::VFS;

/// Is the size of a page, in bytes. A batch of decisions fills a few of these, and each costs two writes to the log.
pub const PAGE_BYTES: usize = 8_192;

/// Is how many bytes at the end of each page SQLite leaves to the checksum.
pub(crate) const RESERVED_BYTES: u8 = SUM_BYTES as u8;

/// Is the length of a checksum, in bytes: a CRC-32 tells every page in which up to three bits have changed.
const SUM_BYTES: usize = 4;

/// Is the application id in the header of a file whose pages carry checksums: "CSgn".
pub(crate) const APPLICATION: u32 = 0x4353_676e;

/// Is how long the header of a file is, in bytes; SQLite reads it before it knows how large a page is.
const HEADER_BYTES: usize = 100;

/// Opens a journal whose pages are compared, or one of an earlier version whose pages carry nothing to compare.
pub(crate) fn open(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    vfs::register_once();
    let connection = Connection::open_with_flags_and_vfs(path, flags, VFS)?;
    plans::keep(&connection)?;
    Ok(connection)
}

/// Has a file that is still empty made with checksums, and marks it so that the header says it twice.
pub(crate) fn prepare(connection: &Connection) -> Result<(), StoreError> {
    connection.pragma_update(None, "page_size", PAGE_BYTES as i64)?;
    vfs::reserve(connection, RESERVED_BYTES)?;
    connection.pragma_update(None, "application_id", APPLICATION)?;
    Ok(())
}

/// Says whether a file's pages carry checksums.
pub(crate) fn are_sealed(connection: &Connection) -> Result<bool, StoreError> {
    let id: u32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    Ok(id == APPLICATION)
}

/// Says by its header whether a file's pages carry checksums. Two places say it, so that one that rots does not turn them off.
fn has_sums(header: &[u8; HEADER_BYTES]) -> bool {
    let [.., reserved] = *header.first_chunk::<21>().unwrap_or(&[0; 21]);
    let id = header.get(68..72).and_then(|id| id.try_into().ok()).map(u32::from_be_bytes);
    reserved != 0 || id == Some(APPLICATION)
}

/// Says whether a read or a write is of exactly one page.
fn is_page(at: usize, len: usize) -> bool {
    len == PAGE_BYTES && at.is_multiple_of(PAGE_BYTES)
}

/// Computes the checksum of the page at a place, and returns it with the one that stands there; `None` if it is too short to have one.
fn sum(page: &[u8], at: usize) -> Option<([u8; SUM_BYTES], &[u8; SUM_BYTES])> {
    let (bytes, stored) = page.split_last_chunk()?;
    let mut crc = crc32fast::Hasher::new();
    crc.update(&(at as u64).to_be_bytes());
    crc.update(bytes);
    Some((crc.finalize().to_be_bytes(), stored))
}

/// Says whether a page that stands at a place is the one that was written there.
fn is_whole(page: &[u8], at: usize) -> bool {
    mutant::on(Mutant::SumsNotCompared) || sum(page, at).is_some_and(|(sum, stored)| sum == *stored)
}

/// Puts the checksum into a page that is to be written at a place, as who edits a journal past the store can, too.
///
/// - `at`: where the page begins in the file, in bytes.
pub fn seal(page: &mut [u8], at: usize) {
    if let Some((sum, _)) = sum(page, at)
        && let Some(end) = page.last_chunk_mut()
    {
        *end = sum;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use super::*;

    #[test]
    fn a_sealed_page_is_whole_at_its_place_alone_and_with_every_bit() {
        let mut page: Vec<u8> = (0..PAGE_BYTES).map(|n| (n % 251) as u8).collect();
        seal(&mut page, PAGE_BYTES);
        assert!(is_whole(&page, PAGE_BYTES));
        assert!(!is_whole(&page, 2 * PAGE_BYTES), "a page of another place");
        assert!(!is_whole(&vec![0; PAGE_BYTES], 0), "a page that was never written");
        for bit in (0..PAGE_BYTES * 8).step_by(97) {
            page[bit / 8] ^= 1 << (bit % 8);
            assert!(!is_whole(&page, PAGE_BYTES), "bit {bit}");
            page[bit / 8] ^= 1 << (bit % 8);
        }
    }

    #[test]
    fn no_single_bit_of_a_header_turns_the_checksums_off() {
        let mut header = [0; HEADER_BYTES];
        assert!(!has_sums(&header), "an earlier version");
        header[20] = RESERVED_BYTES;
        header[68..72].copy_from_slice(&APPLICATION.to_be_bytes());
        for bit in 0..HEADER_BYTES * 8 {
            header[bit / 8] ^= 1 << (bit % 8);
            assert!(has_sums(&header), "bit {bit}");
            header[bit / 8] ^= 1 << (bit % 8);
        }
    }
}
