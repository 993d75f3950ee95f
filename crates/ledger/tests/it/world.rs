//! A journal in a temporary folder, with a machine that adds numbers.

use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use countersign_ledger::recover::{Open, OpenError, Place, open};
use countersign_ledger::{Clock, Draft, LogKeys, Machine, Random, StateSource, Turn};
use evidence::{Content, Field, RecordKind, TenantKey};
use tlog::key::SignerKey;
use types::{Invariant, Millis, SessionId, cbor};

pub enum Ask {
    Add(u32),
    Sum,
    InSession(u32),
    InSessionOf(i64),
    Jumped,
    Fill(usize),
    /// Find, after it has recorded something, that what must hold does not.
    Break(u32),
    /// Say something about some subjects.
    Tell(&'static [&'static str], String),
    /// End a subject, saying something more about it first.
    Erase(&'static str),
}

/// What was shown after each commit, in order.
pub type Shown = Arc<Mutex<Vec<u32>>>;

pub struct Adder {
    sum: u32,
}

fn session(n: i64) -> SessionId {
    SessionId::draw(Millis(n), [9; 10])
}

impl Machine for Adder {
    type Command = Ask;
    type Reply = u32;
    type Authority = u32;
    type Seed = Shown;

    fn load(_: &Shown, state: &dyn StateSource) -> Result<Self, String> {
        let stored = state.all("sum")?;
        let sum = stored.first().map_or(Ok(0), |(_, bytes)| cbor::decode(bytes)).map_err(|e| e.to_string())?;
        Ok(Self { sum })
    }

    fn apply(&mut self, command: Ask, turn: &mut Turn<'_>) -> (u32, Option<u32>) {
        let content = |n: u32| Content::about(vec!["agent:a".into()]).with(Field::Body, &n);
        match command {
            Ask::Sum => (self.sum, None),
            Ask::Jumped => (u32::from(turn.clock_jumped), None),
            Ask::Add(n) => {
                self.sum += n;
                turn.record(Draft::new(RecordKind::Heartbeat, content(n)));
                turn.put("sum", "sum", &self.sum);
                (self.sum, Some(n))
            }
            Ask::Break(n) => {
                self.sum += n;
                turn.record(Draft::new(RecordKind::Heartbeat, content(n)));
                turn.put("sum", "sum", &self.sum);
                turn.assert(Invariant::LimitHolds.assert(false, || "planted".to_owned()));
                (self.sum, Some(n))
            }
            Ask::InSession(n) => {
                turn.record(Draft { session: Some(session(1)), ..Draft::new(RecordKind::Heartbeat, content(n)) });
                (n, None)
            }
            Ask::InSessionOf(n) => {
                turn.record(Draft { session: Some(session(n)), ..Draft::new(RecordKind::Heartbeat, content(0)) });
                (0, None)
            }
            Ask::Tell(subjects, said) => {
                let subjects = subjects.iter().map(|subject| (*subject).to_owned()).collect();
                turn.record(Draft::new(RecordKind::Heartbeat, Content::about(subjects).with(Field::Body, &said)));
                (0, None)
            }
            Ask::Erase(subject) => {
                let Some(traces) = turn.traces(subject).unwrap() else { return (0, None) };
                let last = Content::about(vec![subject.to_owned()]).with(Field::Body, &"its last".to_owned());
                turn.record(Draft::new(RecordKind::Heartbeat, last));
                let draft = Draft::new(RecordKind::Erasure, Content::default());
                (u32::try_from(turn.erase(subject, &traces, &draft).1).unwrap(), None)
            }
            Ask::Fill(bytes) => {
                self.sum += 1;
                let body = "x".repeat(bytes);
                let content = Content::about(vec!["agent:a".into()]).with(Field::Body, &body);
                turn.record(Draft::new(RecordKind::Heartbeat, content));
                turn.put("sum", "sum", &self.sum);
                (self.sum, Some(1))
            }
        }
    }

    fn is_alone(command: &Ask) -> bool {
        matches!(command, Ask::Erase(_))
    }

    fn committed(shown: &Shown, reply: &u32) {
        shown.lock().unwrap().push(*reply);
    }
}

/// A clock that moves one millisecond per look, and can be shifted.
pub struct TestClock {
    wall: AtomicI64,
    steady: AtomicI64,
}

impl TestClock {
    pub fn shift_wall(&self, by: i64) {
        self.wall.fetch_add(by, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn wall(&self) -> Millis {
        Millis(self.wall.load(Ordering::SeqCst) + self.steady.load(Ordering::SeqCst))
    }

    fn steady_ms(&self) -> i64 {
        self.steady.fetch_add(1, Ordering::SeqCst)
    }
}

/// Bytes that never repeat, and are the same in every run.
pub struct Counting(AtomicU64);

impl Random for Counting {
    fn fill(&self, out: &mut [u8]) {
        for chunk in out.chunks_mut(8) {
            let n = self.0.fetch_add(1, Ordering::SeqCst).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let bytes = n.to_le_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
    }
}

pub struct World {
    folder: tempfile::TempDir,
    pub shown: Shown,
    pub clock: Arc<TestClock>,
    random: Arc<Counting>,
}

impl World {
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            shown: Shown::default(),
            clock: Arc::new(TestClock { wall: AtomicI64::new(1_700_000_000_000), steady: AtomicI64::new(0) }),
            random: Arc::new(Counting(AtomicU64::new(1))),
        }
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn keys(&self) -> LogKeys {
        LogKeys {
            tenant: TenantKey::from_bytes([1; 32]),
            log: SignerKey::ed25519("test.example/log", &[2; 32]).unwrap().into(),
        }
    }

    pub fn place(&self) -> Place {
        Place {
            data: self.data(),
            head: self.folder.path().join("head"),
            journal_bytes_max: None,
            keys: self.keys(),
            clock: self.clock.clone(),
            random: self.random.clone(),
        }
    }

    pub fn open(&self) -> Result<Open<Adder>, OpenError> {
        open(&self.place(), self.shown.clone())
    }

    pub fn close(&self, open: Open<Adder>) {
        let Open { ledger, thread, .. } = open;
        drop(ledger);
        thread.join().unwrap();
    }
}
