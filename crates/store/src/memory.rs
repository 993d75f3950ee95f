//! A journal in memory, with the face of the one on a disk: the race tests put it in that one's place.
//!
//! SQLite cannot take part in a schedule: it waits for its own locks, on the one thread that everybody shares. This journal
//! keeps every batch whole or not at all, as the real one does; what a disk loses is for the power-loss simulation.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::batch::{Batch, Head, StateOp};
use crate::error::StoreError;
use crate::reader::{About, Row, StateRow, SubjectRow};
use crate::wal::Folded;
use crate::whole::Whole;

/// Is a record with what it is found by.
#[derive(Debug, Clone)]
struct Kept {
    row: Row,
    action: Option<[u8; 16]>,
    session: Option<[u8; 16]>,
}

/// Is what a journal holds.
#[derive(Debug, Clone, Default)]
pub struct Journal {
    head: Head,
    records: Vec<Kept>,
    subjects: BTreeMap<i64, SubjectRow>,
    state: BTreeMap<(String, String), Vec<u8>>,
    /// Is called before and after a batch becomes durable, so that others may run while it is synced.
    pub pause: Option<fn()>,
}

type Shared = Arc<Mutex<Journal>>;

/// Are all journals of the process, by the path of the file that is not there.
static JOURNALS: Mutex<BTreeMap<PathBuf, Shared>> = Mutex::new(BTreeMap::new());

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn at(path: &Path) -> Shared {
    lock(&JOURNALS).entry(path.to_owned()).or_default().clone()
}

/// Puts a journal where there may be another one; whoever has that open keeps it.
pub fn put(path: &Path, journal: Journal) {
    lock(&JOURNALS).insert(path.to_owned(), Arc::new(Mutex::new(journal)));
}

/// Returns a copy of a journal as it is now; an empty one if there is none.
pub fn copy(path: &Path) -> Journal {
    lock(&at(path)).clone()
}

/// Writes batches. There is one per journal, owned by one thread.
#[derive(Debug)]
pub struct Writer {
    journal: Shared,
    head: Head,
}

impl Writer {
    /// Opens the journal, makes an empty one if there is none, and takes over as its writer.
    ///
    /// # Errors
    ///
    /// None.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let journal = at(path);
        lock(&journal).head.epoch += 1;
        let head = lock(&journal).head.clone();
        Ok(Self { journal, head })
    }

    /// Returns where the journal ends.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Adds a batch whole.
    ///
    /// # Errors
    ///
    /// [`StoreError::HeadMoved`] if another writer has committed or taken over.
    pub fn commit(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let pause = lock(&self.journal).pause.unwrap_or(|| {});
        pause();
        self.head = lock(&self.journal).add(batch, &self.head)?;
        pause();
        Ok(())
    }

    /// Says whether an erased byte may be left somewhere: never, in memory.
    pub fn scrub_due(&self) -> bool {
        false
    }

    /// Does nothing.
    ///
    /// # Errors
    ///
    /// None.
    pub fn scrub(&mut self, _wait: bool) -> Result<bool, StoreError> {
        Ok(true)
    }

    /// Does nothing: there is always room.
    ///
    /// # Errors
    ///
    /// None.
    pub fn limit(&mut self, _bytes_max: u64) -> Result<(), StoreError> {
        Ok(())
    }

    /// Does nothing.
    ///
    /// # Errors
    ///
    /// None.
    pub fn restart_wal(&mut self) -> Result<bool, StoreError> {
        Ok(true)
    }

    /// Takes over the state of another journal.
    ///
    /// # Errors
    ///
    /// None.
    pub fn carry(&mut self, rows: &[StateRow]) -> Result<(), StoreError> {
        let rows = rows.iter().map(|row| ((row.kind.clone(), row.key.clone()), row.value.clone()));
        lock(&self.journal).state.extend(rows);
        Ok(())
    }

    /// Forgets the state of all kinds but those that are named.
    ///
    /// # Errors
    ///
    /// None.
    pub fn forget_state(&mut self, kept: &[&str]) -> Result<(), StoreError> {
        lock(&self.journal).state.retain(|(kind, _), _| kept.contains(&kind.as_str()));
        Ok(())
    }

    /// Forgets the keys of all subjects.
    ///
    /// # Errors
    ///
    /// None.
    pub fn destroy_keys(&mut self) -> Result<bool, StoreError> {
        lock(&self.journal).subjects.clear();
        Ok(true)
    }

    /// Does nothing.
    ///
    /// # Errors
    ///
    /// None.
    pub fn fold_all(&mut self) -> Result<bool, StoreError> {
        Ok(true)
    }

    /// Does nothing.
    ///
    /// # Errors
    ///
    /// None.
    pub fn checkpoint(&mut self) -> Result<(), StoreError> {
        Ok(())
    }
}

impl Journal {
    fn add(&mut self, batch: &Batch, from: &Head) -> Result<Head, StoreError> {
        if self.head != *from {
            return Err(StoreError::HeadMoved { expected: from.size });
        }
        for subject in &batch.subjects {
            let row = SubjectRow { id: subject.id, tag: subject.tag.to_vec(), wrapped: subject.wrapped.clone() };
            self.subjects.insert(subject.id, row);
        }
        for record in &batch.records {
            let (leaf, sealed) = (record.leaf.clone(), Some(record.sealed.clone()));
            let seq = self.records.len() as u64;
            let row = Row { seq, leaf, sealed, subjects: record.subjects.clone(), erased_by: None };
            self.records.push(Kept { row, action: record.action, session: record.session });
        }
        for op in &batch.state {
            let (kind, key) = op.place();
            let place = (kind.to_owned(), key.to_owned());
            match op {
                StateOp::Put { value, .. } => self.state.insert(place, value.clone()),
                StateOp::Delete { .. } => self.state.remove(&place),
            };
        }
        self.erase(batch);
        self.head = from.after(batch);
        Ok(self.head.clone())
    }

    fn erase(&mut self, batch: &Batch) {
        for erasure in &batch.erasures {
            self.subjects.remove(&erasure.subject);
            for erased in &erasure.records {
                for Kept { row, .. } in self.records.iter_mut().filter(|kept| kept.row.seq == erased.seq) {
                    (row.sealed, row.erased_by) = (None, Some(erased.by));
                    row.subjects.clear();
                }
            }
        }
    }
}

/// Reads the journal, and sees only what is committed.
#[derive(Debug)]
pub struct Reader {
    journal: Shared,
}

/// Is what is read.
type Read<T> = Result<T, StoreError>;

// None of these fails; they look like those of the disk's reader.
impl Reader {
    /// Opens a journal for reading.
    pub fn open(path: &Path) -> Read<Self> {
        Ok(Self { journal: at(path) })
    }

    /// Opens a journal for reading; `None` if there is none yet.
    pub fn find(path: &Path) -> Read<Option<Self>> {
        let journal = at(path);
        let is_there = lock(&journal).head.epoch > 0;
        Ok(is_there.then_some(Self { journal }))
    }

    /// Returns the whole state as of one instant.
    pub fn whole(&self) -> Read<Whole> {
        let journal = lock(&self.journal);
        Ok(Whole { size: journal.head.size, rows: journal.state.clone() })
    }

    fn rows(&self, which: impl Fn(&Kept) -> bool) -> Vec<Row> {
        let journal = lock(&self.journal);
        journal.records.iter().filter(|kept| which(kept)).map(|kept| kept.row.clone()).collect()
    }

    /// Returns where the journal ends now.
    pub fn head(&self) -> Read<Head> {
        Ok(lock(&self.journal).head.clone())
    }

    /// Returns the leaves of `from..to`, in order; fewer if the journal ends before.
    pub fn leaves(&self, from: u64, to: u64) -> Read<Vec<Vec<u8>>> {
        Ok(self.records(from, to)?.into_iter().map(|row| row.leaf).collect())
    }

    /// Returns the record at an index.
    pub fn record(&self, seq: u64) -> Read<Option<Row>> {
        Ok(self.records(seq, seq.saturating_add(1))?.pop())
    }

    /// Returns the records of `from..to`, in order.
    pub fn records(&self, from: u64, to: u64) -> Read<Vec<Row>> {
        Ok(self.rows(|kept| (from..to).contains(&kept.row.seq)))
    }

    /// Returns the records of one action, in order.
    pub fn of_action(&self, action: &[u8; 16]) -> Read<Vec<Row>> {
        Ok(self.rows(|kept| kept.action == Some(*action)))
    }

    /// Returns the records of one session, in order.
    pub fn of_session(&self, session: &[u8; 16]) -> Read<Vec<Row>> {
        Ok(self.rows(|kept| kept.session == Some(*session)))
    }

    /// Returns the records about a subject whose contents are there, in order.
    pub fn about(&self, subject: i64) -> Read<Vec<About>> {
        let journal = lock(&self.journal);
        let theirs = journal.records.iter().filter(|kept| kept.row.subjects.contains(&subject));
        Ok(theirs
            .map(|kept| About { seq: kept.row.seq, action: kept.action, subjects: kept.row.subjects.clone() })
            .collect())
    }

    /// Returns the last leaf of a session.
    pub fn last_of_session(&self, session: &[u8; 16]) -> Read<Option<Vec<u8>>> {
        Ok(self.of_session(session)?.pop().map(|row| row.leaf))
    }

    /// Returns all state of a kind, by key.
    pub fn state(&self, kind: &str) -> Read<Vec<(String, Vec<u8>)>> {
        let journal = lock(&self.journal);
        let of_kind = journal.state.iter().filter(|((of, _), _)| of == kind);
        Ok(of_kind.map(|((_, key), value)| (key.clone(), value.clone())).collect())
    }

    /// Returns one value of state.
    pub fn state_value(&self, kind: &str, key: &str) -> Read<Option<Vec<u8>>> {
        Ok(lock(&self.journal).state.get(&(kind.to_owned(), key.to_owned())).cloned())
    }

    /// Returns all state, by kind and key.
    pub fn all_state(&self) -> Read<Vec<StateRow>> {
        let row = |((kind, key), value): (&(String, String), &Vec<u8>)| StateRow {
            kind: kind.clone(),
            key: key.clone(),
            value: value.clone(),
        };
        Ok(lock(&self.journal).state.iter().map(row).collect())
    }

    /// Returns all subjects, by number.
    pub fn subjects(&self) -> Read<Vec<SubjectRow>> {
        Ok(lock(&self.journal).subjects.values().cloned().collect())
    }
}

/// Folds nothing: there is no log beside the journal.
#[derive(Debug)]
pub struct Wal;

impl Wal {
    /// Opens a journal.
    ///
    /// # Errors
    ///
    /// None.
    pub fn open(_path: &Path) -> Result<Self, StoreError> {
        Ok(Self)
    }

    /// Does nothing.
    ///
    /// # Errors
    ///
    /// None.
    pub fn fold(&self) -> Result<Folded, StoreError> {
        Ok(Folded { pages: 0, folded: 0 })
    }
}
