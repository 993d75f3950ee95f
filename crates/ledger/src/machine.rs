//! The machine a ledger runs: everything that is decided in order, one command after the other.

use std::collections::BTreeSet;

use evidence::erasure::Scope;
use evidence::{Field, RecordKind};
use store::StateOp;
use types::cbor::{self, Canonical};
use types::id::RecordId;
use types::{Broken, Millis};

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

    /// Says whether a command is applied alone: everything before it is durable by then, and it is in a batch of its own.
    /// What erases needs that, since it must find every record there is.
    fn is_alone(_command: &Self::Command) -> bool {
        false
    }

    /// Shows to everybody what a command has changed, once that is durable and before the one who asked is answered.
    ///
    /// It is called in the order of the commands, whether or not anybody waits for the answer any more, and must be quick.
    fn committed(_seed: &Self::Seed, _reply: &Self::Reply) {}
}

/// Is what the journal holds of a subject.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Traces {
    /// Its number; absent if nothing was recorded about it before this turn.
    pub(crate) number: Option<i64>,
    /// The records about it, in order, and the actions they belong to, as 16 bytes.
    pub records: Vec<(u64, Option<[u8; 16]>)>,
    /// The numbers of everybody else those records are about.
    pub(crate) others: BTreeSet<i64>,
}

/// Reads what is recorded, on behalf of a turn.
pub(crate) trait Past {
    fn traces(&self, subject: &str) -> Result<Option<Traces>, String>;

    fn number(&self, subject: &str) -> Option<i64>;
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

/// Is a subject that ends with a turn.
pub(crate) struct Leaving {
    pub(crate) subject: String,
    pub(crate) number: Option<i64>,
    pub(crate) records: Vec<store::Erased>,
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
    past: Option<&'a dyn Past>,
    pub(crate) drafts: Vec<(RecordId, Draft)>,
    pub(crate) state: Vec<StateOp>,
    pub(crate) erasures: Vec<Leaving>,
    pub(crate) broken: Option<Broken>,
}

impl<'a> Turn<'a> {
    /// Starts a turn. Tests start one without a ledger.
    pub fn new(now: Millis, clock_jumped: bool, index: u64, random: &'a dyn Random) -> Self {
        let (drafts, state, erasures) = (Vec::new(), Vec::new(), Vec::new());
        Self { now, clock_jumped, index, random, past: None, drafts, state, erasures, broken: None }
    }

    pub(crate) fn with_past(self, past: &'a dyn Past) -> Self {
        Self { past: Some(past), ..self }
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

    /// Sets a stored value given in canonical bytes, or removes it.
    pub fn change(&mut self, kind: &'static str, key: String, value: Option<Vec<u8>>) {
        self.state.push(match value {
            Some(value) => StateOp::Put { kind, key, value },
            None => StateOp::Delete { kind, key },
        });
    }

    /// Returns how many records lose their content if a subject is erased now, those of this turn included.
    pub fn count_traces(&self, subject: &str, traces: &Traces) -> u64 {
        let own = self.drafts.iter().filter(|(_, draft)| draft.content.subjects.iter().any(|name| name == subject));
        (traces.records.len() + own.count()) as u64
    }

    /// Returns what is recorded about a subject; `None` if there never was anything, or it was erased.
    ///
    /// Only a command that is applied alone sees everything, see [`Machine::is_alone`].
    ///
    /// # Errors
    ///
    /// A sentence saying what went wrong.
    pub fn traces(&self, subject: &str) -> Result<Option<Traces>, String> {
        self.past.map_or(Ok(None), |past| past.traces(subject))
    }

    /// Says whether some of what is recorded of a subject is about another one too.
    pub fn shares(&self, traces: &Traces, other: &str) -> bool {
        let number = self.past.and_then(|past| past.number(other));
        number.is_some_and(|number| traces.others.contains(&number))
    }

    /// Ends a subject and records it: its key goes, and the content of every record about it, those of this turn that were
    /// added before included. Returns the index of the first record that says so, and how many records lose their content.
    ///
    /// - `draft`: what the record is like that says so; its content MUST be about nobody, so that it outlives everybody.
    pub fn erase(&mut self, subject: &str, traces: &Traces, draft: &Draft) -> (u64, u64) {
        let first = self.next_index();
        let own = (self.index..).zip(&self.drafts);
        let own = own.filter(|(_, (_, draft))| draft.content.subjects.iter().any(|name| name == subject));
        let all: Vec<u64> = traces.records.iter().map(|(index, _)| *index).chain(own.map(|(index, _)| index)).collect();
        let mut records = Vec::with_capacity(all.len());
        for scope in Scope::of(&all) {
            let content = draft.content.clone().with(Field::Body, &scope);
            let by = self.record(Draft { content, ..draft.clone() });
            records.extend(scope.indices().map(|seq| store::Erased { seq, by }));
        }
        self.erasures.push(Leaving { subject: subject.to_owned(), number: traces.number, records });
        (first, all.len() as u64)
    }

    /// Takes note of what was asserted. If something does not hold nothing of this turn's batch is recorded, whoever waits for
    /// it is told so, and the journal stops; the first that does not is told.
    pub fn assert(&mut self, held: Result<(), Broken>) {
        self.broken = self.broken.take().or(held.err());
    }

    /// Returns what does not hold, if something does not.
    pub fn broken(&self) -> Option<&Broken> {
        self.broken.as_ref()
    }

    /// Returns the kinds of the records added so far, for tests.
    pub fn kinds(&self) -> Vec<RecordKind> {
        self.drafts.iter().map(|(_, draft)| draft.kind).collect()
    }

    /// Returns the drafts added so far.
    pub fn drafts(&self) -> impl Iterator<Item = &Draft> {
        self.drafts.iter().map(|(_, draft)| draft)
    }
}
