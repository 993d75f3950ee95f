//! Closed logs: what is known of each, and where their files lie.
//!
//! `closed/N/` in the data folder holds log N whole: its journal, its published files, and its final checkpoint, which stays
//! when the rest is deleted.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use evidence::log_archive::Contents;
use evidence::{Carried, LogEnd, LogEvent, LogEventKind};
use minicbor::{Decode, Encode};
use store::{Reader, StoreError, Writer};
use tlog::Note;
use tlog::checkpoint::Checkpoint;
use types::{Digest, Millis, cbor};

use crate::disk::Disk;
use crate::files::{self, Folder};
use crate::recover::{JOURNAL, LOG, OpenError, Place};

/// Is the kind of stored state under which closed logs are kept, each by its number.
pub const KIND: &str = "closed";

/// Is the folder of the closed logs in the data folder.
pub const CLOSED: &str = "closed";

/// Is the file of a closed log's final checkpoint, with the cosignatures it had.
pub const FINAL: &str = "checkpoint";

const CHECKPOINT: &str = "checkpoint";

const HEAD: &str = "head";

/// Is the highest number looked for behind a name that was taken: each is a folder that somebody else put there.
const AGAIN_MAX: u32 = 9;

/// Is with what a file is overwritten at a time.
static ZEROS: [u8; 8_192] = [0; 8_192];

/// Is an archive of a closed log that somebody has read back, on their word.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Archived {
    /// The archive's digest.
    #[n(0)]
    pub digest: Digest,
    /// The index of the record that says so, in the log that was live then.
    #[n(1)]
    pub record: u64,
    /// When it was recorded.
    #[n(2)]
    pub at: Millis,
    /// What it has of the contents; absent in records of an earlier version.
    #[n(3)]
    pub contents: Option<Contents>,
}

/// Is the deletion of a closed log.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Deleted {
    /// The index of the record that says so.
    #[n(0)]
    pub record: u64,
    /// The origin of the log that record is in.
    #[n(1)]
    pub origin: String,
    /// When it was recorded.
    #[n(2)]
    pub at: Millis,
}

/// Is what is known of a closed log, whatever became of its files.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ClosedLog {
    /// Its number, from 1.
    #[n(0)]
    pub number: u64,
    /// The origins it had, its last one last.
    #[n(1)]
    pub origins: Vec<String>,
    /// The verifier keys that signed its final checkpoint.
    #[n(2)]
    pub signers: Vec<String>,
    /// How many records it has.
    #[n(3)]
    pub size: u64,
    /// The root over them.
    #[n(4)]
    pub root: Digest,
    /// Its final checkpoint, with the cosignatures it had when it was put away.
    #[n(5)]
    pub checkpoint: String,
    /// A quorum of the witnesses had cosigned that checkpoint.
    #[n(6)]
    pub is_witnessed: bool,
    /// When its first record was written.
    #[n(7)]
    pub first: Millis,
    /// When its last record was written.
    #[n(8)]
    pub last: Millis,
    /// The last archive of it that was recorded.
    #[n(9)]
    pub archive: Option<Archived>,
    /// Its deletion.
    #[n(10)]
    pub deleted: Option<Deleted>,
}

impl ClosedLog {
    /// Returns what the first record of the next log says of it.
    ///
    /// - `state`: the digest of the rows that go over.
    pub fn carried(&self, state: Digest, rows: u64) -> Carried {
        let Self { number, origins, checkpoint, is_witnessed, first, last, .. } = self.clone();
        Carried { number, checkpoint, state, rows, origins, is_witnessed, first, last }
    }

    /// Reads what the first record of the next log says of it; `None` if that says no end.
    pub fn before(event: &LogEvent, carried: Carried) -> Option<Self> {
        let Carried { number, checkpoint, origins, is_witnessed, first, last, .. } = carried;
        let LogEnd { found: size, root: Some(root), .. } = event.ended.clone()? else { return None };
        let signers = event.old.clone();
        let (archive, deleted) = (None, None);
        Some(Self { number, origins, signers, size, root, checkpoint, is_witnessed, first, last, archive, deleted })
    }

    /// Returns what is known of it after a record that says so in the open: that it was archived, or deleted.
    ///
    /// - `origin`: of the log that record is in.
    /// - `(record, at)`: its index and its time.
    #[must_use]
    pub fn after(self, event: &LogEvent, origin: &str, (record, at): (u64, Millis)) -> Self {
        match (event.event, event.archive) {
            (LogEventKind::Archived, Some(digest)) => {
                Self { archive: Some(Archived { digest, record, at, contents: event.contents }), ..self }
            }
            (LogEventKind::Deleted, _) => {
                Self { deleted: Some(Deleted { record, origin: origin.to_owned(), at }), ..self }
            }
            _ => self,
        }
    }

    /// Returns its last origin.
    pub fn origin(&self) -> &str {
        self.origins.last().map_or("", String::as_str)
    }

    /// Returns the digest of its final checkpoint, cosignatures included.
    pub fn checkpoint_digest(&self) -> Digest {
        Digest::plain(self.checkpoint.as_bytes())
    }

    /// Says whether a name is this log's: its number or one of its origins.
    pub fn is_named(&self, name: &str) -> bool {
        name.parse() == Ok(self.number) || self.origins.iter().any(|origin| origin == name)
    }

    /// Reads all that are stored, the first first.
    ///
    /// # Errors
    ///
    /// What the store says; [`StoreError::Damaged`] if a value is no closed log.
    pub fn all(reader: &Reader) -> Result<Vec<Self>, StoreError> {
        Self::of_rows(&reader.state(KIND)?).map_err(StoreError::Damaged)
    }

    /// Reads all from their stored rows, the first first.
    ///
    /// # Errors
    ///
    /// A sentence saying which value is no closed log.
    pub fn of_rows(rows: &[(String, Vec<u8>)]) -> Result<Vec<Self>, String> {
        let decode = |(key, bytes): &(String, Vec<u8>)| {
            cbor::decode::<Self>(bytes).map_err(|e| format!("what is stored of the closed log {key} is {e}"))
        };
        let mut all: Vec<Self> = rows.iter().map(decode).collect::<Result<_, _>>()?;
        all.sort_by_key(|log| log.number);
        Ok(all)
    }
}

/// Counts the epochs of closed logs: each has an origin of its own.
pub(crate) fn epochs(closed: &[ClosedLog]) -> u64 {
    closed.iter().map(|log| log.origins.len() as u64).sum()
}

/// Names the folder of a closed log.
pub fn folder(data: &Path, number: u64) -> PathBuf {
    data.join(CLOSED).join(number.to_string())
}

/// Brings the files of closed logs to where they belong: what a crash has left half done is done by the next start.
///
/// Published files and head files of a closed log are moved away from those of the live one, the final checkpoint is put
/// beside them, and what was deleted goes.
///
/// # Errors
///
/// [`OpenError::Folder`] if they cannot be moved, but not if those of a deleted log cannot be removed; [`OpenError::Behind`] if the head file has seen more of a closed log than
/// it had when it was closed.
pub(crate) fn put_away(place: &Place, disk: &Arc<dyn Disk>, closed: &[ClosedLog]) -> Result<(), OpenError> {
    for log in closed {
        put_away_head(place, disk.as_ref(), log)?;
        let own = folder(&place.data, log.number);
        let failed = |error| OpenError::Folder { path: own.clone(), error };
        put_away_files(&place.data, disk, log).map_err(failed)?;
        if log.deleted.is_some()
            && let Err(error) = delete(&place.data, disk, log)
        {
            // It is no reason to serve nothing; the doctor tells it, and the next start tries again.
            tracing::warn!(log = log.number, %error, "files of a deleted log are still there");
        }
    }
    Ok(())
}

fn put_away_head(place: &Place, disk: &dyn Disk, log: &ClosedLog) -> Result<(), OpenError> {
    let failed = |error| OpenError::Folder { path: place.head.clone(), error };
    let seen = read(disk, &place.head.join(HEAD)).map_err(failed)?;
    let Some(seen) = seen.filter(|seen| log.origins.contains(&seen.origin)) else { return Ok(()) };
    if seen.size > log.size {
        return Err(OpenError::Behind { found: log.size, seen: seen.size });
    }
    move_to_free(disk, &place.head, HEAD, &format!("closed-{}", log.number)).map_err(failed)
}

fn put_away_files(data: &Path, disk: &Arc<dyn Disk>, log: &ClosedLog) -> io::Result<()> {
    let own = Folder::open(disk.clone(), folder(data, log.number))?;
    if own.read(FINAL)?.as_deref() != Some(log.checkpoint.as_bytes()) {
        own.replace(FINAL, log.checkpoint.as_bytes())?;
    }
    for name in published_names(log) {
        let published = read(disk.as_ref(), &data.join(&name).join(CHECKPOINT))?;
        if published.is_some_and(|published| log.origins.contains(&published.origin)) {
            disk.rename(&data.join(&name), &own.path().join(&name))?;
            files::sync_on(disk.as_ref(), own.path())?;
            files::sync_on(disk.as_ref(), data)?;
        }
    }
    Ok(())
}

/// Names the published folders that a closed log may have: its last one, and one for each epoch that ended before, with the
/// numbers that [`move_to_free`] puts behind a name that was taken.
fn published_names(log: &ClosedLog) -> Vec<String> {
    let ended = (1..log.origins.len()).map(|number| format!("{LOG}.{number}"));
    let all = ended.flat_map(|name| {
        let again: Vec<String> = (2..=AGAIN_MAX).map(|again| format!("{name}-{again}")).collect();
        std::iter::once(name).chain(again)
    });
    std::iter::once(LOG.to_owned()).chain(all).collect()
}

/// Deletes the files of a closed log, all but its final checkpoint: first the keys in its journal, then the rest.
///
/// A journal that is damaged is overwritten as it lies.
///
/// # Errors
///
/// [`OpenError::Busy`] with nothing removed if somebody reads the journal, so that its keys are still there;
/// [`OpenError::Folder`] if a file cannot be removed. The same call does what is left.
pub fn delete(data: &Path, disk: &Arc<dyn Disk>, log: &ClosedLog) -> Result<(), OpenError> {
    let own = folder(data, log.number);
    let failed = |error| OpenError::Folder { path: own.clone(), error };
    let journal = own.join(JOURNAL);
    if is_there(disk.as_ref(), &journal).map_err(failed)? {
        // A file that is removed leaves its bytes on the device for a while: without keys they say nothing.
        destroy(disk.as_ref(), &journal)?;
    }
    let journals = ["", "-wal", "-shm"].map(|end| format!("{JOURNAL}{end}"));
    // The journal last: as long as it is there, a start knows that the rest may be.
    for name in published_names(log).into_iter().chain(journals.into_iter().rev()) {
        remove(disk.as_ref(), &own.join(name)).map_err(failed)?;
    }
    files::sync_on(disk.as_ref(), &own).map_err(failed)
}

/// Destroys the keys in a closed journal; one that cannot be written as a journal is overwritten whole.
fn destroy(disk: &dyn Disk, journal: &Path) -> Result<(), OpenError> {
    match Writer::open(journal).and_then(|mut writer| writer.destroy_keys()) {
        Ok(true) => Ok(()),
        Ok(false) | Err(StoreError::Busy) => Err(OpenError::Busy(journal.to_owned())),
        Err(error) => {
            tracing::warn!(%error, journal = %journal.display(), "a deleted log's journal is overwritten as it lies");
            let blanked =
                [journal.to_owned(), store::wal::log_of(journal)].iter().try_for_each(|file| blank(disk, file));
            blanked.map_err(|error| OpenError::Folder { path: journal.to_owned(), error })
        }
    }
}

/// Overwrites a file with zeros; that it is missing is no error.
fn blank(disk: &dyn Disk, file: &Path) -> io::Result<()> {
    let bytes = match std::fs::metadata(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found?.len(),
    };
    for at in (0..bytes).step_by(ZEROS.len()) {
        disk.overwrite(file, at, &ZEROS)?;
    }
    disk.settle(file)
}

pub(crate) fn remove(disk: &dyn Disk, path: &Path) -> io::Result<()> {
    match disk.remove(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Says whether a file or a folder is there.
pub(crate) fn is_there(disk: &dyn Disk, path: &Path) -> io::Result<bool> {
    match disk.holds_something(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        // A file is no folder, which is another error than that nothing is there.
        Err(error) if error.kind() != io::ErrorKind::NotADirectory => Err(error),
        _ => Ok(true),
    }
}

/// Reads the checkpoint in a file without its signatures, which say nothing about where the file belongs.
pub(crate) fn read(disk: &dyn Disk, file: &Path) -> io::Result<Option<Checkpoint>> {
    match disk.read(file) {
        Ok(bytes) => Ok(Note::parse(&bytes).ok().and_then(|note| Checkpoint::parse(note.text()).ok())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Moves a file or folder to its own name with something behind, and a number behind that if the name is taken.
pub(crate) fn move_to_free(disk: &dyn Disk, folder: &Path, name: &str, behind: &str) -> io::Result<()> {
    let first = format!("{name}.{behind}");
    let names = std::iter::once(first.clone()).chain((2_u32..).map(|again| format!("{first}-{again}")));
    for to in names.map(|to| folder.join(to)) {
        if !is_there(disk, &to)? {
            disk.rename(&folder.join(name), &to)?;
            return files::sync_on(disk, folder);
        }
    }
    Ok(())
}
