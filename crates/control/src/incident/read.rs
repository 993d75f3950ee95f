//! Reading a recorded session from a journal.

use std::collections::BTreeSet;

use evidence::{Field, RecordKind};
use ledger::History;
use ledger::history::Entry;
use policy::BundleFiles;
use replay::Bundles;
use replay::incident::Source;
use serde::Serialize;
use types::{AgentId, Digest, Millis, Session, SessionId};

use crate::error::{Failure, not_found};
use crate::export::policy_files;

/// Is how many records are read at a time.
const AT_ONCE: u64 = 1_000;

/// Returns the records of a session, and those of the actions proposed in it, votes included.
///
/// # Errors
///
/// `not-found` if nothing is recorded of it, or what the journal says.
pub fn sources(history: &History, session: &SessionId) -> Failure<Vec<Source>> {
    let own = history.of_session(session)?;
    if own.is_empty() {
        return Err(not_found(format!("session {session}")));
    }
    let mut seen: BTreeSet<u64> = own.iter().map(|entry| entry.index).collect();
    let actions: BTreeSet<_> = own.iter().filter_map(|entry| entry.leaf.action).collect();
    let mut entries = own;
    for action in actions {
        entries.extend(history.of_action(&action)?.into_iter().filter(|entry| seen.insert(entry.index)));
    }
    Ok(entries.into_iter().map(source).collect())
}

fn source(entry: Entry) -> Source {
    let erased = entry.content.is_none();
    let (index, leaf, content) = (entry.index, entry.leaf, entry.content);
    Source { index, leaf, content, withheld: Vec::new(), grounds_withheld: false, erased }
}

/// Returns the policy bundles of these digests, as far as they were ever active.
///
/// # Errors
///
/// `internal` if the files of one were stored and do not read, or what the journal says.
pub fn recorded_bundles(history: &History, digests: &BTreeSet<Digest>) -> Failure<Bundles> {
    let mut bundles = Bundles::new();
    for digest in digests {
        if let Some(files) = policy_files(history, digest)? {
            bundles.add(BundleFiles(files));
        }
    }
    Ok(bundles)
}

/// Is one recorded session, as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Brief {
    /// The session.
    pub session: SessionId,
    /// Whose it was; absent once that was erased.
    pub agent: Option<AgentId>,
    /// When it was opened.
    pub opened: Millis,
    /// How many decisions were recorded in it.
    pub decisions: u64,
}

/// Lists the sessions of a journal in which something was decided, the newest first.
///
/// # Errors
///
/// What the journal says.
pub fn sessions(history: &History) -> Failure<Vec<Brief>> {
    let mut all: Vec<Brief> = Vec::new();
    let size = history.size()?;
    for from in (0..size).step_by(usize::try_from(AT_ONCE).unwrap_or(1)) {
        for entry in history.range(from, size.min(from + AT_ONCE))? {
            let Some(place) = entry.leaf.session.clone() else { continue };
            match entry.leaf.kind {
                RecordKind::SessionOpen => all.push(brief(&entry, place.session)),
                RecordKind::Decided => {
                    if let Some(brief) = all.iter_mut().rev().find(|brief| brief.session == place.session) {
                        brief.decisions += 1;
                    }
                }
                _ => {}
            }
        }
    }
    all.retain(|brief| brief.decisions > 0);
    all.reverse();
    Ok(all)
}

fn brief(entry: &Entry, session: SessionId) -> Brief {
    let opened = entry.content.as_ref().and_then(|content| content.get::<Session>(Field::Body).ok().flatten());
    Brief { session, agent: opened.map(|opened| opened.agent), opened: entry.leaf.at, decisions: 0 }
}
