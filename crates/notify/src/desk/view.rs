//! What is to be delivered, what was, and how each target stands, for people.

use store::outbox::{Notice, NoticeState, Outbox, OutboxError};
use types::{Code, Millis};

use super::Stand;
use crate::event::EventKind;
use crate::settings::{Settings, Target};

/// Is the most notices one view has.
pub const NOTICES_MAX: u64 = 1_000;

/// Says which notices are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wanted {
    /// Those of one target.
    pub target: Option<String>,
    /// Those in one state.
    pub state: Option<NoticeState>,
    /// How many at most; never more than [`NOTICES_MAX`].
    pub limit: u64,
}

/// Says whether a target takes what is sent to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// Nothing was sent to it yet.
    Unused,
    /// It took what was sent last.
    Working,
    /// It did not; it is tried again.
    Failing,
    /// It has said that it is gone, and is not tried again until its settings change.
    Stopped,
}

impl Health {
    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unused => "unused",
            Self::Working => "working",
            Self::Failing => "failing",
            Self::Stopped => "stopped",
        }
    }
}

/// Is how one target stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetView {
    /// Its name.
    pub name: String,
    /// Over what it is reached.
    pub kind: &'static str,
    /// Of what it is told.
    pub events: Vec<EventKind>,
    /// The groups it stands for; all if there is none.
    pub groups: Vec<String>,
    /// The profiles it is told of; all if there is none.
    pub profiles: Vec<String>,
    /// Whether it takes what is sent.
    pub health: Health,
    /// How many events wait for it.
    pub waiting: u64,
    /// How many were delivered, of those that are kept.
    pub sent: u64,
    /// How many were not delivered in time, of those that are kept.
    pub dead: u64,
    /// How many were over before they were sent, of those that are kept.
    pub dropped: u64,
    /// When it last took something.
    pub last_sent: Option<Millis>,
    /// When it last failed, with which code, and how.
    pub last_failure: Option<(Millis, Code, String)>,
    /// When it is tried again, if it is left alone now.
    pub next: Option<Millis>,
}

/// Is everything there is to see.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct View {
    /// The targets, by name.
    pub targets: Vec<TargetView>,
    /// The notices that were wanted, the newest first.
    pub notices: Vec<Notice>,
}

/// Shows an outbox by the settings.
///
/// # Errors
///
/// What the outbox says.
pub fn of(outbox: &Outbox, settings: &Settings, wanted: &Wanted) -> Result<View, OutboxError> {
    let counts = outbox.counts()?;
    let count = |target: &Target, state| counts.get(&(target.name.clone(), state)).copied().unwrap_or(0);
    let mut targets = Vec::new();
    for target in &settings.targets {
        let stand = Stand::read(target, outbox.target(&target.name)?.as_deref());
        let counted = NoticeState::ALL.map(|state| count(target, state));
        targets.push(view(target, stand, counted));
    }
    let limit = wanted.limit.min(NOTICES_MAX);
    Ok(View { targets, notices: outbox.list(wanted.target.as_deref(), wanted.state, limit)? })
}

fn view(target: &Target, stand: Option<Stand>, [waiting, sent, dead, dropped]: [u64; 4]) -> TargetView {
    let failed = stand.as_ref().and_then(|stand| stand.failed.clone());
    let next =
        stand.as_ref().filter(|stand| stand.failures > 0 && !stand.stopped).map(|stand| Millis(stand.not_before));
    TargetView {
        name: target.name.clone(),
        kind: target.channel.kind(),
        events: target.events.iter().copied().collect(),
        groups: target.groups.iter().cloned().collect(),
        profiles: target.profiles.iter().cloned().collect(),
        health: health(stand.as_ref()),
        waiting,
        sent,
        dead,
        dropped,
        last_sent: stand.as_ref().and_then(|stand| stand.sent).map(Millis),
        last_failure: failed.map(|failed| (Millis(failed.at), failed.code, failed.says)),
        next,
    }
}

fn health(stand: Option<&Stand>) -> Health {
    match stand {
        Some(stand) if stand.stopped => Health::Stopped,
        Some(stand) if stand.failures > 0 => Health::Failing,
        Some(stand) if stand.sent.is_some() => Health::Working,
        _ => Health::Unused,
    }
}
