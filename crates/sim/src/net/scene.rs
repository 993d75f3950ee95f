//! What outlives every host: who has seen what, and what the seed still holds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use control::state::Target;
use testkit::TestClock;

use crate::road::coverage::Coverage;
use crate::road::dice::Dice;
use crate::road::trace::{Ack, Call, Trace};
use crate::road::upstream::{Book, Upstream};

use super::wire::Wires;

/// Says what an agent was told of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// What the server answered.
    Answered,
    /// A refusal with this code.
    Refused(String),
    /// Nothing: its connection ended, or it lost patience.
    Nothing,
}

/// Is a kill as it was acknowledged.
#[derive(Debug, Clone)]
pub struct Kill {
    /// What it covers.
    pub target: Target,
    /// The moment it was asked for.
    pub asked: u64,
    /// How many records were durable when it was acknowledged.
    pub size: u64,
    /// When it was acknowledged, in milliseconds that truly passed.
    pub at: i64,
    /// It was said that nothing is in flight.
    pub drained: bool,
    /// The actions that were named as in flight.
    pub named: BTreeSet<String>,
}

/// Is a call that its client no longer wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Withdrawn {
    /// The call.
    pub call: u64,
    /// When the gateway must have known, in milliseconds that truly passed.
    pub at: i64,
}

/// Is what everybody saw.
#[derive(Debug, Default)]
pub struct Seen {
    /// The calls and the kills.
    pub trace: Trace,
    /// What the agents were told.
    pub told: BTreeMap<u64, Told>,
    /// The calls that no one has been told anything of yet.
    pub waiting: BTreeSet<u64>,
    /// The kills, in order.
    pub kills: Vec<Kill>,
    /// The calls that were withdrawn.
    pub withdrawn: Vec<Withdrawn>,
    /// The calls that came back because people must decide first.
    pub held: Vec<Call>,
    /// What the run went through.
    pub coverage: Coverage,
    next: u64,
}

/// Is what all hosts share.
pub struct Scene {
    /// The upstream's book.
    pub upstream: Upstream,
    /// The true time.
    pub time: Arc<TestClock>,
    /// The bearer keys, by name.
    pub tokens: BTreeMap<String, String>,
    /// How connections are cut.
    pub wires: Arc<Wires>,
    /// Nothing goes wrong in this run.
    pub calm: bool,
    seen: Mutex<Seen>,
    closing: AtomicBool,
    /// The upstream asks to end before it does the next thing.
    doomed: AtomicBool,
}

impl Scene {
    /// Sets the scene of a seed.
    pub fn of(seed: u64, calm: bool, time: Arc<TestClock>, tokens: BTreeMap<String, String>) -> Arc<Self> {
        Arc::new(Self {
            upstream: Upstream::default(),
            time,
            tokens,
            wires: Wires::of(Dice::of(seed ^ 0xC07)),
            calm,
            seen: Mutex::new(Seen { next: 1, ..Seen::default() }),
            closing: AtomicBool::new(false),
            doomed: AtomicBool::new(false),
        })
    }

    /// Looks into what was seen.
    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    /// Looks into the upstream's book.
    pub fn book(&self) -> MutexGuard<'_, Book> {
        self.upstream.book()
    }

    /// Returns how much time truly passed, in milliseconds.
    pub fn now(&self) -> i64 {
        use ledger::Clock as _;
        self.time.steady_ms()
    }

    /// Says whether nothing new is begun.
    pub fn is_closing(&self) -> bool {
        self.closing.load(Ordering::SeqCst)
    }

    /// Lets nothing new be begun.
    pub fn close(&self) {
        self.closing.store(true, Ordering::SeqCst);
    }

    /// Asks that the upstream ends at once.
    pub fn doom(&self) {
        self.doomed.store(true, Ordering::SeqCst);
    }

    /// Says whether the upstream is to end, once.
    pub fn take_doom(&self) -> bool {
        self.doomed.swap(false, Ordering::SeqCst)
    }

    /// Counts something that happened.
    pub fn count(&self, kind: &'static str, name: impl Into<String>) {
        self.seen().coverage.count(kind, name);
    }

    /// Begins a call and returns its number.
    pub fn begin(&self, call: Call) -> u64 {
        let mut seen = self.seen();
        let number = seen.next;
        seen.next += 1;
        seen.trace.calls.insert(number, call);
        seen.waiting.insert(number);
        number
    }

    /// Notes what an agent was told of a call; the first word counts.
    pub fn tell(&self, number: u64, told: Told) {
        let mut seen = self.seen();
        if !seen.waiting.remove(&number) {
            return;
        }
        let name = match &told {
            Told::Answered => "answered",
            Told::Refused(code) => code,
            Told::Nothing => "nothing",
        };
        seen.coverage.count("told", name);
        match &told {
            Told::Answered => drop(seen.trace.acks.insert(number, Ack::Answered)),
            Told::Refused(code) if code == "approval-pending" => {
                let call = seen.trace.calls[&number].clone();
                seen.held.push(call);
            }
            Told::Refused(_) | Told::Nothing => {}
        }
        seen.told.insert(number, told);
    }

    /// Says what must never be seen.
    pub fn wrong(&self, what: impl Into<String>) {
        self.seen().trace.wrong.push(what.into());
    }
}
