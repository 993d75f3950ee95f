//! Walking a log leaf by leaf: schema, session chains, intents without outcomes.
//!
//! Memory is bounded by the sessions and intents that are open at one time, not by the log.

use std::collections::BTreeMap;

use serde::Serialize;
use types::{ActionId, Digest, SessionId};

use crate::leaf::{InSession, Leaf, LeafError, RecordKind};
use crate::log_event::{LogEvent, LogEventKind};

/// Is something a walk found wrong, with its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WalkError {
    /// A leaf does not follow the schema.
    #[error("record {index}: {error}")]
    Leaf {
        /// The record's index in the log.
        index: u64,
        /// What is wrong with it.
        error: LeafError,
    },
    /// A session skips, repeats or relinks a record.
    #[error("record {index}: session {session} continues with {found}, expected {expected}")]
    Session {
        /// The record's index in the log.
        index: u64,
        /// The session.
        session: SessionId,
        /// The sequence number and link that are there.
        found: String,
        /// The ones that should be.
        expected: String,
    },
    /// Time runs backwards from one record to the next.
    #[error("record {index}: written {by_ms} ms before the record in front of it")]
    Time {
        /// The record's index in the log.
        index: u64,
        /// By how much, in milliseconds.
        by_ms: i64,
    },
    /// A record stands behind the one that closed the log.
    #[error("record {index}: the record in front of it closed the log")]
    Closed {
        /// The record's index in the log.
        index: u64,
    },
    /// A record says that a log begins, and is not its first.
    #[error("record {index}: it says that a log begins, and records stand in front of it")]
    Began {
        /// The record's index in the log.
        index: u64,
    },
}

impl WalkError {
    /// Returns the stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Leaf { .. } => "leaf-invalid",
            Self::Session { .. } => "session-broken",
            Self::Time { .. } => "time-backwards",
            Self::Closed { .. } => "log-reopened",
            Self::Began { .. } => "log-begun-late",
        }
    }
}

/// Is what a whole walk found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Walked {
    /// How many records there are.
    pub records: u64,
    /// How many of each kind.
    pub kinds: BTreeMap<&'static str, u64>,
    /// Permitted actions whose outcome is not in the log: index of the intent by action.
    pub open_intents: BTreeMap<ActionId, u64>,
    /// Sessions without a closing record.
    pub open_sessions: u64,
    /// What the log says of itself, by the index of the record: its keys, and where another log was taken up.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub log: BTreeMap<u64, LogEvent>,
}

/// Walks a log in order.
#[derive(Debug, Default)]
pub struct Walk {
    found: Walked,
    sessions: BTreeMap<SessionId, (u64, Digest)>,
    last_ms: i64,
    closed: bool,
}

impl Walk {
    /// Starts at record 0.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next leaf.
    ///
    /// # Errors
    ///
    /// [`WalkError`], as described there; the walk must not go on after one.
    pub fn take(&mut self, bytes: &[u8]) -> Result<Leaf, WalkError> {
        let index = self.found.records;
        let leaf = Leaf::from_bytes(bytes).map_err(|error| WalkError::Leaf { index, error })?;
        self.check_time(index, &leaf)?;
        self.check_ends(index, &leaf)?;
        if let Some(place) = &leaf.session {
            self.check_session(index, &leaf, place, Leaf::hash_of(bytes))?;
        }
        self.count(index, &leaf);
        Ok(leaf)
    }

    /// Returns what was found.
    pub fn finish(mut self) -> Walked {
        self.found.open_sessions = self.sessions.len() as u64;
        self.found
    }

    fn check_time(&mut self, index: u64, leaf: &Leaf) -> Result<(), WalkError> {
        let by_ms = self.last_ms.saturating_sub(leaf.at.0);
        if by_ms > 0 {
            return Err(WalkError::Time { index, by_ms });
        }
        self.last_ms = leaf.at.0;
        Ok(())
    }

    /// Demands that nothing follows a record that closes the log, and nothing precedes one that begins it.
    fn check_ends(&mut self, index: u64, leaf: &Leaf) -> Result<(), WalkError> {
        if self.closed {
            return Err(WalkError::Closed { index });
        }
        let event = leaf.log.as_ref().map(|log| log.event);
        if event == Some(LogEventKind::Began) && index > 0 {
            return Err(WalkError::Began { index });
        }
        self.closed = event == Some(LogEventKind::Closed);
        Ok(())
    }

    fn check_session(&mut self, index: u64, leaf: &Leaf, place: &InSession, hash: Digest) -> Result<(), WalkError> {
        let expected = self.sessions.get(&place.session).map(|(seq, last)| (seq + 1, Some(*last))).unwrap_or((0, None));
        let opens = (leaf.kind == RecordKind::SessionOpen) == (expected.0 == 0);
        if (place.seq, place.previous) != expected || !opens {
            let show = |(seq, link): (u64, Option<Digest>)| {
                format!("number {seq} after {}", link.map_or("nothing".into(), |d| d.short(8)))
            };
            let found = show((place.seq, place.previous));
            return Err(WalkError::Session { index, session: place.session, found, expected: show(expected) });
        }
        if leaf.kind == RecordKind::SessionClose {
            self.sessions.remove(&place.session);
        } else {
            self.sessions.insert(place.session, (place.seq, hash));
        }
        Ok(())
    }

    fn count(&mut self, index: u64, leaf: &Leaf) {
        self.found.records += 1;
        *self.found.kinds.entry(leaf.kind.as_str()).or_default() += 1;
        if let Some(event) = &leaf.log {
            self.found.log.insert(index, event.clone());
        }
        if let Some(action) = leaf.action {
            if is_intent(leaf) {
                self.found.open_intents.insert(action, index);
            } else if leaf.kind == RecordKind::Outcome {
                self.found.open_intents.remove(&action);
            }
        }
    }
}

/// Says whether a leaf is an intent: a decision that permits.
pub fn is_intent(leaf: &Leaf) -> bool {
    leaf.kind == RecordKind::Decided && leaf.verdict.is_some_and(|rank| rank <= 1)
}
