//! Reading what is recorded, and exporting it as evidence.

mod leaves;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Mutex;

use evidence::archive::{Archive, ArchivedRecord, Custody, FORMAT, Manifest};
use evidence::published::{CHECKPOINT, WITNESSED};
use evidence::{About, Content, Leaf, Logged, RecordKey, RecordKind, TenantKey, commit, seal};
use store::{Reader, Row, StoreError};
use tlog::checkpoint::Checkpoint;
use tlog::key::VerifierKey;
use tlog::prove::prove_inclusion;
use tlog::tile_reader::TileReader;
use types::{ActionId, Code, SessionId};

use crate::closed;
use crate::disk::System;
use crate::files::Folder;
use crate::keyring::{KeyringError, Subjects};
use crate::reach::ELSEWHERE;
use crate::recover::{JOURNAL, LOG};
use crate::stamps;

/// Is one record, opened as far as its keys allow.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its index.
    pub index: u64,
    /// Its leaf.
    pub leaf: Leaf,
    /// The leaf's exact bytes.
    pub bytes: Vec<u8>,
    /// Its content; absent once erased.
    pub content: Option<Content>,
}

/// Says why something recorded cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The store refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The subjects' keys cannot be read.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// A record cannot be read.
    #[error("record {index} cannot be read: {why}")]
    Record {
        /// Its index.
        index: u64,
        /// What is wrong.
        why: String,
    },
    /// The record is not in the published files yet.
    #[error("record {index} is not published yet; the log is at {published}")]
    Unpublished {
        /// Its index.
        index: u64,
        /// How many records are published.
        published: u64,
    },
    /// The published files cannot be used.
    #[error("the published log cannot be used: {0}")]
    Files(String),
}

impl HistoryError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> Code {
        match self {
            Self::Store(error) => error.code(),
            Self::Keyring(error) => error.code(),
            Self::Record { .. } | Self::Files(_) => Code::JournalMismatch,
            Self::Unpublished { .. } => Code::StateConflict,
        }
    }
}

/// Names a published file of the log, so that no path from outside reaches the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFile {
    /// The signed checkpoint, which is replaced as the log grows.
    Checkpoint,
    /// A tile or an entry bundle, which never changes.
    Tile(tlog::TilePath),
}

impl FromStr for LogFile {
    type Err = tlog::TileError;

    /// Reads a name in its one spelling: `checkpoint`, or the path of a tile as C2SP has it.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        if name == "checkpoint" { Ok(Self::Checkpoint) } else { name.parse().map(Self::Tile) }
    }
}

/// Is how many contents are compared at a time.
const CONTENTS_AT_ONCE: u64 = 1_000;

/// Reads one journal.
#[derive(Debug)]
pub struct History {
    data: PathBuf,
    /// The data folder of the live log, in which those of closed ones lie.
    root: PathBuf,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    tenant: TenantKey,
    reader: Reader,
    subjects: Subjects,
}

impl History {
    /// Opens a journal for reading, while another process may write it.
    ///
    /// # Errors
    ///
    /// [`KeyringError`], as described there.
    pub fn open(data: &Path, tenant: TenantKey) -> Result<Self, KeyringError> {
        Self::open_in(data, data, tenant)
    }

    /// Opens the journal of a closed log for reading.
    ///
    /// - `root`: the data folder of the live one.
    ///
    /// # Errors
    ///
    /// [`KeyringError`], as described there.
    pub fn open_closed(root: &Path, number: u64, tenant: TenantKey) -> Result<Self, KeyringError> {
        Self::open_in(root, &closed::folder(root, number), tenant)
    }

    fn open_in(root: &Path, data: &Path, tenant: TenantKey) -> Result<Self, KeyringError> {
        let reader = Reader::open(&data.join(JOURNAL))?;
        let subjects = Subjects::read(&tenant, &reader)?;
        Ok(Self { data: data.to_owned(), root: root.to_owned(), inner: Mutex::new(Inner { tenant, reader, subjects }) })
    }

    /// Opens the journal of a log that was closed before this one; `None` if its files are gone.
    ///
    /// # Errors
    ///
    /// What the disk says, or [`KeyringError`].
    pub fn closed(&self, number: u64) -> Result<Option<Self>, HistoryError> {
        let there = closed::is_there(&System, &closed::folder(&self.root, number).join(JOURNAL));
        if !there.map_err(|error| HistoryError::Files(error.to_string()))? {
            return Ok(None);
        }
        let tenant = self.with(|inner| Ok(inner.tenant.clone()))?;
        Ok(Some(Self::open_closed(&self.root, number, tenant)?))
    }

    fn with<T>(&self, read: impl FnOnce(&mut Inner) -> Result<T, HistoryError>) -> Result<T, HistoryError> {
        // A reader holds no invariant across calls, so a panic in another thread does not spoil it.
        let mut inner = self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        read(&mut inner)
    }

    /// Returns how many records are durable.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub fn size(&self) -> Result<u64, HistoryError> {
        self.with(|inner| Ok(inner.reader.head()?.size))
    }

    /// Returns the record at an index.
    ///
    /// # Errors
    ///
    /// [`HistoryError::Store`] or [`HistoryError::Record`].
    pub fn record(&self, index: u64) -> Result<Option<Entry>, HistoryError> {
        self.with(|inner| {
            let row = inner.reader.record(index)?;
            row.map(|row| inner.open(row)).transpose()
        })
    }

    /// Returns the records of one action, in order.
    ///
    /// # Errors
    ///
    /// [`HistoryError::Store`] or [`HistoryError::Record`].
    pub fn of_action(&self, action: &ActionId) -> Result<Vec<Entry>, HistoryError> {
        self.with(|inner| {
            let rows = inner.reader.of_action(action.0.as_bytes())?;
            rows.into_iter().map(|row| inner.open(row)).collect()
        })
    }

    /// Returns the records of one session, in order.
    ///
    /// # Errors
    ///
    /// [`HistoryError::Store`] or [`HistoryError::Record`].
    pub fn of_session(&self, session: &SessionId) -> Result<Vec<Entry>, HistoryError> {
        self.with(|inner| {
            let rows = inner.reader.of_session(session.0.as_bytes())?;
            rows.into_iter().map(|row| inner.open(row)).collect()
        })
    }

    /// Returns the records of `from..to`, in order.
    ///
    /// # Errors
    ///
    /// [`HistoryError::Store`] or [`HistoryError::Record`].
    pub fn range(&self, from: u64, to: u64) -> Result<Vec<Entry>, HistoryError> {
        self.with(|inner| {
            let rows = inner.reader.records(from, to)?;
            rows.into_iter().map(|row| inner.open(row)).collect()
        })
    }

    /// Says whether anything is recorded about a subject that was not erased. It reads the keys again, and so drops from
    /// memory those of subjects that were erased since.
    ///
    /// # Errors
    ///
    /// What the store says, or [`HistoryError::Keyring`].
    pub fn knows(&self, subject: &str) -> Result<bool, HistoryError> {
        self.with(|inner| {
            inner.subjects = Subjects::read(&inner.tenant, &inner.reader)?;
            Ok(inner.subjects.number_of(subject).is_some())
        })
    }

    /// Adds to some records those that say by which erasure one of them lost its content.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub fn with_erasures(&self, indices: &[u64]) -> Result<Vec<u64>, HistoryError> {
        self.with(|inner| {
            let mut all: BTreeSet<u64> = indices.iter().copied().collect();
            for index in indices {
                // What a closed log lost is recorded in a later one.
                let by = inner.reader.record(*index)?.and_then(|row| row.erased_by);
                all.extend(by.filter(|by| *by != ELSEWHERE));
            }
            Ok(all.into_iter().collect())
        })
    }

    /// Holds every content that is there against the digest its leaf commits to; returns the first record whose content
    /// is another, which needs no key to be seen.
    ///
    /// # Errors
    ///
    /// [`HistoryError::Store`] or [`HistoryError::Record`].
    pub fn foreign_content(&self) -> Result<Option<u64>, HistoryError> {
        self.with(|inner| {
            let size = inner.reader.head()?.size;
            let mut next = 0;
            while next < size {
                let rows = inner.reader.records(next, next + CONTENTS_AT_ONCE)?;
                for row in &rows {
                    let bad = |error: evidence::leaf::LeafError| HistoryError::Record {
                        index: row.seq,
                        why: error.to_string(),
                    };
                    let leaf = Leaf::from_bytes(&row.leaf).map_err(bad)?;
                    if row.sealed.as_deref().is_some_and(|sealed| seal::digest(sealed) != leaf.content) {
                        return Ok(Some(row.seq));
                    }
                }
                next += CONTENTS_AT_ONCE;
            }
            Ok(None)
        })
    }

    /// Returns the stored state of a kind, by key, in canonical bytes.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub fn state(&self, kind: &str) -> Result<Vec<(String, Vec<u8>)>, HistoryError> {
        self.with(|inner| Ok(inner.reader.state(kind)?))
    }

    /// Returns everything that is stored besides the records, as of one instant, with how many records there were then.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub fn whole(&self) -> Result<store::Whole, HistoryError> {
        self.with(|inner| Ok(inner.reader.whole()?))
    }

    /// Returns the stored state of a kind under one key, in canonical bytes.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub fn state_value(&self, kind: &str, key: &str) -> Result<Option<Vec<u8>>, HistoryError> {
        self.with(|inner| Ok(inner.reader.state_value(kind, key)?))
    }

    /// Makes an evidence bundle of some records, without what the custody statement says is withheld.
    ///
    /// # Errors
    ///
    /// [`HistoryError::Unpublished`] if a record is newer than the published files, or nothing is published yet;
    /// otherwise as above.
    pub fn export(
        &self,
        about: &About,
        indices: &[u64],
        key: &VerifierKey,
        custody: &Custody,
    ) -> Result<Archive, HistoryError> {
        let indices = &self.with_erasures(indices)?;
        let files = |e: &dyn std::fmt::Display| HistoryError::Files(e.to_string());
        let folder = Folder::at(self.data.join(LOG));
        let last = indices.iter().max().copied().unwrap_or(0);
        // What an authority has dated is worth more than what witnesses have seen.
        let dated = stamps::earliest(&folder, last, key);
        let (dated, timestamp) = dated.map(|dated| ((dated.checkpoint, dated.note), dated.token)).unzip();
        let (checkpoint, note) = match dated {
            Some(dated) => dated,
            None => reaching(&folder, last, key)?,
        };
        let tiles =
            TileReader::new(checkpoint.size, |path: &tlog::TilePath| folder.read(&path.to_string()).ok().flatten());
        let mut archive = Archive {
            manifest: Manifest {
                format: FORMAT.into(),
                about: about.clone(),
                custody: custody.clone(),
                log_key: key.to_string(),
                records: indices.to_vec(),
                erased: Vec::new(),
                bundles: Vec::new(),
            },
            checkpoint: note,
            records: Vec::new(),
            bundles: BTreeMap::new(),
            timestamp,
            attestation: None,
        };
        let open = |name: &str| !custody.withheld.iter().any(|withheld| withheld == name);
        for index in indices {
            let proof = prove_inclusion(*index, checkpoint.size, &tiles).map_err(|e| files(&e))?;
            let (bytes, disclosed) = self.with(|inner| inner.disclose(*index, &open))?;
            if disclosed.is_none() {
                archive.manifest.erased.push(*index);
            }
            archive.records.push(ArchivedRecord { index: *index, leaf: bytes, proof, disclosure: disclosed });
        }
        Ok(archive)
    }
}

impl History {
    /// Returns a record's leaf with the proof that the published log holds it.
    ///
    /// # Errors
    ///
    /// [`HistoryError::Unpublished`] if the record is newer than the published files, or nothing is published yet;
    /// [`HistoryError::Files`] if they do not hold the record or are not signed by `key`; otherwise what the store says.
    pub fn logged(&self, index: u64, key: &VerifierKey) -> Result<Logged, HistoryError> {
        let folder = Folder::at(self.data.join(LOG));
        let (checkpoint, note) = reaching(&folder, index, key)?;
        self.logged_under(&folder, index, &checkpoint, &note, key)
    }

    /// Returns a record's leaf with the proof that leads to the first checkpoint an authority has dated after it, and the
    /// token; `None` if none is dated yet.
    ///
    /// # Errors
    ///
    /// [`HistoryError::Files`] or what the store says.
    pub fn logged_and_dated(&self, index: u64, key: &VerifierKey) -> Result<Option<(Logged, Vec<u8>)>, HistoryError> {
        let folder = Folder::at(self.data.join(LOG));
        let Some(dated) = stamps::earliest(&folder, index, key) else { return Ok(None) };
        let logged = self.logged_under(&folder, index, &dated.checkpoint, &dated.note, key)?;
        Ok(Some((logged, dated.token)))
    }

    fn logged_under(
        &self,
        folder: &Folder,
        index: u64,
        checkpoint: &Checkpoint,
        note: &[u8],
        key: &VerifierKey,
    ) -> Result<Logged, HistoryError> {
        let files = |e: &dyn std::fmt::Display| HistoryError::Files(e.to_string());
        let tiles =
            TileReader::new(checkpoint.size, |path: &tlog::TilePath| folder.read(&path.to_string()).ok().flatten());
        let path = prove_inclusion(index, checkpoint.size, &tiles).map_err(|e| files(&e))?;
        let row = self.with(|inner| Ok(inner.reader.record(index)?))?;
        let row = row.ok_or_else(|| HistoryError::Record { index, why: "it is missing".into() })?;
        Logged::new(row.leaf, index, path, note, key).map_err(|e| files(&e))
    }

    /// Returns a record's content open, with what proves each value; `None` once it was erased.
    ///
    /// # Errors
    ///
    /// [`HistoryError::Store`] or [`HistoryError::Record`].
    pub fn disclosure(&self, index: u64) -> Result<Option<evidence::Disclosure>, HistoryError> {
        self.with(|inner| Ok(inner.disclose(index, &|_| true)?.1))
    }

    /// Returns records of `from..to` as the journal holds them, sealed.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub fn sealed(&self, from: u64, to: u64) -> Result<Vec<Row>, HistoryError> {
        self.with(|inner| Ok(inner.reader.records(from, to)?))
    }

    /// Returns a published file of the log, byte for byte; `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`HistoryError::Files`] if it is there and cannot be read.
    pub fn published(&self, file: LogFile) -> Result<Option<Vec<u8>>, HistoryError> {
        let name = match file {
            LogFile::Checkpoint => CHECKPOINT.to_owned(),
            LogFile::Tile(path) => path.to_string(),
        };
        Folder::at(self.data.join(LOG)).read(&name).map_err(|e| HistoryError::Files(e.to_string()))
    }
}

/// Returns a checkpoint over a record, signed by `key`: the one that witnesses have cosigned, or else the latest.
fn reaching(folder: &Folder, index: u64, key: &VerifierKey) -> Result<(Checkpoint, Vec<u8>), HistoryError> {
    let files = |e: &dyn std::fmt::Display| HistoryError::Files(e.to_string());
    let open = |note: Vec<u8>| Checkpoint::open(&note, key).map(|(checkpoint, _)| (checkpoint, note));
    let witnessed = folder.read(WITNESSED).map_err(|e| files(&e))?.and_then(|note| open(note).ok());
    if let Some(witnessed) = witnessed.filter(|(checkpoint, _)| index < checkpoint.size) {
        return Ok(witnessed);
    }
    let latest = folder.read(CHECKPOINT).map_err(|e| files(&e))?;
    let latest = latest.ok_or(HistoryError::Unpublished { index, published: 0 })?;
    let (checkpoint, note) = open(latest).map_err(|e| files(&e))?;
    if index >= checkpoint.size {
        return Err(HistoryError::Unpublished { index, published: checkpoint.size });
    }
    Ok((checkpoint, note))
}

impl Inner {
    fn key(&mut self, row: &Row, leaf: &Leaf) -> Result<Option<RecordKey>, HistoryError> {
        if let Some(key) = self.subjects.record_key(&leaf.record, &row.subjects) {
            return Ok(Some(key));
        }
        // A subject may have appeared since the keys were read.
        self.subjects = Subjects::read(&self.tenant, &self.reader)?;
        Ok(self.subjects.record_key(&leaf.record, &row.subjects))
    }

    fn open(&mut self, row: Row) -> Result<Entry, HistoryError> {
        let index = row.seq;
        let bad = |why: String| HistoryError::Record { index, why };
        let leaf = Leaf::from_bytes(&row.leaf).map_err(|e| bad(e.to_string()))?;
        let key = self.key(&row, &leaf)?;
        let content = match (key, &row.sealed) {
            (Some(key), Some(sealed)) => Some(seal::open(&key, &leaf.record, sealed).map_err(|e| bad(e.to_string()))?),
            _ => None,
        };
        Ok(Entry { index, leaf, bytes: row.leaf, content })
    }

    fn disclose(
        &mut self,
        index: u64,
        open: &dyn Fn(&str) -> bool,
    ) -> Result<(Vec<u8>, Option<evidence::Disclosure>), HistoryError> {
        let bad = |why: &str| HistoryError::Record { index, why: why.to_owned() };
        let row = self.reader.record(index)?.ok_or_else(|| bad("it is missing"))?;
        let leaf = Leaf::from_bytes(&row.leaf).map_err(|e| bad(&e.to_string()))?;
        let Some(key) = self.key(&row, &leaf)? else { return Ok((row.leaf, None)) };
        let Some(sealed) = &row.sealed else { return Ok((row.leaf, None)) };
        let content = seal::open(&key, &leaf.record, sealed).map_err(|e| bad(&e.to_string()))?;
        // Which records an erasure covers is said to everybody: without it nothing counts as erased.
        let open = &|name: &str| open(name) || leaf.kind == RecordKind::Erasure;
        let disclosed = commit::disclose(&key, &content, open).map_err(|e| bad(&e.to_string()))?;
        Ok((row.leaf, Some(disclosed)))
    }
}
