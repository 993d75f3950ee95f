//! Which keys sign the log, which epoch it is in, and whether it is frozen: stored with the records that say so.

use evidence::{LogEnd, LogEvent, LogEventKind};
use minicbor::{Decode, Encode};
use store::{Reader, StoreError};
use tlog::key::VerifierKey;
use types::{ActionId, cbor};

use crate::machine::StateSource;

/// Is the kind of stored state under which the standing is kept.
pub const KIND: &str = "log";

/// Is the key of the standing among that kind.
pub const KEY: &str = "standing";

/// Is a log that ended, and whose records go on under another origin.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Ended {
    /// Its origin.
    #[n(0)]
    pub origin: String,
    /// Where it ended.
    #[n(1)]
    pub end: LogEnd,
    /// The index of the record that took it up.
    #[n(2)]
    pub record: u64,
}

/// Says how far the close of a log has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum Closing {
    /// Nothing new is permitted; the log is closed as soon as nothing is in flight, by the action named.
    #[n(0)]
    Draining(#[n(0)] Option<ActionId>),
    /// Its last record is written.
    #[n(1)]
    Closed,
}

/// Is how the log stands.
///
/// It is written in the transaction of the record that changes it, so it is the one truth about which of the keys at hand
/// sign; a key that it does not name was prepared for a change that never came.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Standing {
    /// The verifier keys of those that sign, the oldest first: one, or two while keys overlap.
    #[n(0)]
    pub signers: Vec<String>,
    /// Its keys may be in other hands: nothing more is recorded under this origin.
    #[n(1)]
    pub frozen: bool,
    /// The logs before this one, the first first.
    #[n(2)]
    pub ended: Vec<Ended>,
    /// It is being closed, or is closed.
    #[n(3)]
    pub closing: Option<Closing>,
}

impl Standing {
    /// Is how a log stands in which no key has changed yet.
    pub fn first(key: &VerifierKey) -> Self {
        Self { signers: vec![key.to_string()], frozen: false, ended: Vec::new(), closing: None }
    }

    /// Reads a stored standing; `None` if no key has changed yet.
    ///
    /// # Errors
    ///
    /// What the store says; [`StoreError::Damaged`] if the value is no standing.
    pub fn read(reader: &Reader) -> Result<Option<Self>, StoreError> {
        let stored = reader.state_value(KIND, KEY)?;
        let decode = |bytes: Vec<u8>| {
            cbor::decode(&bytes).map_err(|e| StoreError::Damaged(format!("the stored standing of the log is {e}")))
        };
        stored.map(decode).transpose()
    }

    /// Returns the origin, which is the name of the keys that sign.
    pub fn origin(&self) -> &str {
        self.signers.first().and_then(|key| key.split_once('+')).map_or("", |(name, _)| name)
    }

    /// Says whether the log's last record is written.
    pub fn is_closed(&self) -> bool {
        self.closing == Some(Closing::Closed)
    }

    /// Reads a standing from rows wherever they are kept; `None` if no key has changed yet.
    ///
    /// # Errors
    ///
    /// A sentence saying what went wrong.
    pub fn of(rows: &dyn StateSource) -> Result<Option<Self>, String> {
        let rows = rows.all(KIND)?;
        let stored = rows.iter().find(|(key, _)| key == KEY);
        stored.map(|(_, bytes)| cbor::decode(bytes)).transpose().map_err(|e| format!("the standing of the log is {e}"))
    }

    /// Returns how the log stands after a change that its record says in the open.
    ///
    /// - `before`: `None` if no key has changed yet.
    /// - `origins`: those that ended, where another log is taken up.
    /// - `record`: the index of the record.
    #[must_use]
    pub fn after(before: Option<&Self>, event: &LogEvent, origins: Vec<String>, record: u64) -> Self {
        let first = || Self { signers: event.old.clone(), frozen: false, ended: Vec::new(), closing: None };
        let before = before.cloned().unwrap_or_else(first);
        match event.event {
            // With the keys in doubt none of them counts from here on.
            LogEventKind::Compromised => Self { frozen: true, ..before },
            LogEventKind::Rotated | LogEventKind::Retired => Self { signers: event.new.clone(), ..before },
            LogEventKind::Continued => {
                let end = event.ended.clone().unwrap_or(LogEnd { found: record, seen: record, root: None });
                let ends = origins.into_iter().map(|origin| Ended { origin, end: end.clone(), record });
                let ended = before.ended.into_iter().chain(ends).collect();
                Self { signers: event.new.clone(), frozen: false, ended, closing: None }
            }
            LogEventKind::Closed => Self { closing: Some(Closing::Closed), ..before },
            LogEventKind::Began => Self { signers: event.new.clone(), frozen: false, ended: Vec::new(), closing: None },
            // They are about another log.
            LogEventKind::Archived | LogEventKind::Deleted | LogEventKind::Erased => before,
        }
    }

    /// Returns the number of the epoch, from 1.
    pub fn epoch(&self) -> u64 {
        self.ended.len() as u64 + 1
    }
}
