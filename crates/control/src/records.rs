//! The journal as people read it, line by line.

use std::time::Duration;

use evidence::{Content, Field, RecordKind};
use ledger::history::Entry;
pub use ledger::history::LogFile;
use types::attestation::{
    ANCHORED, Anchored, DATA_CHECKED, EVALUATED, Evaluated, HOST_KEY, IMPORTED, INCIDENT, Imported, OBSERVED, Observed,
    PIPELINE_STEPPED,
};
use types::break_glass::BreakGlass;
use types::break_glass::status::{self, is_of_glass};
use types::breaker::{BreakerName, RESET};
use types::case::CaseState;
use types::check::{CONTAINED, Checked, Contained};
use types::data_check::DataChecked;
use types::decoy;
use types::delegation::{Delegation, GIVEN, TAKEN_BACK};
use types::drill::{Drill, TOLD};
use types::heartbeat::HostKey;
use types::incident::Incident;
use types::permission::{PERMITTED, Permission, REVOKED};
use types::pipeline::PipelineStepped;
use types::reconciliation::Reconciliation;
use types::reversal::StateSeen;
use types::reviewing::{Advice, Review};
use types::saga::Saga;
use types::seal::{SEALED, Sealed, WriteRefused};
use types::text::escape;
use types::{ActionId, CaseId, Digest, IdentityEpoch, Millis, Outcome, Principal, ToolName, cbor};

use crate::control::Control;
use crate::error::Failure;
use crate::state::{Grant, Key, Switch};

/// Is the most records one call returns.
pub const RECORDS_MAX: u64 = 1_000;

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
            summary: summary(&entry),
        }
    }
}

/// Says in a line who, what and why, as far as it was not erased; safe to look at.
pub fn summary(entry: &Entry) -> String {
    let log = entry.leaf.log.as_ref().map(|log| log.event.as_str().to_owned());
    let Some(content) = &entry.content else { return log.unwrap_or_else(|| "erased".into()) };
    let who = part::<Principal>(content, Field::Principal).map(|who| who.to_string());
    let tool = part::<ToolName>(content, Field::Tool).map(|tool| escape(&tool.to_string(), false));
    let case = part::<CaseId>(content, Field::Case).map(|case| case.to_string());
    let reason = part::<String>(content, Field::Reason).map(|reason| escape(&reason, false));
    [who, log.or_else(|| what(entry, content)), tool, case, reason]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" · ")
}

fn part<T: cbor::Canonical>(content: &Content, field: Field) -> Option<T> {
    content.get(field).ok().flatten()
}

/// Says in a word or two what a record reports, where its kind alone does not say it.
pub(crate) fn what(entry: &Entry, content: &Content) -> Option<String> {
    match entry.leaf.kind {
        RecordKind::Grant if entry.leaf.status.is_some_and(is_of_glass) => {
            let glass: BreakGlass = part(content, Field::Body)?;
            let word = match entry.leaf.status {
                Some(status::ASKED) => "the first key for",
                Some(status::CONFIRMED) => "the glass is broken for",
                Some(status::ENDED) => "the break-glass is over for",
                Some(status::REVIEWED) => "the break-glass was reviewed for",
                _ => "the break-glass is told again for",
            };
            Some(escape(&format!("{word} {}", glass.extent), false))
        }
        RecordKind::Grant if entry.leaf.status.is_some_and(|status| status >= PERMITTED) => {
            let given: Permission = part(content, Field::Body)?;
            let word = if entry.leaf.status == Some(REVOKED) { "may no longer" } else { "may" };
            Some(format!("{} {word} {}, {}", given.agent, given.terms.told(), given.terms.told_limits()))
        }
        RecordKind::Grant if entry.leaf.status.is_some_and(|status| status >= GIVEN) => {
            let given: Delegation = part(content, Field::Body)?;
            let word = if entry.leaf.status == Some(TAKEN_BACK) { "no longer for" } else { "for" };
            Some(format!("{} votes {word} {}", given.to, given.from))
        }
        RecordKind::Grant => {
            let grant: Grant = part(content, Field::Body)?;
            Some(format!("{} {} for {}", grant.agent, grant.level, grant.class))
        }
        RecordKind::State => {
            let seen: StateSeen = part(content, Field::Body)?;
            let restored = match seen.restored {
                Some(true) => ", as it was before",
                Some(false) => ", not as it was before",
                None => "",
            };
            Some(format!("{}{restored}", seen.phase.as_str()))
        }
        RecordKind::Reconciliation => {
            let held: Reconciliation = part(content, Field::Body)?;
            let (found, compared) = (held.found.len(), held.compared);
            Some(escape(&format!("{}: {found} of {compared} without the other", held.server), false))
        }
        RecordKind::Check if entry.leaf.status == Some(CONTAINED) => {
            let contained: Contained = part(content, Field::Body)?;
            let word = if contained.error.is_none() { "taken back" } else { "not taken back" };
            Some(escape(&format!("{}: {word}", contained.check), false))
        }
        RecordKind::Check => {
            let checked: Checked = part(content, Field::Body)?;
            let (check, judged, stop) = (checked.check, checked.judgement.as_str(), checked.stop);
            let stopped = if stop { ", the agent is stopped in its class" } else { "" };
            Some(escape(&format!("{check}: {judged}{stopped}"), false))
        }
        RecordKind::Saga => {
            let saga: Saga = part(content, Field::Body)?;
            let of = saga.steps.len();
            let step =
                saga.current().map_or_else(|| format!("{of} steps"), |(step, _)| format!("step {} of {of}", step + 1));
            Some(format!("{}: {step}, {}", saga.session, saga.state.as_str()))
        }
        RecordKind::Identity => {
            let epoch: IdentityEpoch = part(content, Field::Body)?;
            Some(escape(&format!("epoch {}: {}", epoch.number, epoch.identity), false))
        }
        RecordKind::Key => part::<Key>(content, Field::Body).map(|key| format!("for {}", key.holder)),
        RecordKind::Switch if entry.leaf.status == Some(TOLD) => {
            let drill: Drill = part(content, Field::Body)?;
            let drained = drill.drained_us.map_or_else(|| "not drained".to_owned(), |us| format!("drained in {us} µs"));
            let (key, armed_us, left) = (drill.target.key(), drill.armed_us, drill.left);
            Some(escape(&format!("{key} drilled: armed in {armed_us} µs, {drained}, {left} left"), false))
        }
        RecordKind::Switch if entry.leaf.status == Some(RESET) => {
            let breaker: BreakerName = part(content, Field::Body)?;
            Some(escape(&format!("breaker {} reset", breaker.key()), false))
        }
        RecordKind::Switch => {
            let switch: Switch = part(content, Field::Body)?;
            let word = if entry.leaf.status == Some(0) { "lifted" } else { "set" };
            Some(escape(&format!("{} {word}", switch.target.key()), false))
        }
        RecordKind::Model if entry.leaf.status == Some(SEALED) => {
            let sealed: Sealed = part(content, Field::Body)?;
            Some(escape(&format!("{} sealed with {} files, {}", sealed.model, sealed.files, sealed.digest), false))
        }
        RecordKind::Model if entry.leaf.status == Some(ANCHORED) => {
            let run: Anchored = part(content, Field::Body)?;
            Some(escape(&format!("run {} {}, {} points of metrics", run.run, run.status, run.points), false))
        }
        RecordKind::Model if entry.leaf.status == Some(EVALUATED) => {
            let Evaluated { model, version, suite, passed, .. } = part(content, Field::Body)?;
            let word = if passed { "passed" } else { "failed" };
            Some(escape(&format!("{model} version {version} {word} {suite}"), false))
        }
        RecordKind::Model if entry.leaf.status == Some(OBSERVED) => {
            let Observed { model, target, version, state, .. } = part(content, Field::Body)?;
            let version = version.map_or_else(|| "nothing".to_owned(), |version| format!("version {version}"));
            Some(escape(&format!("{version} of {model} runs at {target}, {state}"), false))
        }
        RecordKind::Model if entry.leaf.status == Some(IMPORTED) => {
            let Imported { source, taken, digest, .. } = part(content, Field::Body)?;
            let taken: Vec<String> = taken.iter().map(|taken| format!("{} {}", taken.count, taken.kind)).collect();
            Some(escape(&format!("{} imported from {source}, {digest}", taken.join(", ")), false))
        }
        RecordKind::Model if entry.leaf.status == Some(DATA_CHECKED) => {
            let DataChecked { dataset, digest, passed, .. } = part(content, Field::Body)?;
            let word = if passed { "passed" } else { "failed" };
            Some(escape(&format!("data {dataset} {word} its check, {digest}"), false))
        }
        RecordKind::Model if entry.leaf.status == Some(PIPELINE_STEPPED) => {
            let PipelineStepped { model, version, pipeline, step, state, .. } = part(content, Field::Body)?;
            let (step, state) = (step.name(), state.name());
            Some(escape(&format!("{model} version {version} in pipeline {pipeline}: {step} {state}"), false))
        }
        RecordKind::Model if entry.leaf.status == Some(INCIDENT) => {
            let Incident { thing, model, name, wrong, ended, .. } = part(content, Field::Body)?;
            let word = if ended.is_some() { " is mended" } else { "" };
            Some(escape(&format!("{thing} {name} of {model}: {wrong}{word}"), false))
        }
        RecordKind::Model if entry.leaf.status == Some(HOST_KEY) => {
            let HostKey { id, target, revoked, .. } = part(content, Field::Body)?;
            let word = if revoked { "speaks no more" } else { "speaks" };
            Some(escape(&format!("{id} {word} for {target}"), false))
        }
        RecordKind::Model => {
            let write: WriteRefused = part(content, Field::Body)?;
            let word = if write.digest.is_some() { "write to" } else { "removal of" };
            Some(escape(&format!("{word} {} of sealed {} refused, {}×", write.path, write.model, write.times), false))
        }
        RecordKind::Outcome => part::<Outcome>(content, Field::Body).map(|outcome| outcome.status.as_str().to_owned()),
        RecordKind::Review => {
            let review: Review = part(content, Field::Body)?;
            Some(if review.advice == Advice::On { "on to people" } else { "sent back" }.to_owned())
        }
        RecordKind::Decoy => {
            decoy::status::word(entry.leaf.status?).filter(|_| entry.leaf.verdict.is_none()).map(str::to_owned)
        }
        RecordKind::CaseEnded => {
            let states = [CaseState::Expired, CaseState::Void, CaseState::Withdrawn];
            let state = states.into_iter().find(|state| entry.leaf.status == Some(*state as u8))?;
            Some(state.as_str().to_owned())
        }
        _ => None,
    }
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

    /// Returns a published file of the log, byte for byte; `None` if there is none.
    ///
    /// # Errors
    ///
    /// What its files say.
    pub fn log_file(&self, file: LogFile) -> Failure<Option<Vec<u8>>> {
        Ok(self.history.published(file)?)
    }
}
