//! Opening a journal: the same way after a clean stop, a crash, or for the first time.

use std::fmt::Debug;
use std::fs::TryLockError;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use evidence::Leaf;
use store::mutant::{self, Mutant};
use store::{Reader, StoreError, Wal, Writer};
use tlog::frontier::Frontier;
use tlog::hash::{Hash, leaf_hash};
use tokio::sync::mpsc;
use types::{Code, Millis};

use crate::committer::{Committer, Journal, Shared};
use crate::disk::{Disk, System};
use crate::epoch::{self, Found, Start};
use crate::files::{self, Folder};
use crate::folding::Folding;
use crate::guard::Forward;
use crate::handle::{Health, Ledger, QUEUE_MAX};
use crate::history::History;
use crate::keyring::{KeyringError, LogKeys, Subjects};
use crate::machine::{Machine, StateSource};
use crate::port::{Clock, Random};
use crate::publish::Publisher;
use crate::sequencer::{Sequencer, Stored, frontier_of, run};
use crate::sessions::Sessions;
use crate::sync::{RwLock, thread, watch};
use crate::timekeeper::Timekeeper;
use crate::watermark::{self, Watermark};

/// Says where a journal is and with what it runs.
#[derive(Clone)]
pub struct Place {
    /// The data folder of the tenant.
    pub data: PathBuf,
    /// The folder of the head file, outside the data folder.
    pub head: PathBuf,
    /// How large the journal file may grow, in bytes; beyond it everything is denied as on a full disk.
    pub journal_bytes_max: Option<u64>,
    /// The keys.
    pub keys: LogKeys,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The source of random bytes.
    pub random: Arc<dyn Random>,
}

/// Says why a journal cannot be opened. No record was added or changed; the folders, the lock and an empty journal may
/// have been made, and the journal's epoch may have moved on.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has the data folder, or this one has it already.
    #[error("another process uses `{0}`")]
    Busy(PathBuf),
    /// The folder cannot be used.
    #[error("`{path}` cannot be used: {error}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the file system says.
        error: std::io::Error,
    },
    /// The store refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal holds fewer records than its head file has seen.
    #[error(
        "the journal ends at {found} records, but its head file has seen {seen}: an old copy was restored; put the newer \
         one back, or if it is lost, acknowledge that: countersign log continue --accept-gap --reason \"…\""
    )]
    Behind {
        /// How many records there are.
        found: u64,
        /// How many the head file has seen.
        seen: u64,
    },
    /// The journal ends before what was acknowledged last: its end is damaged, or an old copy was restored.
    #[error(
        "the journal ends at {found} records, {commits} commits before what was acknowledged last, at {seen} records: the end of \
         its write-ahead log is damaged, or an old copy was restored; put the newer one back, or if it is lost, acknowledge \
         that: countersign log continue --accept-gap --reason \"…\""
    )]
    Short {
        /// How many records there are.
        found: u64,
        /// How many there were when a batch was acknowledged last.
        seen: u64,
        /// How many batches are missing.
        commits: u64,
    },
    /// The log was frozen, because its keys may be in other hands.
    #[error(
        "the log `{0}` is frozen; to go on under a new key and a new name: countersign log continue --reason \"…\""
    )]
    Frozen(String),
    /// The log was closed, and a new one is to be taken up.
    #[error("the log `{0}` is closed; the next start of the server takes up a new one: countersign up")]
    Closed(String),
    /// The journal contradicts its own head, its head file or its schema.
    #[error("the journal is not the one it was: {0}")]
    Mismatch(String),
    /// The keys do not fit the journal.
    #[error("the keys do not fit this journal: {0}")]
    Keys(String),
    /// The stored state cannot be read.
    #[error("the stored state cannot be read: {0}")]
    State(String),
}

impl From<KeyringError> for OpenError {
    fn from(error: KeyringError) -> Self {
        match error {
            KeyringError::Store(error) => Self::Store(error),
            KeyringError::Keys(_) => Self::Keys(error.to_string()),
        }
    }
}

impl OpenError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> Code {
        match self {
            Self::Busy(_) => Code::DataFolderBusy,
            Self::Folder { .. } => Code::FileUnusable,
            Self::Store(error) => error.code(),
            Self::Behind { .. } | Self::Short { .. } => Code::JournalBehind,
            Self::Frozen(_) => Code::LogFrozen,
            Self::Closed(_) => Code::LogClosed,
            Self::Mismatch(_) | Self::State(_) => Code::JournalMismatch,
            Self::Keys(_) => Code::KeysUnusable,
        }
    }
}

/// Is an open journal. Dropping it does not stop the sequencer; dropping every [`Ledger`] handle does.
pub struct Open<M: Machine> {
    /// Sends commands.
    pub ledger: Ledger<M>,
    /// Reads what is recorded.
    pub history: History,
    /// Renders the files; the caller runs it.
    pub publisher: Publisher,
    /// The sequencer's thread, which ends when every handle is gone.
    pub thread: thread::JoinHandle<()>,
    _lock: Arc<Lock>,
}

/// Is a data folder taken for this process alone, until it is dropped.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "the lock ends when it is dropped")] Box<dyn Debug + Send + Sync>);

/// Is the journal file's name in the data folder.
pub const JOURNAL: &str = "journal.db";

/// Is the folder of the published files in the data folder.
pub const LOG: &str = "log";

/// Takes the data folder for this process alone.
///
/// # Errors
///
/// [`OpenError::Busy`] if another process has it; [`OpenError::Folder`] if it cannot be used.
pub fn lock(data: &Path) -> Result<Lock, OpenError> {
    lock_on(&System, data)
}

fn lock_on(disk: &dyn Disk, data: &Path) -> Result<Lock, OpenError> {
    let failed = |error| OpenError::Folder { path: data.to_owned(), error };
    files::make_on(disk, data).map_err(failed)?;
    match disk.lock(&data.join("lock")) {
        Ok(held) => Ok(Lock(held)),
        Err(TryLockError::WouldBlock) => Err(OpenError::Busy(data.to_owned())),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// Takes the data folder, opens its journal and starts its sequencer.
///
/// # Errors
///
/// [`OpenError`], as described there.
pub fn open<M: Machine>(place: &Place, seed: M::Seed) -> Result<Open<M>, OpenError> {
    open_locked(place, lock(&place.data)?, seed)
}

/// Opens the journal of a data folder that is taken already and starts its sequencer, which keeps the lock.
///
/// - `lock`: MUST be of the place's own data folder. Whoever makes the keys takes it before.
///
/// # Errors
///
/// [`OpenError`], as described there, but for [`OpenError::Busy`].
pub fn open_locked<M: Machine>(place: &Place, lock: Lock, seed: M::Seed) -> Result<Open<M>, OpenError> {
    open_at(place, &system(), lock, seed, Start::AsItIs, None).map(|(open, _)| open)
}

/// Opens the journal of a data folder that is taken already on state that was rebuilt from its records, instead of what is
/// stored.
///
/// Whoever calls it MUST have the rows in which the two differ changed by the first command, or what is stored stays as
/// it is.
///
/// # Errors
///
/// As [`open_locked`]; that the stored state cannot be read is none.
pub fn open_over<M: Machine>(
    place: &Place,
    lock: Lock,
    seed: M::Seed,
    state: &dyn StateSource,
) -> Result<Open<M>, OpenError> {
    open_at(place, &system(), lock, seed, Start::AsItIs, Some(state)).map(|(open, _)| open)
}

/// Opens the journal of a log that may be frozen or behind, to take it up under a new origin, and says where it ends.
///
/// Whoever calls it MUST let nothing be recorded before the record of the new epoch, and MUST NOT publish.
///
/// # Errors
///
/// As [`open_locked`], but for [`OpenError::Frozen`] and [`OpenError::Behind`].
pub fn open_anew<M: Machine>(place: &Place, lock: Lock, seed: M::Seed) -> Result<(Open<M>, Found), OpenError> {
    open_at(place, &system(), lock, seed, Start::Anew, None)
}

pub(crate) fn system() -> Arc<dyn Disk> {
    Arc::new(System)
}

/// Takes the data folder on another disk than the machine's, opens its journal and starts its sequencer.
///
/// Only the ledger's own files go to `disk`: where SQLite keeps the journal, SQLite knows.
///
/// # Errors
///
/// [`OpenError`], as described there.
pub fn open_on<M: Machine>(place: &Place, disk: &Arc<dyn Disk>, seed: M::Seed) -> Result<Open<M>, OpenError> {
    let lock = lock_on(disk.as_ref(), &place.data)?;
    open_at(place, disk, lock, seed, Start::AsItIs, None).map(|(open, _)| open)
}

fn open_at<M: Machine>(
    place: &Place,
    disk: &Arc<dyn Disk>,
    lock: Lock,
    seed: M::Seed,
    start: Start,
    state: Option<&dyn StateSource>,
) -> Result<(Open<M>, Found), OpenError> {
    let lock = Arc::new(lock);
    let started = |error| OpenError::Folder { path: place.data.clone(), error };
    let path = place.data.join(JOURNAL);
    if !mutant::on(Mutant::TailNotSettled) {
        // What the log shows may be what a failed sync left in memory: all that this start believes is made durable first.
        disk.settle(&store::wal::log_of(&path)).map_err(started)?;
    }
    if start == Start::AsItIs {
        watermark::look(place, disk, &path, state)?;
    }
    upgrade(place, disk, &path)?;
    let mut writer = Writer::open(&path)?;
    // SQLite makes its files and passes over it when the folder that names them could not be synced.
    files::sync_on(disk.as_ref(), &place.data).map_err(started)?;
    if let Some(bytes_max) = place.journal_bytes_max {
        writer.limit(bytes_max)?;
    }
    let reader = Reader::open(&path)?;
    let (frontier, last) = check_records(&reader, writer.head())?;
    let stored = Stored(&reader);
    let state = state.unwrap_or(&stored);
    let found = epoch::check(place, disk, &reader, state, frontier.size(), start)?;
    let found = watermark::check(place, disk, &reader, (writer.head(), &frontier), found, start)?;
    // The epoch that begins admits what is missing of the one before.
    let epoch = found.epoch() + u64::from(start == Start::Anew);
    let subjects = Subjects::read(&place.keys.tenant, &reader)?;
    let machine = M::load(&seed, state).map_err(OpenError::State)?;
    let (requests, waiting) = mpsc::channel(QUEUE_MAX);
    let health =
        Arc::new(RwLock::new(Health { size: frontier.size(), scrub_due: writer.scrub_due(), ..Health::default() }));
    let (announce, size) = watch::channel(frontier.size());
    let shared = Shared::new(health.clone(), Arc::new(announce));
    let sequencer = Sequencer {
        machine,
        seed: seed.clone(),
        reader,
        subjects,
        tenant: place.keys.tenant.clone(),
        frontier,
        sessions: Sessions::default(),
        timekeeper: Timekeeper::after(last),
        forward: Forward::after(last),
        clock: place.clock.clone(),
        random: place.random.clone(),
    };
    let history = History::open(&place.data, place.keys.tenant.clone())?;
    let publisher = publisher(place, disk)?;
    let mark = Watermark::begin(disk, place, epoch, writer.head())?;
    // Whatever can refuse the start has been asked: a thread would go on using the folder for a while.
    let folding = Folding::start(Wal::open(&path)?).map_err(started)?;
    let committer = Committer::start(Journal { writer, mark, folding }, shared.clone(), seed).map_err(started)?;
    let held = lock.clone();
    let thread = thread::Builder::new()
        .name("sequencer".into())
        .spawn(move || {
            let _held = held;
            run(sequencer, committer, waiting, &shared);
        })
        .map_err(started)?;
    let ledger = Ledger { requests, health, size };
    Ok((Open { ledger, history, publisher, thread, _lock: lock }, found))
}

/// Brings a journal of an earlier version up to this one: a copy takes its name once it is durable.
fn upgrade(place: &Place, disk: &Arc<dyn Disk>, journal: &Path) -> Result<(), OpenError> {
    let failed = |error| OpenError::Folder { path: place.data.clone(), error };
    if !store::upgrade::is_due(journal)? {
        return Ok(());
    }
    let beside = place.data.join("journal.db.upgrading");
    for left in [beside.clone(), store::wal::log_of(&beside)] {
        match disk.remove(&left) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
    }
    store::upgrade::copy(journal, &beside)?;
    disk.settle(&beside).map_err(failed)?;
    // The old journal's write-ahead log is gone for good before another file gets its name.
    files::sync_on(disk.as_ref(), &place.data).map_err(failed)?;
    disk.rename(&beside, journal).map_err(failed)?;
    files::sync_on(disk.as_ref(), &place.data).map_err(failed)
}

pub(crate) fn publisher(place: &Place, disk: &Arc<dyn Disk>) -> Result<Publisher, OpenError> {
    let folder = |path: PathBuf| Folder::open(disk.clone(), &path).map_err(|error| OpenError::Folder { path, error });
    let reader = Reader::open(&place.data.join(JOURNAL))?;
    Ok(Publisher::new(reader, folder(place.data.join(LOG))?, folder(place.head.clone())?, place.keys.log.clone()))
}

/// Hashes every record again and compares with the head; returns the right edge and the time of the last record.
pub(crate) fn check_records(reader: &Reader, head: &store::Head) -> Result<(Frontier, Millis), OpenError> {
    let mut frontier = Frontier::new();
    let mut last = None;
    while frontier.size() < head.size {
        let from = frontier.size();
        let leaves = reader.leaves(from, (from + 8_192).min(head.size))?;
        if leaves.is_empty() {
            return Err(OpenError::Mismatch(format!("record {from} is missing")));
        }
        for leaf in &leaves {
            frontier.push(leaf_hash(leaf)).map_err(|e| OpenError::Mismatch(e.to_string()))?;
        }
        last = leaves.into_iter().last();
    }
    // A log that ends too early, over a file into which more of it was folded, shows an older head than records.
    if !reader.leaves(head.size, u64::MAX)?.is_empty() {
        return Err(OpenError::Mismatch(format!("its head says {} records, and there are more", head.size)));
    }
    let expected = frontier_of(&head.frontier).map_err(OpenError::Mismatch)?;
    if expected.root() != frontier.root() && !mutant::on(Mutant::RecordsNotCompared) {
        return Err(OpenError::Mismatch("its root is not the head's root".into()));
    }
    let at = match last {
        Some(bytes) => Leaf::from_bytes(&bytes).map_err(|e| OpenError::Mismatch(format!("the last record's {e}")))?.at,
        None => Millis(0),
    };
    Ok((frontier, at))
}

/// Hashes the first records again and returns their root.
pub(crate) fn root_at(reader: &Reader, size: u64) -> Result<Hash, OpenError> {
    let mut frontier = Frontier::new();
    while frontier.size() < size {
        let from = frontier.size();
        for leaf in reader.leaves(from, (from + 8_192).min(size))? {
            frontier.push(leaf_hash(&leaf)).map_err(|e| OpenError::Mismatch(e.to_string()))?;
        }
    }
    Ok(frontier.root())
}
