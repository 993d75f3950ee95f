//! What the callers know: what they have asked for, what was answered, and what a kill has cut off.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::tally::Tally;

/// Names the tools of the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// Writes a line; a second call writes a second one.
    Unsafe,
    /// Writes a line, once per idempotency key.
    Keyed,
    /// Changes nothing.
    Read,
    /// Would write a line, and a policy forbids it.
    Denied,
}

impl Tool {
    /// Lists them all.
    pub const ALL: [Self; 4] = [Self::Unsafe, Self::Keyed, Self::Read, Self::Denied];

    /// Returns the name under which the target lists it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unsafe => "append_unsafe",
            Self::Keyed => "append_keyed",
            Self::Read => "read_item",
            Self::Denied => "append_denied",
        }
    }

    /// Finds a tool by its name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| tool.name() == name)
    }

    /// Says whether it leaves a line behind when it is carried out.
    pub const fn writes(self) -> bool {
        !matches!(self, Self::Read)
    }
}

/// Is something a caller was told and may rely on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ack {
    /// The call was carried out.
    Done,
    /// The call was carried out, and the target said it failed.
    Failed,
    /// The call was refused.
    Refused {
        /// The stable code.
        code: String,
        /// The action it was.
        action: Option<String>,
    },
}

/// Says how a call ended, as its caller saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It has not ended.
    Open,
    /// A kill cut it off.
    Cut,
    /// Its connection broke though nobody was killed.
    Dropped,
    /// Its caller got an answer.
    Answered(Ack),
}

/// Is what a caller knows of one call. It is sent once and never again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// What was called.
    pub tool: Tool,
    /// Who called.
    pub agent: String,
    /// The run of the server it was sent to.
    pub run: u64,
    /// How it ended.
    pub fate: Fate,
}

#[derive(Debug, Default)]
struct Inside {
    calls: BTreeMap<String, Call>,
    in_flight: u64,
    least: u64,
}

/// Holds all calls of one data folder.
#[derive(Debug, Default)]
pub struct Books {
    inside: Mutex<Inside>,
    /// Counts requests that were written out.
    pub sent: Tally,
    /// Counts answers.
    pub answered: Tally,
}

impl Books {
    fn lock(&self) -> MutexGuard<'_, Inside> {
        // Every change is one insert or one count, so a panic elsewhere leaves it whole.
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes down that a request is about to leave.
    pub fn begin(&self, id: &str, call: Call) {
        let mut inside = self.lock();
        inside.in_flight += 1;
        inside.calls.insert(id.to_owned(), call);
    }

    /// Writes down how a call ended.
    pub fn end(&self, id: &str, fate: Fate) {
        let answered = matches!(fate, Fate::Answered(_));
        {
            let mut inside = self.lock();
            inside.in_flight -= 1;
            inside.least = inside.least.min(inside.in_flight);
            if let Some(call) = inside.calls.get_mut(id) {
                call.fate = fate;
            }
        }
        if answered {
            self.answered.add();
        }
    }

    /// Returns how many calls are on the way.
    pub fn in_flight(&self) -> u64 {
        self.lock().in_flight
    }

    /// Begins to watch for the fewest calls in flight.
    pub fn watch(&self) {
        let mut inside = self.lock();
        inside.least = inside.in_flight;
    }

    /// Returns the fewest calls that were in flight at any time since [`Books::watch`].
    pub fn least(&self) -> u64 {
        self.lock().least
    }

    /// Returns all calls by id.
    pub fn calls(&self) -> BTreeMap<String, Call> {
        self.lock().calls.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call() -> Call {
        Call { tool: Tool::Unsafe, agent: "agent-0".into(), run: 1, fate: Fate::Open }
    }

    #[test]
    fn the_fewest_in_flight_are_remembered() {
        let books = Books::default();
        for id in ["a", "b", "c"] {
            books.begin(id, call());
        }
        books.watch();
        books.end("a", Fate::Cut);
        books.end("b", Fate::Answered(Ack::Done));
        books.begin("d", call());
        assert_eq!((books.in_flight(), books.least(), books.answered.count()), (2, 1, 1));
        assert_eq!(books.calls()["a"].fate, Fate::Cut);
    }

    #[test]
    fn a_tool_is_found_by_its_name() {
        for tool in Tool::ALL {
            assert_eq!(Tool::named(tool.name()), Some(tool));
        }
        assert_eq!(Tool::named("other"), None);
    }
}
