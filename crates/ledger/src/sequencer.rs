//! The sequencer: one thread that decides in order, and one that commits.
//!
//! While a batch is being synced the next one is decided, on state that assumes the first will hold. If
//! it does not, both are refused and the machine is loaded again from what is durable.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, RwLock};

use evidence::leaf::{InSession, VERSION};
use evidence::{Leaf, commit, seal};
use store::{Batch, NewRecord, StateOp, StoreError, Writer};
use tlog::frontier::Frontier;
use tokio::sync::{mpsc, oneshot, watch};
use types::id::RecordId;
use types::{Digest, SessionId};

use crate::draft::Draft;
use crate::handle::{Answer, Committed, Health, LedgerError, Request};
use crate::keyring::Subjects;
use crate::machine::{Machine, StateSource, Turn};
use crate::port::{Clock, Random};
use crate::recorded::Recorded;
use crate::timekeeper::Timekeeper;

/// Is the largest batch, in commands.
const BATCH_MAX: usize = 1_024;

/// Is what the sequencer works with.
pub(crate) struct Sequencer<M: Machine> {
    pub(crate) machine: M,
    pub(crate) seed: M::Seed,
    pub(crate) reader: store::Reader,
    pub(crate) subjects: Subjects,
    pub(crate) tenant: evidence::TenantKey,
    pub(crate) frontier: Frontier,
    pub(crate) sessions: BTreeMap<SessionId, (u64, Digest)>,
    pub(crate) timekeeper: Timekeeper,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
}

struct Held<M: Machine> {
    answer: oneshot::Sender<Answer<M>>,
    reply: M::Reply,
    authority: Option<M::Authority>,
    index: Option<u64>,
}

struct Prepared<M: Machine> {
    batch: Batch,
    held: Vec<Held<M>>,
    generation: u64,
    /// Why the batch must not be committed: the machine has moved on and a record of it could not be made.
    broken: Option<String>,
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
    /// Batches of this generation and before are refused.
    generation: Option<u64>,
    error: Option<LedgerError>,
}

impl Shared {
    pub(crate) fn new(health: Arc<RwLock<Health>>, size: Arc<watch::Sender<u64>>) -> Self {
        Self { health, size, failed: Arc::default() }
    }

    fn failure(&self) -> Failure {
        self.failed.read().map(|f| f.clone()).unwrap_or_default()
    }

    fn fail(&self, generation: u64, error: &LedgerError) {
        if let Ok(mut failure) = self.failed.write() {
            *failure = Failure { generation: Some(generation), error: Some(error.clone()) };
        }
        if let (LedgerError::Stopped(why), Ok(mut health)) = (error, self.health.write()) {
            health.stopped = Some(why.clone());
        }
    }

    fn committed(&self, size: u64) {
        if let Ok(mut health) = self.health.write() {
            health.size = size;
        }
        self.size.send_replace(size);
    }
}

/// Runs the sequencer until every handle is gone or the journal stops. Blocks the calling thread.
pub(crate) fn run<M: Machine>(
    mut sequencer: Sequencer<M>,
    writer: Writer,
    mut requests: mpsc::Receiver<Request<M>>,
    shared: &Shared,
) {
    let (to_writer, from_sequencer) = sync_channel::<Prepared<M>>(1);
    let theirs = shared.clone();
    let committer = std::thread::Builder::new()
        .name("journal-writer".into())
        .spawn(move || commit_all(writer, &from_sequencer, &theirs));
    let Ok(committer) = committer else {
        shared.fail(0, &LedgerError::Stopped("the writer thread could not be started".into()));
        return;
    };
    let mut generation = 0;
    let mut waiting = Vec::with_capacity(BATCH_MAX);
    while requests.blocking_recv_many(&mut waiting, BATCH_MAX) > 0 {
        if !sequencer.ready(shared, &mut generation) {
            break;
        }
        let prepared = sequencer.prepare(waiting.drain(..), generation);
        if let Some(why) = &prepared.broken {
            // The writer refuses a batch of a failed generation, this one first.
            tracing::error!(%why, "a record could not be sealed");
            shared.fail(generation, &LedgerError::Stopped(why.clone()));
        }
        if hand_over(&to_writer, prepared).is_err() {
            break;
        }
    }
    drop(to_writer);
    let _ = committer.join();
}

fn hand_over<M: Machine>(to_writer: &SyncSender<Prepared<M>>, prepared: Prepared<M>) -> Result<(), ()> {
    match to_writer.try_send(prepared) {
        Ok(()) => Ok(()),
        Err(TrySendError::Full(prepared)) => to_writer.send(prepared).map_err(drop),
        Err(TrySendError::Disconnected(_)) => Err(()),
    }
}

impl<M: Machine> Sequencer<M> {
    /// Recovers after a failed batch; says whether the sequencer may go on.
    fn ready(&mut self, shared: &Shared, generation: &mut u64) -> bool {
        let failure = shared.failure();
        if failure.generation != Some(*generation) {
            return true;
        }
        if !matches!(failure.error, Some(LedgerError::DiskFull)) {
            return false;
        }
        match self.reload() {
            Ok(()) => {
                *generation += 1;
                true
            }
            Err(why) => {
                tracing::error!(%why, "the journal cannot be loaded again");
                shared.fail(*generation, &LedgerError::Stopped(why));
                false
            }
        }
    }

    fn reload(&mut self) -> Result<(), String> {
        let head = self.reader.head().map_err(|e| e.to_string())?;
        self.frontier = frontier_of(&head.frontier)?;
        self.subjects = Subjects::read(&self.tenant, &self.reader).map_err(|e| e.to_string())?;
        self.sessions.clear();
        self.machine = M::load(&self.seed, &Stored(&self.reader))?;
        Ok(())
    }

    fn prepare(&mut self, requests: impl Iterator<Item = Request<M>>, generation: u64) -> Prepared<M> {
        let mut prepared = Prepared { batch: Batch::default(), held: Vec::new(), generation, broken: None };
        for request in requests {
            if request.answer.is_closed() {
                continue;
            }
            self.take(request, &mut prepared);
        }
        prepared.batch.state = last_of_each(std::mem::take(&mut prepared.batch.state));
        prepared.batch.frontier = self.frontier.to_bytes();
        prepared
    }

    fn take(&mut self, request: Request<M>, prepared: &mut Prepared<M>) {
        let reading = self.timekeeper.read(self.clock.wall(), self.clock.steady_ms());
        let random = self.random.clone();
        let mut turn = Turn::new(reading.now, reading.jumped, self.frontier.size(), random.as_ref());
        let (reply, authority) = self.machine.apply(request.command, &mut turn);
        let Turn { drafts, state, index, now, .. } = turn;
        let index = (!drafts.is_empty()).then_some(index);
        for (record, draft) in drafts {
            match self.seal(record, draft, now, &mut prepared.batch) {
                Ok(new) => prepared.batch.records.push(new),
                Err(why) => {
                    prepared.broken.get_or_insert(why);
                }
            }
        }
        prepared.batch.state.extend(state);
        prepared.held.push(Held { answer: request.answer, reply, authority, index });
    }

    fn seal(
        &mut self,
        record: RecordId,
        draft: Draft,
        now: types::Millis,
        batch: &mut Batch,
    ) -> Result<NewRecord, String> {
        let numbers = self
            .subjects
            .numbers(&draft.content.subjects, self.random.as_ref(), &mut batch.subjects)
            .map_err(|e| e.to_string())?;
        let key = self.subjects.record_key(&record, &numbers).ok_or("a subject's key is gone")?;
        let committed = commit::commitments(&key, &draft.content).map_err(|e| e.to_string())?;
        let sealed = seal::seal(&key, &record, &draft.content).map_err(|e| e.to_string())?;
        let leaf = Leaf {
            version: VERSION,
            kind: draft.kind,
            record,
            at: now,
            action: draft.action,
            session: draft.session.map(|session| self.place(session)).transpose()?,
            bundle: draft.bundle,
            verdict: draft.verdict,
            level: draft.level,
            status: draft.status,
            fields: committed.fields,
            findings: committed.findings,
            facts: committed.facts,
            content: sealed.digest,
            semantics: draft.semantics,
        };
        let bytes = leaf.to_bytes();
        let hash = Leaf::hash_of(&bytes);
        self.frontier.push(tlog::hash::Hash(hash.0)).map_err(|e| e.to_string())?;
        if let Some(place) = leaf.session {
            self.sessions.insert(place.session, (place.seq, hash));
        }
        Ok(NewRecord {
            leaf: bytes,
            kind: draft.kind as u8,
            action: draft.action.map(|a| *a.0.as_bytes()),
            session: draft.session.map(|s| *s.0.as_bytes()),
            sealed: sealed.bytes,
            subjects: numbers,
        })
    }

    /// Returns the next place in a session, reading the last one from the journal the first time.
    fn place(&mut self, session: SessionId) -> Result<InSession, String> {
        let known = match self.sessions.get(&session) {
            Some(last) => Some(*last),
            None => self.last_in_journal(session)?,
        };
        Ok(match known {
            Some((seq, previous)) => InSession { session, seq: seq + 1, previous: Some(previous) },
            None => InSession { session, seq: 0, previous: None },
        })
    }

    fn last_in_journal(&self, session: SessionId) -> Result<Option<(u64, Digest)>, String> {
        let Some(bytes) = self.reader.last_of_session(session.0.as_bytes()).map_err(|e| e.to_string())? else {
            return Ok(None);
        };
        let leaf = Leaf::from_bytes(&bytes).map_err(|e| e.to_string())?;
        Ok(leaf.session.map(|place| (place.seq, Leaf::hash_of(&bytes))))
    }
}

/// Keeps only the last change of each place, in order of last change.
fn last_of_each(ops: Vec<StateOp>) -> Vec<StateOp> {
    let mut seen = std::collections::BTreeSet::new();
    let mut kept: Vec<StateOp> = Vec::with_capacity(ops.len());
    for op in ops.into_iter().rev() {
        let (kind, key) = op.place();
        if seen.insert((kind, key.to_owned())) {
            kept.push(op);
        }
    }
    kept.reverse();
    kept
}

pub(crate) fn frontier_of(bytes: &[u8]) -> Result<Frontier, String> {
    if bytes.is_empty() {
        return Ok(Frontier::new());
    }
    Frontier::from_bytes(bytes).map_err(|e| format!("the head's right edge is unreadable: {e}"))
}

/// Reads a machine's stored state from the journal.
pub(crate) struct Stored<'a>(pub(crate) &'a store::Reader);

impl StateSource for Stored<'_> {
    fn all(&self, kind: &str) -> Result<Vec<(String, Vec<u8>)>, String> {
        self.0.state(kind).map_err(|e| e.to_string())
    }
}

fn commit_all<M: Machine>(mut writer: Writer, batches: &Receiver<Prepared<M>>, shared: &Shared) {
    while let Ok(prepared) = batches.recv() {
        if shared.failure().generation == Some(prepared.generation) {
            refuse(prepared, &shared.failure().error.unwrap_or(LedgerError::Closing));
            continue;
        }
        match commit_one(&mut writer, &prepared.batch) {
            Ok(()) => release(prepared, writer.head().size, shared),
            Err(error) => {
                tracing::error!(%error, "a batch could not be committed");
                shared.fail(prepared.generation, &error);
                refuse(prepared, &error);
            }
        }
    }
    if let Err(error) = writer.checkpoint() {
        tracing::warn!(%error, "the write-ahead log could not be folded in");
    }
}

fn commit_one(writer: &mut Writer, batch: &Batch) -> Result<(), LedgerError> {
    if batch.records.is_empty() && batch.state.is_empty() {
        return Ok(());
    }
    writer.commit(batch).map_err(|error| match error {
        StoreError::DiskFull => LedgerError::DiskFull,
        other => LedgerError::Stopped(other.to_string()),
    })
}

fn release<M: Machine>(prepared: Prepared<M>, size: u64, shared: &Shared) {
    shared.committed(size);
    for held in prepared.held {
        let index = held.index;
        let authority = held.authority.map(|value| Recorded::after_commit(value, index.unwrap_or(size)));
        let _ = held.answer.send(Ok(Committed { reply: held.reply, authority, index }));
    }
}

fn refuse<M: Machine>(prepared: Prepared<M>, error: &LedgerError) {
    for held in prepared.held {
        let _ = held.answer.send(Err(error.clone()));
    }
}
