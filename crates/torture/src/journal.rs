//! The journal as it stands after the kills, read from its database with its own keys.

use std::collections::BTreeMap;
use std::path::Path;

use evidence::{Content, Field, RecordKind, TenantKey, bodies};
use ledger::History;
use ledger::history::Entry;
use serde_json::Value;
use types::{Outcome, OutcomeStatus, Verdict};

const CHUNK: u64 = 1_000;

/// Is an outcome of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The index of its record.
    pub index: u64,
    /// How it ended.
    pub status: OutcomeStatus,
}

/// Is an action, as recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// Its identity.
    pub id: String,
    /// The call that its arguments name.
    pub call: String,
    /// Who proposed it.
    pub agent: String,
    /// What it calls at the target.
    pub tool: String,
    /// The index of the record of its decision.
    pub index: u64,
    /// When it was decided, in milliseconds since the epoch.
    pub at: i64,
    /// It was permitted.
    pub permitted: bool,
    /// Its outcomes, in order.
    pub outcomes: Vec<Ended>,
}

/// Is a start after the first, as recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// The index of its record.
    pub index: u64,
    /// How many actions it found in flight.
    pub in_flight: u64,
}

/// Is what the journal says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Journal {
    /// The actions by identity.
    pub actions: BTreeMap<String, Action>,
    /// The starts, in order.
    pub starts: Vec<Start>,
    /// How many records there are.
    pub size: u64,
    /// Outcomes of actions that were never recorded.
    pub strays: Vec<String>,
}

fn text<E: std::fmt::Display>(error: E) -> String {
    error.to_string()
}

/// Reads the journal of a folder that no server runs on.
///
/// # Errors
///
/// What the keys or the journal say, or a record that holds less than it must.
pub fn read(folder: &Path) -> Result<Journal, String> {
    let key = std::fs::read_to_string(folder.join("keys/tenant.key")).map_err(text)?;
    let mut bytes = [0; 32];
    hex::decode_to_slice(key.trim(), &mut bytes).map_err(text)?;
    let history = History::open(&folder.join("data"), TenantKey::from_bytes(bytes)).map_err(text)?;
    let mut journal = Journal { size: history.size().map_err(text)?, ..Journal::default() };
    let mut next = 0;
    while next < journal.size {
        for entry in history.range(next, next + CHUNK).map_err(text)? {
            if entry.index != next {
                return Err(format!("record {next} is missing"));
            }
            let index = entry.index;
            journal.take(entry).ok_or_else(|| format!("record {index} holds less than it must"))?;
            next += 1;
        }
    }
    Ok(journal)
}

impl Journal {
    fn take(&mut self, entry: Entry) -> Option<()> {
        let content = entry.content.as_ref()?;
        match entry.leaf.kind {
            RecordKind::Recovered => {
                let in_flight = content.get::<u64>(Field::Body).ok()??;
                self.starts.push(Start { index: entry.index, in_flight });
            }
            RecordKind::Decided => self.decided(&entry, content)?,
            RecordKind::Outcome => self.outcome(&entry, content)?,
            _ => {}
        }
        Some(())
    }

    fn decided(&mut self, entry: &Entry, content: &Content) -> Option<()> {
        let proposal = bodies::proposal(content)?;
        // What people change in the system itself travels the same road and is no call.
        let Some(agent) = proposal.principal.agent() else { return Some(()) };
        let tool = proposal.tool.to_string();
        let action = Action {
            id: proposal.id.to_string(),
            call: proposal.arguments.value().get("call").and_then(Value::as_str)?.to_owned(),
            agent: agent.to_string(),
            tool: tool.split_once('.')?.1.to_owned(),
            index: entry.index,
            at: entry.leaf.at.0,
            permitted: Verdict::from_rank(entry.leaf.verdict?).permits(),
            outcomes: Vec::new(),
        };
        self.actions.insert(action.id.clone(), action);
        Some(())
    }

    fn outcome(&mut self, entry: &Entry, content: &Content) -> Option<()> {
        let outcome = content.get::<Outcome>(Field::Body).ok()??;
        let by_agent = content.get::<types::Principal>(Field::Principal).ok()??.agent().is_some();
        let id = outcome.action.to_string();
        match self.actions.get_mut(&id) {
            Some(action) => action.outcomes.push(Ended { index: entry.index, status: outcome.status }),
            None if by_agent => self.strays.push(id),
            None => {}
        }
        Some(())
    }
}
