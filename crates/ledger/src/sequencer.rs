//! The sequencer: one thread that decides in order, beside one that commits.
//!
//! While a batch is being synced the next one is decided, on state that assumes the first will hold, and grows until the
//! committer is free. If the first does not hold, both are refused and the machine is loaded again from what is durable.

use std::sync::Arc;

use evidence::leaf::InSession;
use evidence::{Leaf, commit, seal};
use store::{Batch, Erasure, NewRecord, StateOp};
use tlog::frontier::Frontier;
use tokio::sync::mpsc;
use types::id::RecordId;
use types::{Digest, SessionId};

use crate::committer::{Committer, Held, Prepared, Shared, refuse};
use crate::draft::Draft;
use crate::guard::{self, Forward};
use crate::handle::{LedgerError, Request};
use crate::keyring::Subjects;
use crate::machine::{Leaving, Machine, Past, StateSource, Traces, Turn};
use crate::port::{Clock, Random};
use crate::sessions::Sessions;
use crate::sync::block_on;
use crate::timekeeper::Timekeeper;

/// Is the largest batch, in commands.
const BATCH_MAX: usize = 1_024;

/// Is a subject's number that none ever gets.
const NOBODY: i64 = 0;

/// Is what the sequencer works with.
pub(crate) struct Sequencer<M: Machine> {
    pub(crate) machine: M,
    pub(crate) seed: M::Seed,
    pub(crate) reader: store::Reader,
    pub(crate) subjects: Subjects,
    pub(crate) tenant: evidence::TenantKey,
    pub(crate) frontier: Frontier,
    pub(crate) sessions: Sessions,
    pub(crate) timekeeper: Timekeeper,
    pub(crate) forward: Forward,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
}

/// Runs the sequencer until every handle is gone or the journal stops. Blocks the calling thread.
pub(crate) fn run<M: Machine>(
    mut sequencer: Sequencer<M>,
    mut committer: Committer<M>,
    mut requests: mpsc::Receiver<Request<M>>,
    shared: &Shared,
) {
    // It waits for two channels at a time.
    let ran = block_on(async {
        sequence(&mut sequencer, &mut committer, &mut requests, shared).await;
        // A command that is being sent this moment would lie in the channel, and its caller wait, for as long as there
        // are handles; only taking until the end waits for it.
        requests.close();
        while requests.recv().await.is_some() {}
    });
    if let Err(error) = ran {
        shared.fail(0, &LedgerError::Stopped(format!("the sequencer could not start: {error}")));
    }
    committer.join();
}

async fn sequence<M: Machine>(
    sequencer: &mut Sequencer<M>,
    committer: &mut Committer<M>,
    requests: &mut mpsc::Receiver<Request<M>>,
    shared: &Shared,
) {
    let mut growing = Prepared::new(0);
    let mut waiting = Vec::with_capacity(BATCH_MAX);
    loop {
        let room = BATCH_MAX.saturating_sub(growing.len());
        tokio::select! {
            biased;
            free = committer.freed(), if !committer.is_free() => if !free { return },
            taken = requests.recv_many(&mut waiting, room), if room > 0 => if taken == 0 { break },
        }
        if !sequencer.ready(shared, &mut growing) {
            return;
        }
        if !sequencer.take_all(&mut waiting, &mut growing, committer, shared).await {
            return;
        }
        if committer.is_free() && growing.len() > 0 {
            let next = Prepared::new(growing.generation());
            committer.hand_over(sequencer.close(std::mem::replace(&mut growing, next)));
        }
    }
    if growing.len() > 0 && (committer.is_free() || committer.freed().await) {
        committer.hand_over(sequencer.close(growing));
    }
}

impl<M: Machine> Sequencer<M> {
    /// Recovers after a failed batch, refusing what was decided on it; says whether the sequencer may go on.
    fn ready(&mut self, shared: &Shared, growing: &mut Prepared<M>) -> bool {
        let generation = growing.generation();
        let Some(error) = shared.failure_of(generation) else { return true };
        refuse(std::mem::replace(growing, Prepared::new(generation + 1)), &error);
        if !matches!(error, LedgerError::DiskFull) {
            return false;
        }
        let reloaded = self.reload();
        if let Err(why) = &reloaded {
            tracing::error!(%why, "the journal cannot be loaded again");
            shared.fail(generation + 1, &LedgerError::Stopped(why.clone()));
        }
        reloaded.is_ok()
    }

    fn reload(&mut self) -> Result<(), String> {
        let head = self.reader.head().map_err(|e| e.to_string())?;
        self.frontier = frontier_of(&head.frontier)?;
        self.subjects = Subjects::read(&self.tenant, &self.reader).map_err(|e| e.to_string())?;
        self.sessions.clear();
        self.machine = M::load(&self.seed, &Stored(&self.reader))?;
        Ok(())
    }

    /// Takes requests in order; says whether the sequencer may go on.
    async fn take_all(
        &mut self,
        requests: &mut Vec<Request<M>>,
        growing: &mut Prepared<M>,
        committer: &mut Committer<M>,
        shared: &Shared,
    ) -> bool {
        for request in requests.drain(..).filter(|request| !request.answer.is_closed()) {
            let alone = M::is_alone(&request.command);
            if alone && !self.settle(growing, committer, shared).await {
                return false;
            }
            if let Err(error) = self.take(request, growing) {
                // The machine has moved on and a record of it cannot be made, or must not be: the committer refuses this
                // batch first.
                guard::tell(&error);
                shared.fail(growing.generation(), &error);
            }
            if alone && !self.settle(growing, committer, shared).await {
                return false;
            }
        }
        true
    }

    /// Waits until everything taken so far is durable or refused; says whether the sequencer may go on.
    async fn settle(&mut self, growing: &mut Prepared<M>, committer: &mut Committer<M>, shared: &Shared) -> bool {
        if !committer.is_free() && !committer.freed().await {
            return false;
        }
        if growing.len() > 0 {
            let next = Prepared::new(growing.generation());
            committer.hand_over(self.close(std::mem::replace(growing, next)));
            if !committer.freed().await {
                return false;
            }
        }
        self.ready(shared, growing)
    }

    fn take(&mut self, request: Request<M>, growing: &mut Prepared<M>) -> Result<(), LedgerError> {
        let reading = self.timekeeper.read(self.clock.wall(), self.clock.steady_ms());
        let forward = self.forward.turn(reading.now);
        let random = self.random.clone();
        let past = Durable { reader: &self.reader, subjects: &self.subjects };
        let turn = Turn::new(reading.now, reading.jumped, self.frontier.size(), random.as_ref());
        let mut turn = turn.with_past(&past);
        let (reply, authority) = self.machine.apply(request.command, &mut turn);
        turn.assert(forward);
        let Turn { drafts, state, erasures, broken, index, now, .. } = turn;
        let index = (!drafts.is_empty()).then_some(index);
        growing.hold(Held { answer: request.answer, reply, authority, index });
        if let Some(broken) = broken {
            return Err(broken.into());
        }
        growing.batch.state.extend(state);
        for (record, draft) in drafts {
            let new = self.seal(record, draft, now, &mut growing.batch).map_err(LedgerError::Stopped)?;
            growing.batch.records.push(new);
        }
        for Leaving { subject, number, records } in erasures {
            // One that nothing was recorded about before may have its number by now, from the records of this turn. The
            // state that named it is written anew also if it has none.
            let number = number.or_else(|| self.subjects.number_of(&subject)).unwrap_or(NOBODY);
            self.subjects.forget(number);
            growing.batch.erasures.push(Erasure { subject: number, records });
        }
        Ok(())
    }

    /// Ends a batch: what is stored of each place is its last value, and the tree's edge is the one it leads to.
    ///
    /// The committer is free by now, so every batch before this one is durable.
    fn close(&mut self, mut prepared: Prepared<M>) -> Prepared<M> {
        self.sessions.end_batch();
        prepared.batch.state = last_of_each(std::mem::take(&mut prepared.batch.state));
        prepared.batch.frontier = self.frontier.to_bytes();
        prepared
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
        let session = draft.session.map(|session| self.place(session)).transpose()?;
        let leaf = draft.leaf((record, now), session, committed, sealed.digest);
        let bytes = leaf.to_bytes();
        let hash = Leaf::hash_of(&bytes);
        self.frontier.push(tlog::hash::Hash(hash.0)).map_err(|e| e.to_string())?;
        if let Some(place) = leaf.session {
            self.sessions.put(place.session, (place.seq, hash));
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

    /// Returns the next place in a session, reading the last one from the journal if it is not remembered.
    fn place(&mut self, session: SessionId) -> Result<InSession, String> {
        let known = match self.sessions.last(&session) {
            Some(last) => Some(last),
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

/// Reads what is durable, on behalf of a turn.
struct Durable<'a> {
    reader: &'a store::Reader,
    subjects: &'a Subjects,
}

impl Past for Durable<'_> {
    fn traces(&self, subject: &str) -> Result<Option<Traces>, String> {
        let Some(number) = self.subjects.number_of(subject) else { return Ok(None) };
        let rows = self.reader.about(number).map_err(|e| e.to_string())?;
        let others = rows.iter().flat_map(|row| row.subjects.iter().copied()).filter(|other| *other != number);
        let others = others.collect();
        let records = rows.into_iter().map(|row| (row.seq, row.action)).collect();
        Ok(Some(Traces { number: Some(number), records, others }))
    }

    fn number(&self, subject: &str) -> Option<i64> {
        self.subjects.number_of(subject)
    }
}

/// Reads a machine's stored state from the journal.
pub(crate) struct Stored<'a>(pub(crate) &'a store::Reader);

impl StateSource for Stored<'_> {
    fn all(&self, kind: &str) -> Result<Vec<(String, Vec<u8>)>, String> {
        self.0.state(kind).map_err(|e| e.to_string())
    }
}
