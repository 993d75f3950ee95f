//! What happens, record by record, for whoever looks on: read from the journal in order, at the reader's own pace.
//!
//! Nothing is kept for a reader, so one that is slow costs the sequencer nothing.

use std::sync::{Arc, Weak};
use std::time::Duration;

use evidence::{Content, Field, Leaf, RecordKind, bodies};
use ledger::history::Entry;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use types::attestation::{ANCHORED, DATA_CHECKED, EVALUATED, HOST_KEY, IMPORTED, INCIDENT, OBSERVED, PIPELINE_STEPPED};
use types::case::Vote;
use types::seal::{REFUSED, SEALED};
use types::text::escape;
use types::{ActionId, CaseId, Code, Decision, Millis, Outcome, Principal, ToolName, cbor};

use crate::control::Control;
use crate::door::Refusal;
use crate::error::Failure;
use crate::records::what;

/// Is how many readers may follow at a time.
const FOLLOWERS_MAX: usize = 256;

/// Is how many records are read at once.
const BATCH: u64 = 64;

/// Is one record as somebody looking on sees it; every text is safe to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its index in the journal.
    pub index: u64,
    /// What it is about.
    pub kind: &'static str,
    /// When it was written.
    pub at: Millis,
    /// The action it belongs to.
    pub action: Option<ActionId>,
    /// The rank of the verdict, 0 allow to 3 deny.
    pub verdict: Option<u8>,
    /// Who proposed, voted or changed something: `agent:NAME` or `person:NAME`.
    pub who: Option<String>,
    /// What was to be called, as `server.tool`.
    pub tool: Option<String>,
    /// The case that it opened, decided, ended or used.
    pub case: Option<CaseId>,
    /// The record in a word or two, where its kind does not say it: `approve`, `done`, `expired`, `agent:sre-bot set`.
    pub what: Option<String>,
    /// Why: a person's words, or what restricted the action most.
    pub why: Option<String>,
    /// The code of the finding that restricted the action most, or that the glass is broken for it.
    pub code: Option<Code>,
    /// The risk score.
    pub risk: Option<i64>,
    /// The autonomy level in force, `L0` to `L3`.
    pub level: Option<String>,
    /// What a record of the kind `model` tells.
    pub model: Option<&'static str>,
}

/// Says what a record of the kind `model` tells; its text has names that anybody may have chosen.
fn told_of_model(leaf: &Leaf) -> Option<&'static str> {
    match leaf.status.filter(|_| leaf.kind == RecordKind::Model)? {
        SEALED => Some("sealed"),
        REFUSED => Some("write-refused"),
        ANCHORED => Some("anchored"),
        EVALUATED => Some("evaluated"),
        OBSERVED => Some("observed"),
        IMPORTED => Some("imported"),
        DATA_CHECKED => Some("data-checked"),
        PIPELINE_STEPPED => Some("pipeline-stepped"),
        INCIDENT => Some("incident"),
        HOST_KEY => Some("host-key"),
        _ => None,
    }
}

fn part<T: cbor::Canonical>(content: &Content, field: Field) -> Option<T> {
    content.get(field).ok().flatten()
}

impl From<&Entry> for Event {
    fn from(entry: &Entry) -> Self {
        let mut event = Self {
            index: entry.index,
            kind: entry.leaf.kind.as_str(),
            at: entry.leaf.at,
            action: entry.leaf.action,
            verdict: entry.leaf.verdict,
            who: None,
            tool: None,
            case: None,
            what: entry.leaf.log.as_ref().map(|log| log.event.as_str().to_owned()),
            why: None,
            code: None,
            risk: None,
            level: None,
            model: told_of_model(&entry.leaf),
        };
        if let Some(content) = &entry.content {
            event.fill(entry, content);
        }
        event
    }
}

impl Event {
    fn fill(&mut self, entry: &Entry, content: &Content) {
        self.who = part::<Principal>(content, Field::Principal).map(|who| who.subject());
        self.tool = part::<ToolName>(content, Field::Tool).map(|tool| escape(&tool.to_string(), false));
        self.case = part::<CaseId>(content, Field::Case);
        self.why = part::<String>(content, Field::Reason).map(|reason| escape(&reason, false));
        self.what = self.what.take().or_else(|| what(entry, content));
        match entry.leaf.kind {
            RecordKind::Decided => self.decided(bodies::decision(content)),
            RecordKind::Decoy if entry.leaf.verdict.is_some() => self.decided(bodies::decision(content)),
            RecordKind::Decoy => self.decoy_over(part(content, Field::Body)),
            RecordKind::Vote => self.voted(part(content, Field::Body)),
            RecordKind::Outcome => {
                self.what = part::<Outcome>(content, Field::Body).map(|outcome| outcome.status.as_str().to_owned());
            }
            _ => {}
        }
    }

    fn decided(&mut self, decision: Option<Decision>) {
        let Some(decision) = decision else { return };
        self.risk = Some(decision.risk.score);
        self.level = Some(decision.level.to_string());
        self.case = decision.case;
        // What runs without the approvals it lacks must not read like what was approved.
        let broken = stages::break_glass::under(&decision).is_some();
        let glass = decision.findings.iter().find(|finding| broken && finding.code == Code::GlassBroken);
        let worst = || decision.findings.iter().rev().max_by_key(|finding| &finding.restriction);
        if let Some(worst) = glass.or_else(worst) {
            self.code = Some(worst.code);
            self.why = Some(escape(&worst.detail, false));
        }
    }

    /// What became of a decoy stands already; who answered it, and why, is told as of any vote.
    fn decoy_over(&mut self, vote: Option<Vote>) {
        let became = self.what.take();
        self.voted(vote);
        self.what = became;
    }

    fn voted(&mut self, vote: Option<Vote>) {
        let Some(vote) = vote else { return };
        self.what = Some(if vote.ballot == types::case::Ballot::Approve { "approve" } else { "deny" }.to_owned());
        self.who = Some(Principal::Person(vote.person).subject());
        self.case = Some(vote.case);
        self.why = Some(escape(&vote.reason, false));
    }
}

/// Counts who follows, and sends them away when the server stops.
#[derive(Debug)]
pub(crate) struct Followers {
    room: Arc<Semaphore>,
    over: watch::Sender<bool>,
}

impl Default for Followers {
    fn default() -> Self {
        Self { room: Arc::new(Semaphore::new(FOLLOWERS_MAX)), over: watch::Sender::new(false) }
    }
}

/// Reads the journal on from an index, for as long as the server runs.
pub struct Follower {
    control: Weak<Control>,
    next: u64,
    size: ledger::sync::watch::Receiver<u64>,
    over: watch::Receiver<bool>,
    _room: OwnedSemaphorePermit,
}

impl Follower {
    /// Waits for records and returns some of them, none if `wait` passes; `None` once the journal or the server has stopped.
    ///
    /// # Errors
    ///
    /// What the journal says.
    pub async fn next(&mut self, wait: Duration) -> Failure<Option<Vec<Event>>> {
        let next = self.next;
        let more = tokio::select! {
            more = tokio::time::timeout(wait, self.size.wait_for(|size| *size > next)) => more.map(|more| more.is_ok()),
            _ = self.over.wait_for(|over| *over) => Ok(false),
        };
        match more {
            Err(_) => return Ok(Some(Vec::new())),
            Ok(false) => return Ok(None),
            Ok(true) => {}
        }
        let Some(control) = self.control.upgrade() else { return Ok(None) };
        let entries = control.history.range(next, next.saturating_add(BATCH))?;
        self.next = entries.last().map_or(next, |last| last.index + 1);
        Ok(Some(entries.iter().map(Event::from).collect()))
    }
}

impl Control {
    /// Follows the journal from an index on; one beyond its end is its end.
    ///
    /// # Errors
    ///
    /// `overloaded` if 256 readers follow already.
    pub fn follow(self: &Arc<Self>, from: u64) -> Failure<Follower> {
        let room = self.followers.room.clone().try_acquire_owned();
        let full = |_| Refusal::plain(Code::Overloaded, format!("{FOLLOWERS_MAX} readers follow the journal already"));
        Ok(Follower {
            control: Arc::downgrade(self),
            next: from.min(self.size()),
            size: self.ledger.watch(),
            over: self.followers.over.subscribe(),
            _room: room.map_err(full)?,
        })
    }

    /// Ends every reading that [`Control::follow`] began, because the server is about to stop.
    pub fn send_followers_away(&self) {
        self.followers.over.send_replace(true);
    }
}
