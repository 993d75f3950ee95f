//! The logs of a tenant: the live one and those that were closed before it, read by their names.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use evidence::TenantKey;
pub use evidence::log_archive::Contents;
use ledger::closed::{self, ClosedLog};
use ledger::{History, Standing, standing};
use serde::Serialize;
use types::{Code, Digest, Millis, cbor};

use crate::control::Control;
use crate::door::Refusal;
use crate::error::{Failure, not_found};
use crate::machine::says_deleted;
use crate::records::{Line, RECORDS_MAX};

/// Says how a log stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LogState {
    /// Records are added.
    Open,
    /// It is complete, and its files are here.
    Closed,
    /// It is complete, its files are here, and somebody has recorded an archive of it.
    Archived,
    /// Its final checkpoint is all that is here.
    Deleted,
}

impl LogState {
    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Archived => "archived",
            Self::Deleted => "deleted",
        }
    }
}

/// Is one log as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogView {
    /// Its number, from 1; commands take it for a name.
    pub number: u64,
    /// Its name, as its checkpoints have it.
    pub origin: String,
    /// How it stands.
    pub state: LogState,
    /// How many records it has.
    pub size: u64,
    /// When its first record was written.
    pub first: Option<Millis>,
    /// When its last record was written.
    pub last: Option<Millis>,
    /// The SHA-256 of its final checkpoint, cosignatures included; absent while it is open.
    pub checkpoint: Option<Digest>,
    /// A quorum of witnesses has cosigned its final checkpoint; absent while it is open.
    pub witnessed: Option<bool>,
    /// The digest of the archive that was recorded last.
    pub archive: Option<Digest>,
    /// What that archive is said to have of the contents.
    pub contents: Option<Contents>,
    /// The record of its deletion, and the log that record is in.
    pub deleted: Option<(u64, String)>,
}

impl LogView {
    /// Says whether it is the log that the journal in place holds, closed or not.
    pub fn is_live(&self) -> bool {
        // Of every other one the final checkpoint is kept.
        self.checkpoint.is_none()
    }
}

impl From<&ClosedLog> for LogView {
    fn from(log: &ClosedLog) -> Self {
        let state = match (&log.deleted, &log.archive) {
            (Some(_), _) => LogState::Deleted,
            (None, Some(_)) => LogState::Archived,
            (None, None) => LogState::Closed,
        };
        Self {
            number: log.number,
            origin: log.origin().to_owned(),
            state,
            size: log.size,
            first: Some(log.first),
            last: Some(log.last),
            checkpoint: Some(log.checkpoint_digest()),
            witnessed: Some(log.is_witnessed),
            archive: log.archive.as_ref().map(|archive| archive.digest),
            contents: log.archive.as_ref().and_then(|archive| archive.contents),
            deleted: log.deleted.as_ref().map(|deleted| (deleted.record, deleted.origin.clone())),
        }
    }
}

/// Returns the closed logs that a journal knows of, the first first.
///
/// # Errors
///
/// What the journal says.
pub fn closed_logs(history: &History) -> Failure<Vec<ClosedLog>> {
    ClosedLog::of_rows(&history.state(closed::KIND)?).map_err(|why| Refusal::plain(Code::JournalMismatch, why))
}

/// Returns the first name that the log ever had, whatever logs were closed and epochs ended since.
///
/// - `origin`: of the log, unless the journal knows an earlier one.
///
/// # Errors
///
/// What the journal says.
pub(crate) fn first_origin(history: &History, origin: &str) -> Failure<String> {
    let stored = history.state_value(standing::KIND, standing::KEY)?;
    let standing = stored.and_then(|bytes| cbor::decode::<Standing>(&bytes).ok());
    let ended = standing.iter().flat_map(|standing| &standing.ended).map(|ended| ended.origin.clone());
    let closed = closed_logs(history)?.into_iter().flat_map(|log| log.origins);
    Ok(closed.chain(ended).next().unwrap_or_else(|| origin.to_owned()))
}

/// Finds a closed log by its number or origin.
///
/// # Errors
///
/// `not-found` if there is none, or what the journal says.
pub fn closed_log(history: &History, name: &str) -> Failure<ClosedLog> {
    let found = closed_logs(history)?.into_iter().find(|log| log.is_named(name));
    found.ok_or_else(|| not_found(format!("closed log `{name}`")))
}

/// Finds a closed log whose files are here.
///
/// # Errors
///
/// `log-deleted` with the record that says so; otherwise as [`closed_log`].
pub fn kept_log(history: &History, name: &str) -> Failure<ClosedLog> {
    let log = closed_log(history, name)?;
    match &log.deleted {
        Some(deleted) => Err(Refusal::plain(Code::LogDeleted, says_deleted(&log, deleted))),
        None => Ok(log),
    }
}

/// Opens a closed log for reading.
///
/// # Errors
///
/// What its journal says.
pub fn open_closed(data: &Path, tenant: &TenantKey, number: u64) -> Failure<History> {
    let opened = History::open_closed(data, number, tenant.clone());
    opened.map_err(|error| Refusal::plain(error.code(), format!("the closed log {number}: {error}")))
}

/// Lists the logs of a journal, the live one last.
///
/// - `origin`: of the live one, unless the journal says.
///
/// # Errors
///
/// What the journal says.
pub fn list(history: &History, origin: &str) -> Failure<Vec<LogView>> {
    let closed = closed_logs(history)?;
    let mut all: Vec<LogView> = closed.iter().map(LogView::from).collect();
    let stored = history.state_value(standing::KIND, standing::KEY)?;
    let standing = stored.and_then(|bytes| cbor::decode::<Standing>(&bytes).ok());
    let is_closed = standing.as_ref().is_some_and(Standing::is_closed);
    let size = history.size()?;
    let at = |index: u64| -> Failure<Option<Millis>> { Ok(history.record(index)?.map(|entry| entry.leaf.at)) };
    all.push(LogView {
        number: closed.last().map_or(0, |log| log.number) + 1,
        origin: standing.as_ref().map_or(origin, Standing::origin).to_owned(),
        state: if is_closed { LogState::Closed } else { LogState::Open },
        size,
        first: at(0)?,
        last: at(size.saturating_sub(1))?,
        checkpoint: None,
        witnessed: None,
        archive: None,
        contents: None,
        deleted: None,
    });
    Ok(all)
}

/// Is the journal of a closed log by its number, or why it cannot be read.
pub(crate) type Before = (u64, Failure<Arc<History>>);

/// Holds the journals of closed logs that were read since the start.
#[derive(Debug, Default)]
pub(crate) struct ClosedHistories(Mutex<BTreeMap<u64, Arc<History>>>);

impl ClosedHistories {
    /// Lets a closed log go, whose files are removed.
    pub(crate) fn forget(&self, number: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
    }

    fn get(&self, data: &Path, tenant: &TenantKey, number: u64) -> Failure<Arc<History>> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(history) = open.get(&number) {
            return Ok(history.clone());
        }
        let history = Arc::new(open_closed(data, tenant, number)?);
        open.insert(number, history.clone());
        Ok(history)
    }
}

impl Control {
    /// Lists the logs of the tenant, the live one last.
    ///
    /// # Errors
    ///
    /// What the journal says.
    pub fn logs(&self) -> Failure<Vec<LogView>> {
        list(self.history(), self.config().place.keys.log.verifier().name())
    }

    /// Finds a log by its number or origin.
    ///
    /// # Errors
    ///
    /// `not-found` if there is none, or what the journal says.
    pub fn log_named(&self, name: &str) -> Failure<LogView> {
        if let Some(closed) = closed_logs(self.history())?.iter().find(|log| log.is_named(name)) {
            return Ok(closed.into());
        }
        let live = self.logs()?.pop().filter(|live| name.parse() == Ok(live.number) || live.origin == name);
        live.ok_or_else(|| not_found(format!("log `{name}`")))
    }

    pub(crate) fn closed_log(&self, name: &str) -> Failure<ClosedLog> {
        closed_log(self.history(), name)
    }

    pub(crate) fn kept_log(&self, name: &str) -> Failure<ClosedLog> {
        kept_log(self.history(), name)
    }

    /// Returns the journal of a closed log by its number or origin.
    ///
    /// # Errors
    ///
    /// `not-found` if there is none, `log-deleted` if it was deleted, or what its journal says.
    pub fn closed_history(&self, name: &str) -> Failure<Arc<History>> {
        let place = &self.config().place;
        self.closed.get(&place.data, &place.keys.tenant, self.kept_log(name)?.number)
    }

    /// Returns the journals of all closed logs that should be here, the first first, each with its number; one that is
    /// missing or damaged with what it says.
    ///
    /// # Errors
    ///
    /// What the live journal says.
    pub(crate) fn before(&self) -> Failure<Vec<Before>> {
        let place = &self.config().place;
        let kept = closed_logs(self.history())?.into_iter().filter(|log| log.deleted.is_none());
        Ok(kept.map(|log| (log.number, self.closed.get(&place.data, &place.keys.tenant, log.number))).collect())
    }

    /// Returns records of a log from an index on, in order, and how many it has.
    ///
    /// - `limit`: at most [`RECORDS_MAX`] are returned, whatever it says.
    ///
    /// # Errors
    ///
    /// `not-found` if there is no such log, `log-deleted` if it was deleted, or what its journal says.
    pub fn records_of(&self, name: &str, from: u64, limit: u64) -> Failure<(Vec<Line>, u64)> {
        if self.log_named(name)?.is_live() {
            return Ok((self.records(from, limit)?, self.size()));
        }
        let history = self.closed_history(name)?;
        let to = from.saturating_add(limit.min(RECORDS_MAX));
        let lines = history.range(from, to)?.into_iter().map(Line::from).collect();
        Ok((lines, history.size()?))
    }
}
