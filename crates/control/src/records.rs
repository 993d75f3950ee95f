//! The journal as people read it: line by line, and exported as evidence.

use std::sync::Arc;
use std::time::Duration;

use evidence::{Content, Field};
use ledger::history::{Entry, HistoryError};
use types::text::escape;
use types::{ActionId, Code, Digest, Millis, Principal, ToolName};

use crate::control::Control;
use crate::door::Refusal;
use crate::error::Failure;

/// Is the most records one call returns.
pub const RECORDS_MAX: u64 = 1_000;

/// Is how often an export tries until the files hold its records.
const EXPORT_TRIES: u32 = 20;

/// Is how long it waits between two tries; all of them together take at most three seconds.
const EXPORT_EVERY: Duration = Duration::from_millis(150);

/// Is one record in a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its index in the journal.
    pub index: u64,
    /// What it is about.
    pub kind: &'static str,
    /// When it was written.
    pub at: Millis,
    /// The hash under which the log knows it.
    pub hash: Digest,
    /// The action it belongs to.
    pub action: Option<ActionId>,
    /// The rank of the verdict, 0 allow to 3 deny.
    pub verdict: Option<u8>,
    /// The state it reports, by its kind's own numbering.
    pub status: Option<u8>,
    /// Its content was erased.
    pub erased: bool,
    /// Who, what and why, as far as it was not erased; safe to look at.
    pub summary: String,
}

impl From<Entry> for Line {
    fn from(entry: Entry) -> Self {
        Self {
            index: entry.index,
            kind: entry.leaf.kind.as_str(),
            at: entry.leaf.at,
            hash: evidence::Leaf::hash_of(&entry.bytes),
            action: entry.leaf.action,
            verdict: entry.leaf.verdict,
            status: entry.leaf.status,
            erased: entry.content.is_none(),
            summary: entry.content.as_ref().map_or_else(|| "erased".to_owned(), summary),
        }
    }
}

fn summary(content: &Content) -> String {
    let who = content.get::<Principal>(Field::Principal).ok().flatten().map(|who| who.to_string());
    let tool = content.get::<ToolName>(Field::Tool).ok().flatten().map(|tool| escape(&tool.to_string(), false));
    let reason = content.get::<String>(Field::Reason).ok().flatten().map(|reason| escape(&reason, false));
    [who, tool, reason].into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

impl Control {
    /// Returns how many records are durable.
    pub fn size(&self) -> u64 {
        self.health().size
    }

    /// Returns records from an index on, in order.
    ///
    /// - `limit`: at most [`RECORDS_MAX`] are returned, whatever it says.
    ///
    /// # Errors
    ///
    /// What the journal says.
    pub fn records(&self, from: u64, limit: u64) -> Failure<Vec<Line>> {
        let to = from.saturating_add(limit.min(RECORDS_MAX));
        Ok(self.history.range(from, to)?.into_iter().map(Line::from).collect())
    }

    /// Waits until there is a record at an index, or `wait_ms` have passed.
    pub async fn await_record(&self, index: u64, wait_ms: u64) {
        let mut size = self.ledger.watch();
        let there = size.wait_for(|size| *size > index);
        // Neither the time running out nor the journal's end says anything the caller does not see by reading.
        let _ = tokio::time::timeout(Duration::from_millis(wait_ms), there).await;
    }

    /// Exports all records of an action as the bytes of an evidence bundle, published first if they are not yet.
    ///
    /// # Errors
    ///
    /// `not-found` for an unknown action, `state-conflict` if its records are not published in time, or what the
    /// journal and its files say.
    pub async fn export(self: &Arc<Self>, action: &ActionId) -> Failure<Vec<u8>> {
        let indices: Vec<u64> = self.trace(action)?.steps.iter().map(|step| step.index).collect();
        for _ in 0..EXPORT_TRIES {
            let this = self.clone();
            let published = tokio::task::spawn_blocking(move || this.publish()).await;
            if let Ok(Err(error)) = published {
                tracing::warn!(%error, "the log's files are not up to date");
            }
            match self.archive(action, &indices) {
                Err(HistoryError::Unpublished { .. }) => tokio::time::sleep(EXPORT_EVERY).await,
                other => return other?.to_bytes().map_err(|e| Refusal::plain(e.code(), e.to_string())),
            }
        }
        Err(Refusal::plain(Code::StateConflict, format!("the records of {action} are not published yet")))
    }

    fn archive(&self, action: &ActionId, indices: &[u64]) -> Result<evidence::archive::Archive, HistoryError> {
        let key = self.config.place.keys.log.verifier();
        self.history.export(&format!("action {action}"), indices, key, |_| true)
    }
}
