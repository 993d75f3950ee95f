//! The journal as the oracle reads it: from the file, not from the application.

use std::path::Path;
use std::sync::Arc;

use evidence::{Content, RecordKind, TenantKey, bodies};
use ledger::History;
use ledger::history::Entry;
use types::{ActionProposal, Decision};

use crate::disk::{self, Disk};

/// Reads a journal's records as they become durable.
pub struct Mirror {
    history: History,
    disk: Option<Arc<Disk>>,
    /// The records so far.
    pub entries: Vec<Entry>,
}

impl Mirror {
    /// Opens the journal of a data folder.
    pub fn open(data: &Path, tenant: TenantKey) -> Self {
        Self { history: History::open(data, tenant).unwrap(), disk: None, entries: Vec::new() }
    }

    /// Says that the journal is on a disk that may lose its power, after which nothing more is read.
    pub fn on(self, disk: &Arc<Disk>) -> Self {
        Self { disk: Some(disk.clone()), ..self }
    }

    /// Reads what is durable by now and returns how many records there are.
    pub fn pull(&mut self) -> u64 {
        let known = self.entries.len() as u64;
        match disk::spare(|| self.history.range(known, u64::MAX >> 1)) {
            Ok(more) => self.entries.extend(more),
            Err(error) => assert!(self.disk.as_ref().is_some_and(|disk| !disk.is_on()), "the journal: {error}"),
        }
        self.entries.len() as u64
    }
}

/// Returns a record's content, which nothing in a run erases.
pub fn content(entry: &Entry) -> &Content {
    entry.content.as_ref().unwrap()
}

/// Returns proposal and decision of a `decided` record.
pub fn decided(entry: &Entry) -> Option<(ActionProposal, Decision)> {
    let is_decided = entry.leaf.kind == RecordKind::Decided;
    is_decided.then(|| (bodies::proposal(content(entry)).unwrap(), bodies::decision(content(entry)).unwrap()))
}

/// Returns the number of the call that a proposal came from, if it came from one.
pub fn call_of(proposal: &ActionProposal) -> Option<u64> {
    proposal.claims.purpose.as_deref()?.strip_prefix("call ")?.parse().ok()
}
