//! The machine a ledger runs: everything that is decided in order, one command after the other.

use evidence::RecordKind;
use store::StateOp;
use types::Millis;
use types::cbor::{self, Canonical};
use types::id::RecordId;

use crate::draft::Draft;
use crate::port::{Random, draw};

/// Decides commands one after the other, inside the sequencer.
///
/// It may change its own state at once; the ledger rebuilds it with [`Machine::load`] if the batch that
/// would have made the change durable fails, which is the same function that starts it.
pub trait Machine: Send + Sized + 'static {
    /// What it is asked.
    type Command: Send + 'static;
    /// What it answers.
    type Reply: Send + 'static;
    /// What becomes authority once the answer's records are durable.
    type Authority: Send + 'static;
    /// What it is loaded with besides the stored state.
    type Seed: Clone + Send + 'static;

    /// Builds the machine from stored state.
    ///
    /// # Errors
    ///
    /// A sentence saying which stored value cannot be read.
    fn load(seed: &Self::Seed, state: &dyn StateSource) -> Result<Self, String>;

    /// Answers a command, putting what must be recorded and stored into the turn.
    fn apply(&mut self, command: Self::Command, turn: &mut Turn<'_>) -> (Self::Reply, Option<Self::Authority>);

    /// Shows to everybody what a command has changed, once that is durable and before the one who asked is answered.
    ///
    /// It is called in the order of the commands, whether or not anybody waits for the answer any more, and must be quick.
    fn committed(_seed: &Self::Seed, _reply: &Self::Reply) {}
}

/// Reads stored state while a machine is loaded.
pub trait StateSource {
    /// Returns all values of a kind, by key, in canonical bytes.
    ///
    /// # Errors
    ///
    /// A sentence saying what went wrong.
    fn all(&self, kind: &str) -> Result<Vec<(String, Vec<u8>)>, String>;
}

/// Is one turn of the machine: what time it is, and what is to become of it.
pub struct Turn<'a> {
    /// The journal's time.
    pub now: Millis,
    /// The wall clock has jumped; nothing that depends on time may be granted.
    pub clock_jumped: bool,
    /// The index the first record of this turn will get.
    pub index: u64,
    random: &'a dyn Random,
    pub(crate) drafts: Vec<(RecordId, Draft)>,
    pub(crate) state: Vec<StateOp>,
}

impl<'a> Turn<'a> {
    /// Starts a turn. Tests start one without a ledger.
    pub fn new(now: Millis, clock_jumped: bool, index: u64, random: &'a dyn Random) -> Self {
        Self { now, clock_jumped, index, random, drafts: Vec::new(), state: Vec::new() }
    }

    /// Draws random bytes.
    pub fn draw<const N: usize>(&self) -> [u8; N] {
        draw(self.random)
    }

    /// Returns the index the next record of this turn will get.
    pub fn next_index(&self) -> u64 {
        self.index + self.drafts.len() as u64
    }

    /// Adds a record and returns the index it will get.
    pub fn record(&mut self, draft: Draft) -> u64 {
        let index = self.next_index();
        let id = RecordId::draw(self.now, self.draw());
        self.drafts.push((id, draft));
        index
    }

    /// Stores a value that a later turn, or the next start, reads.
    pub fn put<T: Canonical>(&mut self, kind: &'static str, key: impl Into<String>, value: &T) {
        self.state.push(StateOp::Put { kind, key: key.into(), value: cbor::encode(value) });
    }

    /// Removes a stored value.
    pub fn delete(&mut self, kind: &'static str, key: impl Into<String>) {
        self.state.push(StateOp::Delete { kind, key: key.into() });
    }

    /// Returns the kinds of the records added so far, for tests.
    pub fn kinds(&self) -> Vec<RecordKind> {
        self.drafts.iter().map(|(_, draft)| draft.kind).collect()
    }

    /// Returns the drafts added so far, for tests.
    pub fn drafts(&self) -> impl Iterator<Item = &Draft> {
        self.drafts.iter().map(|(_, draft)| draft)
    }
}
