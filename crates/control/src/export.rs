//! Evidence that leaves the house: which records belong to what is asked for, and the policy they were decided under.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use evidence::archive::{Archive, Custody, PolicyFiles};
use evidence::{About, Field, Logged, RecordKind};
use ledger::History;
use ledger::history::{Entry, HistoryError};
use tlog::TrustPolicy;
use tlog::key::VerifierKey;
use types::{ActionId, AgentId, Code, Digest, Millis, PersonId, Principal, SessionId, cbor};

use crate::control::Control;
use crate::door::Refusal;
use crate::error::{Failure, not_found};
use crate::grants::{Named, first_at};
use crate::signers;
use crate::state::kind;
use crate::trace;

/// Is how often an export tries until the files hold its records.
const TRIES: u32 = 20;

/// Is how long it waits between two tries; all of them together take at most three seconds.
const EVERY: Duration = Duration::from_millis(150);

/// Is how many records are read at a time when all of them are looked at.
const AT_ONCE: u64 = 1_000;

/// Says of what evidence is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// Some actions.
    Actions(BTreeSet<ActionId>),
    /// A session.
    Session(SessionId),
    /// What an agent proposed.
    Agent(AgentId),
    /// A version of a model, with the records of it besides those of its actions.
    Version(About, BTreeSet<u64>),
    /// What was recorded from an instant up to another.
    Period {
        /// The first instant.
        from: Millis,
        /// The instant behind the last.
        to: Millis,
    },
}

/// Says how evidence is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Of what.
    pub wanted: Wanted,
    /// With the files of the policy bundles, not only their digests.
    pub with_policy: bool,
    /// What the bundle will say of its making; what it says is withheld is withheld.
    pub custody: Custody,
}

impl Order {
    /// Asks for everything about an action.
    pub fn of(action: ActionId, custody: Custody) -> Self {
        Self { wanted: Wanted::Actions(BTreeSet::from([action])), with_policy: true, custody }
    }
}

/// Says who makes evidence when, with this program.
pub fn custody(by: &str, at: Millis) -> Custody {
    let program = concat!("countersign ", env!("CARGO_PKG_VERSION")).to_owned();
    Custody { program, by: by.to_owned(), at, ..Custody::default() }
}

impl Control {
    /// Exports everything about an action as the bytes of an evidence bundle, published first if it is not yet.
    ///
    /// # Errors
    ///
    /// `not-found` for an unknown action, `state-conflict` if its records are not published in time, or what the
    /// journal and its files say.
    pub async fn export(self: &Arc<Self>, by: &PersonId, action: &ActionId) -> Failure<Vec<u8>> {
        self.export_wanted(by, Wanted::Actions(BTreeSet::from([*action]))).await
    }

    /// Exports what is wanted as the bytes of an evidence bundle, with the policy, published first if it is not yet.
    ///
    /// # Errors
    ///
    /// As [`Control::export`].
    pub(crate) async fn export_wanted(self: &Arc<Self>, by: &PersonId, wanted: Wanted) -> Failure<Vec<u8>> {
        let this = self.clone();
        if let Ok(Err(error)) = tokio::task::spawn_blocking(move || this.publish()).await {
            tracing::warn!(%error, "the log's files are not up to date");
        }
        let key = self.config.place.keys.log.verifier();
        let by = Principal::Person(by.clone()).to_string();
        let order = Order { wanted, with_policy: true, custody: custody(&by, self.now()) };
        let mut archive = when_published(self.history(), &key, &order).await?;
        let witnesses = self.config.witnesses.iter().flat_map(TrustPolicy::witnesses);
        let cosigners: Vec<VerifierKey> = witnesses.map(|witness| witness.key.clone()).collect();
        // The statement key is the command line's; what comes over HTTP names its keys and is not signed.
        archive.attest(&cosigners, None).map_err(|e| Refusal::plain(e.code(), e.to_string()))?;
        archive.to_bytes().map_err(|e| Refusal::plain(e.code(), e.to_string()))
    }
}

/// Makes an evidence bundle as soon as the published files hold its records.
///
/// A running server publishes within a second; this waits three at most.
///
/// # Errors
///
/// `not-found` if nothing is recorded of what is wanted, `state-conflict` if its records are not published in time, or
/// what the journal and its files say.
pub async fn when_published(history: &History, key: &VerifierKey, order: &Order) -> Failure<Archive> {
    let (about, indices) = select(history, &order.wanted)?;
    let mut tries = 1;
    let mut archive = loop {
        match history.export(&about, &indices, key, &order.custody) {
            Err(HistoryError::Unpublished { .. }) if tries < TRIES => tokio::time::sleep(EVERY).await,
            other => break other?,
        }
        tries += 1;
    };
    if order.with_policy {
        archive.bundles = policies(history, &archive)?;
        archive.manifest.bundles = archive.bundles.keys().copied().collect();
    }
    Ok(archive)
}

/// Finds the records of what is wanted, and says what they are about; with those of the passkeys that votes among them are
/// signed with.
///
/// # Errors
///
/// `not-found` if there are none, or what the journal says.
pub fn select(history: &History, wanted: &Wanted) -> Failure<(About, Vec<u64>)> {
    let (about, indices) = match wanted {
        Wanted::Actions(actions) => (About::Actions(actions.clone()), roads(history, actions)?),
        Wanted::Session(session) => (About::Session(*session), with_roads(history, history.of_session(session)?)?),
        Wanted::Agent(agent) => (About::Agent(agent.clone()), with_roads(history, proposed_by(history, agent)?)?),
        Wanted::Version(about, records) => {
            let actions = if let About::Version { actions, .. } = about { actions.clone() } else { BTreeSet::new() };
            let mut indices = roads(history, &actions)?;
            indices.extend(records);
            (about.clone(), indices)
        }
        Wanted::Period { from, to } => {
            let (from, to) = (first_at(history, *from)?, first_at(history, *to)?);
            (About::Records { from, to }, (from..to).collect())
        }
    };
    if indices.is_empty() {
        return Err(not_found(format!("record of {about}")));
    }
    let mut indices: BTreeSet<u64> = indices;
    indices.extend(signers::records(history, &indices)?);
    Ok((about, indices.into_iter().collect()))
}

/// Returns the records of actions, of the votes they ran on, and of the levels they were decided at.
fn roads(history: &History, actions: &BTreeSet<ActionId>) -> Failure<BTreeSet<u64>> {
    let (mut indices, mut grants) = (BTreeSet::new(), Named::default());
    for action in actions {
        let path = trace::path(history, action)?;
        indices.extend(path.steps.iter().map(|step| step.index));
        path.decisions.iter().for_each(|decision| grants.take(decision));
    }
    indices.extend(grants.records(history)?);
    Ok(indices)
}

/// Returns the given records and what became of the actions that are decided in them.
fn with_roads(history: &History, entries: Vec<Entry>) -> Failure<BTreeSet<u64>> {
    let decided = entries.iter().filter(|entry| entry.leaf.kind == RecordKind::Decided);
    let mut indices = roads(history, &decided.filter_map(|entry| entry.leaf.action).collect())?;
    indices.extend(entries.iter().map(|entry| entry.index));
    Ok(indices)
}

fn proposed_by(history: &History, agent: &AgentId) -> Failure<Vec<Entry>> {
    let is_own = |entry: &Entry| {
        let content = entry.content.as_ref().filter(|_| entry.leaf.kind == RecordKind::Decided);
        let principal: Option<Principal> = content.and_then(|content| content.get(Field::Principal).ok().flatten());
        principal.is_some_and(|principal| principal.agent() == Some(agent))
    };
    let mut own = Vec::new();
    let size = history.size()?;
    for from in (0..size).step_by(AT_ONCE as usize) {
        own.extend(history.range(from, size.min(from + AT_ONCE))?.into_iter().filter(is_own));
    }
    Ok(own)
}

/// Returns the files of the policy bundles that the decisions of an archive name.
fn policies(history: &History, archive: &Archive) -> Failure<BTreeMap<Digest, PolicyFiles>> {
    let leaves = archive.records.iter().filter_map(|record| evidence::Leaf::from_bytes(&record.leaf).ok());
    let decided = leaves.filter(|leaf| leaf.kind == RecordKind::Decided);
    let named: BTreeSet<Digest> = decided.filter_map(|leaf| leaf.bundle).collect();
    let stored = |digest: &Digest| Ok(policy_files(history, digest)?.map(|files| (*digest, files)));
    named.iter().filter_map(|digest| stored(digest).transpose()).collect()
}

/// Returns the files of a policy bundle that was ever active.
///
/// # Errors
///
/// `internal` if they were stored and do not read, or what the journal says.
pub fn policy_files(history: &History, digest: &Digest) -> Failure<Option<PolicyFiles>> {
    let Some(bytes) = history.state_value(kind::BUNDLE, &digest.to_string())? else { return Ok(None) };
    let files: Vec<(String, String)> =
        cbor::decode(&bytes).map_err(|e| Refusal::plain(Code::Internal, format!("a stored policy bundle: {e}")))?;
    Ok(Some(files.into_iter().collect()))
}

/// Returns a record's leaf with the proof that the log holds it, as soon as the published files do.
///
/// A running server publishes within a second; this waits three at most.
///
/// # Errors
///
/// `not-found` if the journal has no such record, `state-conflict` if it is not published in time, or what the journal
/// and its files say.
pub async fn logged_when_published(history: &History, index: u64, key: &VerifierKey) -> Failure<Logged> {
    if index >= history.size()? {
        return Err(not_found(format!("record {index}")));
    }
    for _ in 1..TRIES {
        match history.logged(index, key) {
            Err(HistoryError::Unpublished { .. }) => tokio::time::sleep(EVERY).await,
            other => return Ok(other?),
        }
    }
    Ok(history.logged(index, key)?)
}
