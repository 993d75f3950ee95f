//! The high-water mark: what was acknowledged last, noted outside the database.
//!
//! SQLite takes a bad checksum in its write-ahead log for the log's end, as a loss of power leaves it. So what stands behind a
//! rotten bit there would vanish without a word, though it was acknowledged. The mark says how many batches there were. It
//! is written after a batch's sync and before its answers go out, without a sync of its own: it never claims more than what
//! is durable, so a loss of power, which may take the mark's last steps back, leaves nothing to refuse.
//!
//! The file has two slots, a sector each, written in turn: a slot that is half written, or rots, leaves the other.

use std::cmp::Ordering;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use store::mutant::{self, Mutant};
use store::{Head, Reader};
use tlog::frontier::Frontier;
use tlog::hash::Hash;
use types::Digest;

use crate::closed::{self, ClosedLog};
use crate::disk::Disk;
use crate::epoch::{self, Found, Start};
use crate::files::Folder;
use crate::machine::StateSource;
use crate::recover::{OpenError, Place, root_at};
use crate::sequencer::frontier_of;
use crate::standing::Standing;

/// Is the length of a slot, in bytes: what a disk writes at once.
const SLOT_BYTES: usize = 512;

/// Is the number of the epoch in which a log begins.
const FIRST: u64 = 1;

/// Is what a slot begins with.
const MAGIC: [u8; 8] = *b"CSgnHWM1";

/// Is what was acknowledged last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// How many batches were committed.
    pub commits: u64,
    /// How many records there were.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
}

impl Seen {
    fn of(head: &Head) -> Result<Self, String> {
        let root = frontier_of(&head.frontier)?.root();
        Ok(Self { commits: head.commits, size: head.size, root })
    }

    /// Reads the newer slot of a file; `None` if neither can be read.
    pub fn latest(file: &[u8]) -> Option<Self> {
        file.chunks(SLOT_BYTES).filter_map(Self::from_slot).max_by_key(|seen| seen.commits)
    }

    fn to_slot(self) -> [u8; SLOT_BYTES] {
        let said = [&MAGIC[..], &self.commits.to_be_bytes(), &self.size.to_be_bytes(), &self.root.0].concat();
        let mut slot = [0; SLOT_BYTES];
        let whole = said.iter().copied().chain(Digest::of("watermark", &said).0);
        slot.iter_mut().zip(whole).for_each(|(place, byte)| *place = byte);
        slot
    }

    /// Reads a slot; `None` if it is not as it was written, to the last bit.
    fn from_slot(slot: &[u8]) -> Option<Self> {
        let rest = slot.strip_prefix(&MAGIC)?;
        let (commits, rest) = rest.split_first_chunk()?;
        let (size, rest) = rest.split_first_chunk()?;
        let root = Hash(*rest.first_chunk()?);
        let seen = Self { commits: u64::from_be_bytes(*commits), size: u64::from_be_bytes(*size), root };
        (seen.to_slot() == *slot).then_some(seen)
    }

    /// Returns the place of its slot in the file.
    fn place(self) -> u64 {
        self.commits % 2 * SLOT_BYTES as u64
    }
}

/// Notes what was acknowledged last.
#[derive(Debug)]
pub(crate) struct Watermark {
    disk: Arc<dyn Disk>,
    file: PathBuf,
}

impl Watermark {
    /// Begins with where a journal ends that was found whole, which is durable when this returns.
    pub(crate) fn begin(disk: &Arc<dyn Disk>, place: &Place, epoch: u64, head: &Head) -> Result<Self, OpenError> {
        let name = name(epoch);
        let failed = |error| OpenError::Folder { path: place.head.clone(), error };
        let slot = Seen::of(head).map_err(OpenError::Mismatch)?.to_slot();
        let folder = Folder::open(disk.clone(), &place.head).map_err(failed)?;
        folder.replace(&name, &[slot, slot].concat()).map_err(failed)?;
        Ok(Self { disk: disk.clone(), file: place.head.join(name) })
    }

    /// Notes a batch that is durable; nothing of it may have been answered.
    ///
    /// # Errors
    ///
    /// What the file system says: the batch MUST then not be answered, as nobody would miss it.
    pub(crate) fn note(&self, head: &Head) -> io::Result<()> {
        let seen = Seen::of(head).map_err(|why| io::Error::new(io::ErrorKind::InvalidData, why))?;
        self.disk.overwrite(&self.file, seen.place(), &seen.to_slot())
    }
}

/// Names the file of an epoch, counted through all logs, closed ones too: one that ended admits what is missing of it, and its mark is of no use any more.
fn name(epoch: u64) -> String {
    format!("watermark.{epoch}")
}

fn read(disk: &Arc<dyn Disk>, place: &Place, epoch: u64) -> Result<Option<Seen>, OpenError> {
    let failed = |error| OpenError::Folder { path: place.head.clone(), error };
    let folder = Folder::open(disk.clone(), &place.head).map_err(failed)?;
    let Some(bytes) = folder.read(&name(epoch)).map_err(failed)? else { return Ok(None) };
    Seen::latest(&bytes)
        .map(Some)
        .ok_or_else(|| OpenError::Mismatch(format!("`{}` in its head folder is unreadable", name(epoch))))
}

fn known(state: &dyn StateSource) -> Result<(Option<Standing>, Vec<ClosedLog>), String> {
    Ok((Standing::of(state)?, ClosedLog::of_rows(&state.all(closed::KIND)?)?))
}

/// Looks whether a journal is short, before anything is written to it: the first commit after a write-ahead log that ends too
/// early would overwrite what stands behind.
///
/// - `state`: what the journal's own state is to be taken from, if not from what is stored.
///
/// # Errors
///
/// As [`check`], but nothing is computed.
pub(crate) fn look(
    place: &Place,
    disk: &Arc<dyn Disk>,
    journal: &Path,
    state: Option<&dyn StateSource>,
) -> Result<(), OpenError> {
    let reader = Reader::find(journal)?;
    let (standing, closed) = match (state, &reader) {
        (Some(state), _) => known(state).map_err(OpenError::State)?,
        (None, Some(reader)) => (Standing::read(reader)?, ClosedLog::all(reader)?),
        (None, None) => (None, Vec::new()),
    };
    let epoch = standing.map_or(FIRST, |standing| standing.epoch()) + closed::epochs(&closed);
    let Some(seen) = read(disk, place, epoch)? else { return Ok(()) };
    let head = reader.map_or_else(|| Ok(Head::default()), |reader| reader.head())?;
    match not_short(&seen, &head) {
        Err(_) if mutant::on(Mutant::MarkIgnored) => Ok(()),
        // Who restored an old copy is told by the head file, which names what was published, if that has seen more too.
        Err(OpenError::Short { found, .. }) => match epoch::seen_by_head_file(place, disk)? {
            Some(published) if published > found => Err(OpenError::Behind { found, seen: published }),
            _ => not_short(&seen, &head),
        },
        other => other,
    }
}

/// Holds a journal against what was acknowledged last of it.
///
/// A mark that is missing is none: a journal of an earlier version has none, and neither has one whose folder of keys was
/// put together anew.
///
/// - `head`: where the journal ends.
/// - `frontier`: the right edge over its records, computed from them.
///
/// # Errors
///
/// [`OpenError::Short`] if less is there; [`OpenError::Mismatch`] if something else is, or neither slot can be read. A log that is
/// taken up anew is not refused: what is missing is told by what is returned.
pub(crate) fn check(
    place: &Place,
    disk: &Arc<dyn Disk>,
    reader: &Reader,
    (head, frontier): (&Head, &Frontier),
    found: Found,
    start: Start,
) -> Result<Found, OpenError> {
    if mutant::on(Mutant::MarkIgnored) {
        return Ok(found);
    }
    match (read(disk, place, found.epoch()), start) {
        (Ok(None), _) => Ok(found),
        (Ok(Some(seen)), Start::AsItIs | Start::PutAway) => compare(seen, reader, head, frontier).map(|()| found),
        (Ok(Some(seen)), Start::Anew) => Ok(found.and_acknowledged(seen, head)),
        (Err(OpenError::Mismatch(_)), Start::Anew) => Ok(Found { short: true, ..found }),
        (Err(error), _) => Err(error),
    }
}

fn not_short(seen: &Seen, head: &Head) -> Result<(), OpenError> {
    let by_records = mutant::on(Mutant::CommitsNotCompared);
    let is_short = if by_records { head.size < seen.size } else { head.commits < seen.commits };
    let commits = seen.commits.saturating_sub(head.commits);
    if is_short { Err(OpenError::Short { found: head.size, seen: seen.size, commits }) } else { Ok(()) }
}

fn compare(seen: Seen, reader: &Reader, head: &Head, frontier: &Frontier) -> Result<(), OpenError> {
    not_short(&seen, head)?;
    let root = match head.size.cmp(&seen.size) {
        Ordering::Less => None,
        Ordering::Equal => Some(frontier.root()),
        Ordering::Greater => Some(root_at(reader, seen.size)?),
    };
    if root != Some(seen.root) {
        return Err(OpenError::Mismatch(format!(
            "its first {} records are not those that were acknowledged",
            seen.size
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, reason = "tests")]

    use super::*;

    #[test]
    fn a_slot_is_read_as_it_was_written_or_not_at_all() {
        let seen = Seen { commits: 7, size: 5, root: Hash([3; 32]) };
        let slot = seen.to_slot();
        assert_eq!(Seen::from_slot(&slot), Some(seen));
        assert_eq!((seen.place(), Seen { commits: 8, ..seen }.place()), (512, 0));
        for bit in 0..SLOT_BYTES * 8 {
            let mut rotten = slot;
            rotten[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Seen::from_slot(&rotten), None, "bit {bit}");
        }
        assert_eq!(Seen::from_slot(&slot[..100]), None);
    }
}
