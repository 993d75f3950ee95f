//! The committer: the thread that makes batches durable, and only then gives their answers.

use std::sync::Arc;

use store::mutant::{self, Mutant};
use store::{Batch, StoreError, Writer};
use tokio::sync::{mpsc, oneshot};
use types::mutant::{self as race, Mutant as Race};

use crate::folding::Folding;
use crate::guard;
use crate::handle::{Answer, Committed, Health, LedgerError};
use crate::machine::Machine;
use crate::recorded::Recorded;
use crate::sync::mpsc::{Receiver, SyncSender, sync_channel};
use crate::sync::thread::{self, JoinHandle};
use crate::sync::{RwLock, watch};
use crate::watermark::Watermark;

/// Is an answer that waits for its records to be durable.
pub(crate) struct Held<M: Machine> {
    pub(crate) answer: oneshot::Sender<Answer<M>>,
    pub(crate) reply: M::Reply,
    pub(crate) authority: Option<M::Authority>,
    pub(crate) index: Option<u64>,
}

/// Is a batch with the answers that wait for it.
pub(crate) struct Prepared<M: Machine> {
    pub(crate) batch: Batch,
    held: Vec<Held<M>>,
    generation: u64,
}

impl<M: Machine> Prepared<M> {
    pub(crate) fn new(generation: u64) -> Self {
        Self { batch: Batch::default(), held: Vec::new(), generation }
    }

    pub(crate) fn hold(&mut self, held: Held<M>) {
        self.held.push(held);
    }

    /// Returns how many answers wait for it.
    pub(crate) fn len(&self) -> usize {
        self.held.len()
    }

    /// Returns the index that the first record of the batch was given; absent if it has none.
    fn first(&self) -> Option<u64> {
        self.held.iter().find_map(|held| held.index)
    }

    /// Grows with each reload: a batch of a generation that has failed is never committed.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }
}

/// Is the state shared between the two threads and the handle.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) health: Arc<RwLock<Health>>,
    pub(crate) size: Arc<watch::Sender<u64>>,
    failed: Arc<RwLock<Failure>>,
}

#[derive(Debug, Clone, Default)]
struct Failure {
    /// Batches of this generation are refused; those before it have been committed or refused already.
    generation: Option<u64>,
    error: Option<LedgerError>,
}

impl Shared {
    pub(crate) fn new(health: Arc<RwLock<Health>>, size: Arc<watch::Sender<u64>>) -> Self {
        Self { health, size, failed: Arc::default() }
    }

    /// Returns why a generation has failed, if it has.
    pub(crate) fn failure_of(&self, generation: u64) -> Option<LedgerError> {
        let failure = self.failed.read().map(|f| f.clone()).unwrap_or_default();
        failure.error.filter(|_| failure.generation == Some(generation))
    }

    pub(crate) fn fail(&self, generation: u64, error: &LedgerError) {
        if let Ok(mut failure) = self.failed.write() {
            // What stops the journal is not undone by a batch of the same generation that finds the disk full.
            let is_final = failure.error.as_ref().is_some_and(|known| *known != LedgerError::DiskFull);
            if !(is_final && failure.generation == Some(generation)) {
                *failure = Failure { generation: Some(generation), error: Some(error.clone()) };
            }
        }
        if let Ok(mut health) = self.health.write() {
            health.stop(error);
        }
    }

    fn committed(&self, size: u64) {
        if let Ok(mut health) = self.health.write() {
            health.size = size;
        }
        self.size.send_if_modified(|known| std::mem::replace(known, size) != size);
    }
}

/// Is what the thread that commits works with.
pub(crate) struct Journal {
    pub(crate) writer: Writer,
    pub(crate) mark: Watermark,
    pub(crate) folding: Folding,
}

/// Hands batches to the thread that commits them, one at a time.
pub(crate) struct Committer<M: Machine> {
    batches: Option<SyncSender<Prepared<M>>>,
    freed: mpsc::UnboundedReceiver<()>,
    free: bool,
    thread: JoinHandle<()>,
}

impl<M: Machine> Committer<M> {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// What the system says of a new thread.
    pub(crate) fn start(journal: Journal, shared: Shared, seed: M::Seed) -> std::io::Result<Self> {
        let (batches, received) = sync_channel(1);
        let (done, freed) = mpsc::unbounded_channel();
        let thread = thread::Builder::new()
            .name("journal-writer".into())
            .spawn(move || commit_all(journal, &received, &done, &shared, &seed))?;
        Ok(Self { batches: Some(batches), freed, free: true, thread })
    }

    pub(crate) fn is_free(&self) -> bool {
        self.free
    }

    /// Waits until the batch that was handed over is done with; false if the thread has ended.
    pub(crate) async fn freed(&mut self) -> bool {
        self.free = self.freed.recv().await.is_some();
        self.free
    }

    /// Hands a batch over, which never waits while the committer is free.
    pub(crate) fn hand_over(&mut self, prepared: Prepared<M>) {
        self.free = false;
        // If the thread has ended, the batch is dropped here, which tells its callers that the journal closes.
        if let Some(batches) = &self.batches {
            let _ = batches.send(prepared);
        }
    }

    /// Lets the thread commit what it has and waits for its end.
    pub(crate) fn join(mut self) {
        drop(self.batches.take());
        let _ = self.thread.join();
    }
}

fn commit_all<M: Machine>(
    mut journal: Journal,
    batches: &Receiver<Prepared<M>>,
    done: &mpsc::UnboundedSender<()>,
    shared: &Shared,
    seed: &M::Seed,
) {
    while let Ok(mut prepared) = batches.recv() {
        too_early(&mut prepared, journal.writer.head().size, shared, seed);
        let committed = match shared.failure_of(prepared.generation) {
            Some(error) => Err(error),
            None => commit_one(&mut journal, &prepared, shared).inspect_err(|error| {
                guard::tell(error);
                shared.fail(prepared.generation, error);
            }),
        };
        // First the sequencer, so that the next batch is on its way while these answers go out.
        let _ = done.send(());
        match committed {
            Ok(()) => release(prepared, journal.writer.head().size, shared, seed),
            Err(error) => refuse(prepared, &error),
        }
    }
    journal.folding.stop();
    if let Err(error) = journal.writer.checkpoint() {
        tracing::warn!(%error, "the write-ahead log could not be folded in");
    }
}

fn commit_one<M: Machine>(journal: &mut Journal, prepared: &Prepared<M>, shared: &Shared) -> Result<(), LedgerError> {
    let Journal { writer, mark, folding } = journal;
    let batch = &prepared.batch;
    scrub(writer, false, shared)?;
    if batch.records.is_empty() && batch.state.is_empty() {
        return Ok(());
    }
    guard::extends(writer.head(), prepared.first(), batch)?;
    let expected = writer.head().after(batch);
    folding.before(batch, writer).map_err(|error| LedgerError::Stopped(error.to_string()))?;
    let unnoted = |error| LedgerError::Stopped(format!("what is acknowledged cannot be noted: {error}"));
    if mutant::on(Mutant::MarkedBeforeSync) {
        mark.note(&writer.head().after(batch)).map_err(unnoted)?;
    }
    writer.commit(batch).map_err(|error| match error {
        StoreError::DiskFull => LedgerError::DiskFull,
        other => LedgerError::Stopped(other.to_string()),
    })?;
    guard::ends_at(&expected, writer.head())?;
    prepared.held.iter().try_for_each(|held| guard::is_durable(held.index, writer.head().size))?;
    mark.note(writer.head()).map_err(unnoted)?;
    scrub(writer, true, shared)
}

/// Cuts the write-ahead log if something was erased. What a reader or a full disk keeps from being cut now is cut before
/// one of the next batches.
fn scrub(writer: &mut Writer, wait: bool, shared: &Shared) -> Result<(), LedgerError> {
    if !writer.scrub_due() {
        return Ok(());
    }
    let scrubbed = match writer.scrub(wait) {
        Err(StoreError::DiskFull) => false,
        other => other.map_err(|error| LedgerError::Stopped(error.to_string()))?,
    };
    if let Ok(mut health) = shared.health.write() {
        health.scrub_due = !scrubbed;
    }
    Ok(())
}

fn release<M: Machine>(prepared: Prepared<M>, size: u64, shared: &Shared, seed: &M::Seed) {
    shared.committed(size);
    for held in prepared.held {
        M::committed(seed, &held.reply);
        let index = held.index;
        let authority = held.authority.map(|value| Recorded::after_commit(value, index.unwrap_or(size)));
        let _ = held.answer.send(Ok(Committed { reply: held.reply, authority, index }));
    }
}

/// Is what planted bugs do: shows or answers what is not durable yet.
fn too_early<M: Machine>(prepared: &mut Prepared<M>, size: u64, shared: &Shared, seed: &M::Seed) {
    if race::on(Race::ShownBeforeSync) {
        prepared.held.iter().for_each(|held| M::committed(seed, &held.reply));
    }
    if race::on(Race::AnsweredBeforeSync) {
        let held = std::mem::take(&mut prepared.held);
        let size = size + prepared.batch.records.len() as u64;
        release(Prepared { held, ..Prepared::new(prepared.generation) }, size, shared, seed);
    }
}

pub(crate) fn refuse<M: Machine>(prepared: Prepared<M>, error: &LedgerError) {
    for held in prepared.held {
        let _ = held.answer.send(Err(error.clone()));
    }
}
