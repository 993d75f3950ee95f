//! Publishing: static tile files and a signed checkpoint, rendered from the journal.
//!
//! The publisher hashes every leaf again by itself and signs only if its root is the head's root, so
//! that one flipped bit in memory stops the log instead of being signed.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;

use tlog::Note;
use tlog::checkpoint::Checkpoint;
use tlog::frontier::Frontier;
use tlog::hash::{Hash, leaf_hash};
use tlog::key::KeyId;
use tlog::prove::{HashReader, ReadError};
use tlog::tile::{self, TilePath};
use types::Code;

use crate::files::Folder;
use crate::ring::LogRing;
use crate::sequencer::frontier_of;
use crate::standing::Standing;

const CHUNK: u64 = 4_096;

/// Says why the files could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// A file could not be written.
    #[error("a log file could not be written: {0}")]
    File(#[from] io::Error),
    /// The journal could not be read.
    #[error("the journal could not be read: {0}")]
    Store(#[from] store::StoreError),
    /// The files and the journal do not agree; nothing was signed.
    #[error("the log's files and the journal do not agree: {0}")]
    Mismatch(String),
}

impl PublishError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> Code {
        match self {
            Self::File(error) if error.kind() == io::ErrorKind::StorageFull => Code::DiskFull,
            Self::File(_) => Code::FileUnusable,
            Self::Store(error) => error.code(),
            Self::Mismatch(_) => Code::JournalMismatch,
        }
    }
}

fn mismatch(why: impl ToString) -> PublishError {
    PublishError::Mismatch(why.to_string())
}

/// Keeps the hashes from which right-edge tiles are made: every 8th level of the tree.
#[derive(Debug, Default)]
struct Rows(BTreeMap<(u8, u64), Hash>);

impl HashReader for Rows {
    type Error = ReadError;
    fn read(&self, level: u8, index: u64) -> Result<Hash, ReadError> {
        self.0.get(&(level, index)).copied().ok_or(ReadError::NotInTree { level, index })
    }
}

/// Renders the files of one log.
#[derive(Debug)]
pub struct Publisher {
    reader: store::Reader,
    folder: Folder,
    head: Folder,
    keys: LogRing,
    frontier: Frontier,
    rows: Rows,
    /// The entries of the bundle that is not full yet.
    edge: Vec<Vec<u8>>,
    /// The folders with files whose names are not synced yet.
    unsynced: BTreeSet<PathBuf>,
    /// The partial forms of tiles that are full by now, which the last checkpoint may still need.
    outdated: BTreeSet<String>,
    /// How many records the last checkpoint covers that was signed here.
    signed: u64,
    /// Why nothing is signed any more.
    broken: Option<String>,
}

impl Publisher {
    /// Starts a publisher that renders into `folder` and keeps the head file in `head`, a folder elsewhere.
    ///
    /// It begins at record 0 and compares what it renders with the files that are there, so that a
    /// damaged file is found at the start.
    pub fn new(reader: store::Reader, folder: Folder, head: Folder, keys: LogRing) -> Self {
        let (frontier, rows) = (Frontier::new(), Rows::default());
        let (edge, unsynced, outdated) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        Self { reader, folder, head, keys, frontier, rows, edge, unsynced, outdated, signed: 0, broken: None }
    }

    /// Returns how many records are published.
    pub fn size(&self) -> u64 {
        self.signed
    }

    /// Brings the files up to the journal's end and returns the new size.
    ///
    /// # Errors
    ///
    /// [`PublishError`], as described there. After [`PublishError::Mismatch`] every later call fails with it too: the log
    /// is not signed again before a restart, which compares everything.
    pub fn publish(&mut self) -> Result<u64, PublishError> {
        if let Some(why) = &self.broken {
            return Err(mismatch(why));
        }
        let published = self.bring_up_to_date();
        if let Err(PublishError::Mismatch(why)) = &published {
            self.broken = Some(why.clone());
        }
        published
    }

    fn bring_up_to_date(&mut self) -> Result<u64, PublishError> {
        let head = self.reader.head()?;
        if head.size == self.signed && self.folder.read("checkpoint")?.is_some() {
            return Ok(head.size);
        }
        if let Err(error) = self.catch_up(head.size) {
            // What of it is on the disk is unknown: begin anew and compare, as at the start.
            (self.frontier, self.rows, self.edge) = (Frontier::new(), Rows::default(), Vec::new());
            return Err(error);
        }
        let root = self.frontier.root();
        let expected = frontier_of(&head.frontier).map_err(mismatch)?;
        if expected.root() != root || expected.size() != self.frontier.size() {
            return Err(mismatch("the head's root is not the root of the records"));
        }
        // Read after the head: a checkpoint that covers a change of keys is signed as that change says.
        if let Some(standing) = Standing::read(&self.reader)? {
            self.keys.settle(&standing).map_err(mismatch)?;
        }
        self.sign(root)?;
        self.remove_outdated()?;
        Ok(head.size)
    }

    fn catch_up(&mut self, size: u64) -> Result<(), PublishError> {
        let begun = self.frontier.size();
        while self.frontier.size() < size {
            self.render(size.min(self.frontier.size() + CHUNK), size)?;
        }
        // Of the whole stretch: the last chunk alone need not have changed the edge of every level.
        for path in tile::tiles_between(begun, size).filter(TilePath::is_partial) {
            self.write_tile(&path)?;
        }
        while let Some(folder) = self.unsynced.first() {
            self.folder.sync(folder)?;
            self.unsynced.pop_first();
        }
        Ok(())
    }

    fn render(&mut self, to: u64, end: u64) -> Result<(), PublishError> {
        let from = self.frontier.size();
        let leaves = self.reader.leaves(from, to)?;
        if leaves.len() as u64 != to - from {
            return Err(mismatch(format!("records are missing between {from} and {to}")));
        }
        for leaf in &leaves {
            let rows = &mut self.rows;
            let keep = |level: u8, index: u64, hash: Hash| {
                if level.is_multiple_of(8) {
                    rows.0.insert((level, index), hash);
                }
            };
            self.frontier.push_with(leaf_hash(leaf), keep).map_err(mismatch)?;
        }
        for path in tile::tiles_between(from, to).filter(|path| !path.is_partial()) {
            self.write_tile(&path)?;
        }
        self.write_bundles(from, leaves, to == end)?;
        self.forget_full_tiles();
        Ok(())
    }

    fn write_tile(&mut self, path: &TilePath) -> Result<(), PublishError> {
        let bytes = tile::tile_from(path, &self.rows).map_err(mismatch)?;
        self.write(path, &bytes)
    }

    fn write_bundles(&mut self, from: u64, leaves: Vec<Vec<u8>>, last: bool) -> Result<(), PublishError> {
        let to = from + leaves.len() as u64;
        self.edge.extend(leaves);
        for path in tile::bundles_between(from, to).filter(|path| last || !path.is_partial()) {
            let entries =
                self.edge.get(..usize::from(path.width())).ok_or_else(|| mismatch("a bundle lacks entries"))?;
            let bytes = tlog::encode_bundle(entries).map_err(mismatch)?;
            self.write(&path, &bytes)?;
            if !path.is_partial() {
                self.edge.drain(..usize::from(path.width()));
            }
        }
        Ok(())
    }

    /// Writes a tile; once it is full, its partial forms are needed for no checkpoint but the last.
    fn write(&mut self, path: &TilePath, bytes: &[u8]) -> Result<(), PublishError> {
        let name = path.to_string();
        let folder = self.folder.place(&name, bytes).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => mismatch(error),
            _ => error.into(),
        })?;
        self.unsynced.insert(folder);
        if !path.is_partial() {
            self.outdated.insert(format!("{name}.p"));
        }
        Ok(())
    }

    fn remove_outdated(&mut self) -> Result<(), PublishError> {
        while let Some(partial) = self.outdated.first() {
            self.folder.remove(partial)?;
            self.outdated.pop_first();
        }
        Ok(())
    }

    fn forget_full_tiles(&mut self) {
        let size = self.frontier.size();
        let edge = |level: u8| (size >> u32::from(level)) / 256 * 256;
        self.rows.0.retain(|(level, index), _| *index >= edge(*level));
    }

    fn sign(&mut self, root: Hash) -> Result<(), PublishError> {
        let checkpoint = Checkpoint::new(self.keys.verifier().name(), self.frontier.size(), root);
        let note = self.keys.sign(&checkpoint).map_err(mismatch)?.to_string();
        self.keep_last_of_retired(&checkpoint.origin)?;
        self.folder.replace("checkpoint", note.as_bytes())?;
        self.head.replace("head", note.as_bytes())?;
        self.signed = self.frontier.size();
        Ok(())
    }

    /// Keeps the last checkpoint that a key signed which signs no longer: whoever knows that key alone learns from it, and
    /// from the records it covers, which one came after.
    fn keep_last_of_retired(&self, origin: &str) -> Result<(), PublishError> {
        let Some(bytes) = self.folder.read("checkpoint")? else { return Ok(()) };
        let Ok(note) = Note::parse(&bytes) else { return Ok(()) };
        let signs = self.keys.verifiers();
        let own = note.signatures().iter().filter(|line| line.name() == origin);
        for retired in own.filter(|line| !signs.iter().any(|key| key.id() == line.id())) {
            self.folder.replace(&last_of(retired.id()), &bytes)?;
        }
        Ok(())
    }
}

/// Names the file of the last checkpoint that a retired key has signed.
fn last_of(key: KeyId) -> String {
    format!("checkpoint.{key}")
}
