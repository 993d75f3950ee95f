//! The machine the simulated ledger runs: it notes what it is told, and keeps a count that must equal the notes.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use evidence::{Content, Field, RecordKind};
use ledger::{Clock, Draft, Machine, Random, StateSource, Turn};
use types::{Millis, cbor};

use crate::picture::{SESSIONS, session};
use crate::rng::Rng;

/// Is how many values are stored besides, so that the stored state is of some size.
const SLOTS: u64 = 32;

/// Is what the machine is asked.
#[derive(Debug, Clone, Copy)]
pub enum Ask {
    /// Writes records that all name this command, and counts them.
    Note {
        /// The number of the command, unique in a run.
        id: u64,
        /// How many records it writes; none changes the stored state alone.
        records: u32,
        /// How many bytes each record holds besides.
        bytes: usize,
    },
    /// Answers how many records were noted.
    Count,
}

/// Is what is shared with the machine: how many commands it has answered.
#[derive(Debug, Clone, Default)]
pub struct Applied(Arc<AtomicU64>);

impl Applied {
    /// Returns how many commands were answered so far.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Notes what it is told.
#[derive(Debug)]
pub struct Tally {
    records: u64,
    last: u64,
    applied: Applied,
}

/// Says what a record's content is: which command wrote it, and as which of how many.
pub fn mark(id: u64, part: u32, of: u32) -> String {
    format!("command {id}, record {part} of {of}.")
}

fn content(id: u64, part: u32, of: u32, bytes: usize) -> Content {
    let body = mark(id, part, of) + &"x".repeat(bytes);
    Content::about(vec![format!("agent:{}", id % 5)]).with(Field::Body, &body)
}

impl Machine for Tally {
    type Command = Ask;
    type Reply = u64;
    type Authority = u64;
    type Seed = Applied;

    fn load(applied: &Applied, state: &dyn StateSource) -> Result<Self, String> {
        let stored = state.all("tally")?;
        let read = |name: &str| {
            let value = stored.iter().find(|(key, _)| key == name);
            value.map_or(Ok(0), |(_, bytes)| cbor::decode(bytes)).map_err(|e| e.to_string())
        };
        Ok(Self { records: read("records")?, last: read("last")?, applied: applied.clone() })
    }

    fn apply(&mut self, command: Ask, turn: &mut Turn<'_>) -> (u64, Option<u64>) {
        self.applied.0.fetch_add(1, Ordering::SeqCst);
        let Ask::Note { id, records, bytes } = command else { return (self.records, None) };
        for part in 0..records {
            let session = (id % 2 == 0).then(|| session(u8::try_from(id % u64::from(SESSIONS)).unwrap_or(0)));
            turn.record(Draft { session, ..Draft::new(RecordKind::Heartbeat, content(id, part, records, bytes)) });
        }
        self.records += u64::from(records);
        self.last = self.last.max(id);
        turn.put("tally", "records", &self.records);
        turn.put("tally", "last", &self.last);
        turn.put("tally", format!("the last of {}", id % SLOTS), &mark(id, 0, records));
        (self.records, (records > 0).then_some(id))
    }
}

/// Is a clock that moves by a millisecond a look.
#[derive(Debug)]
pub struct Steps(AtomicI64);

impl Default for Steps {
    fn default() -> Self {
        Self(AtomicI64::new(1_700_000_000_000))
    }
}

impl Clock for Steps {
    fn wall(&self) -> Millis {
        Millis(self.0.load(Ordering::SeqCst))
    }

    fn steady_ms(&self) -> i64 {
        self.0.fetch_add(1, Ordering::SeqCst)
    }
}

/// Draws from a seed what a real ledger draws from the system.
#[derive(Debug)]
pub struct Drawn(Mutex<Rng>);

impl Drawn {
    /// Starts from a seed.
    pub fn new(rng: Rng) -> Self {
        Self(Mutex::new(rng))
    }
}

impl Random for Drawn {
    fn fill(&self, out: &mut [u8]) {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).fill(out);
    }
}
