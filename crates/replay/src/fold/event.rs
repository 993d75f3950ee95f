//! What a record says, as far as anything kept follows from it.

use evidence::bodies::{self, RunBody};
use evidence::listing::LISTED;
use evidence::passkey::{ENROLLED, INVITED, REVOKED};
use evidence::{Content, Field, Leaf, RecordKind};
use types::break_glass::{self, BreakGlass};
use types::breaker::{BreakerName, RESET};
use types::case::{CaseState, Vote};
use types::cbor::{self, Canonical};
use types::check::{CONTAINED, Checked, Contained};
use types::decoy;
use types::delegation::{Delegation, GIVEN, TAKEN_BACK};
use types::drill::TOLD;
use types::permission::{PERMITTED, REVOKED as REVOKED_PERMISSION};
use types::reconciliation::Reconciliation;
use types::reversal::{Phase, StateSeen, Tested};
use types::reviewing::Review;
use types::saga::Saga;
use types::{
    ActionId, ActionProposal, CaseId, Decision, DecoyId, Digest, Grant, IdentityEpoch, OutcomeStatus, Permission,
    PermissionId, Session, SessionId, Target, ToolName,
};

use super::FoldError;
use crate::state::{Erased, Key, Passkey, Quarantine, Summed, Switch};

/// Is a decision that was recorded.
#[derive(Debug, Clone, Copy)]
pub struct Decided<'a> {
    /// The proposal; its arguments are not read.
    pub proposal: &'a ActionProposal,
    /// The decision.
    pub decision: &'a Decision,
    /// How the action runs.
    pub run: &'a RunBody,
}

/// Is a decoy that was shown, as it was recorded.
#[derive(Debug, Clone)]
pub struct DecoyShown {
    /// What its agent seems to propose.
    pub proposal: ActionProposal,
    /// How that was decided: people are asked.
    pub decision: Decision,
    /// The template it was made from.
    pub template: DecoyId,
}

/// Is what one record says.
#[derive(Debug, Clone)]
pub enum Event<'a> {
    /// Nothing kept follows from it.
    Nothing,
    /// A proposal was decided.
    Decided(Decided<'a>),
    /// A proposal was decided, and nothing is known of it but its session and whether it was permitted.
    Counted(SessionId, bool),
    /// An action ended.
    Landed(ActionId, OutcomeStatus),
    /// A vote was counted.
    Voted(Vote),
    /// A reviewer agent said what it wants done with a case.
    Reviewed(Review),
    /// A case ended without a vote.
    CaseEnded(CaseId, CaseState),
    /// A decoy was shown.
    DecoyShown(Box<DecoyShown>),
    /// A decoy was answered.
    DecoyVoted(Vote),
    /// A decoy ended unanswered.
    DecoyEnded(CaseId, CaseState),
    /// A session was opened.
    SessionOpened(Session),
    /// A session was closed.
    SessionClosed(SessionId),
    /// A kill switch was set.
    Switched(Switch),
    /// A kill switch was lifted.
    Lifted(Target),
    /// A breaker was reset.
    Reset(BreakerName),
    /// A level was given.
    Granted(Grant),
    /// An epoch of an agent began.
    Identified(IdentityEpoch),
    /// A system was held against the journal.
    Reconciled(Box<Reconciliation>),
    /// The state was seen to be what it was before an action; an undo that did it is tested by that.
    Restored(ActionId, Option<Box<Tested>>),
    /// A check of an action ended.
    Checked(Box<Checked>),
    /// An action whose check was violated was taken back, or could not be.
    Contained(Box<Contained>),
    /// A saga was taken on, went on or ended, after which it stands like this.
    Saga(Box<Saga>),
    /// A vote was put into another's hand.
    Delegated(Delegation),
    /// A delegation was taken back.
    TakenBack(Delegation),
    /// A permission was given.
    Permitted(Box<Permission>),
    /// A permission was revoked.
    Revoked(PermissionId),
    /// A step of a break-glass was taken, after which it stands like this.
    Glass(Box<BreakGlass>),
    /// How a break-glass stands is told again, since records it rests on go.
    GlassTold(Box<BreakGlass>),
    /// A key was made or revoked.
    Keyed(Key),
    /// A person was invited to enrol a passkey, did so, or it was revoked.
    Enrolled(Box<Passkey>),
    /// A bundle became the active one.
    Activated(Digest),
    /// A tool's definition was pinned.
    Pinned(ToolName, Digest),
    /// A tool was quarantined.
    Quarantined(Quarantine),
    /// What is counted of somebody was summed up, since records it rests on go.
    Summed(Summed),
    /// A subject was erased, of which this mark remains.
    Erased(String, Erased),
}

/// Is what was read from a record, to be taken as an [`Event`].
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "one is held at a time, and taken at once")]
pub enum Said {
    /// A decision; the last part is absent in records of versions before it.
    Decided(Box<(ActionProposal, Decision, Option<RunBody>)>),
    /// Something else.
    Other(Event<'static>),
}

impl Said {
    /// Reads what a record says whose content is here.
    ///
    /// # Errors
    ///
    /// [`FoldError::Unreadable`] if it does not say what a record of its kind says.
    pub fn read(leaf: &Leaf, content: &Content) -> Result<Self, FoldError> {
        if leaf.kind == RecordKind::Decided {
            let proposal = bodies::proposer(content).ok_or(FoldError::Unreadable)?;
            let decision = bodies::decision(content).ok_or(FoldError::Unreadable)?;
            let run = content.get(Field::Body).map_err(|_| FoldError::Unreadable)?;
            return Ok(Self::Decided(Box::new((proposal, decision, run))));
        }
        other(leaf, content).map(Self::Other)
    }
}

fn other(leaf: &Leaf, content: &Content) -> Result<Event<'static>, FoldError> {
    let set = leaf.status == Some(1);
    Ok(match leaf.kind {
        RecordKind::Outcome => Event::Landed(leaf.action.ok_or(FoldError::Unreadable)?, status(leaf)?),
        RecordKind::Vote => Event::Voted(part(content, Field::Body)?),
        RecordKind::Review => Event::Reviewed(part(content, Field::Body)?),
        RecordKind::CaseEnded => Event::CaseEnded(part(content, Field::Case)?, status(leaf)?),
        RecordKind::Decoy => decoy(leaf, content)?,
        RecordKind::SessionOpen => Event::SessionOpened(part(content, Field::Body)?),
        RecordKind::SessionClose => Event::SessionClosed(part::<Session>(content, Field::Body)?.id),
        RecordKind::Switch if leaf.status == Some(TOLD) => Event::Nothing,
        RecordKind::Switch if leaf.status == Some(RESET) => Event::Reset(part(content, Field::Body)?),
        RecordKind::Switch if set => Event::Switched(part(content, Field::Body)?),
        RecordKind::Switch => Event::Lifted(part::<Switch>(content, Field::Body)?.target),
        RecordKind::Grant if leaf.status == Some(GIVEN) => Event::Delegated(part(content, Field::Body)?),
        RecordKind::Grant if leaf.status == Some(TAKEN_BACK) => Event::TakenBack(part(content, Field::Body)?),
        RecordKind::Grant if leaf.status == Some(PERMITTED) => Event::Permitted(Box::new(part(content, Field::Body)?)),
        RecordKind::Grant if leaf.status == Some(REVOKED_PERMISSION) => {
            Event::Revoked(part::<Permission>(content, Field::Body)?.id)
        }
        RecordKind::Grant if leaf.status == Some(break_glass::status::TOLD) => {
            Event::GlassTold(Box::new(part(content, Field::Body)?))
        }
        RecordKind::Grant if leaf.status.is_some_and(break_glass::status::is_of_glass) => {
            Event::Glass(Box::new(part(content, Field::Body)?))
        }
        RecordKind::Grant => Event::Granted(part(content, Field::Body)?),
        RecordKind::Identity => Event::Identified(part(content, Field::Body)?),
        RecordKind::Reconciliation => Event::Reconciled(Box::new(part(content, Field::Body)?)),
        RecordKind::State => restored(&part(content, Field::Body)?),
        RecordKind::Check if leaf.status == Some(CONTAINED) => Event::Contained(Box::new(part(content, Field::Body)?)),
        RecordKind::Check => Event::Checked(Box::new(part(content, Field::Body)?)),
        RecordKind::Saga => Event::Saga(Box::new(part(content, Field::Body)?)),
        RecordKind::Key if leaf.status.is_some_and(is_of_passkey) => {
            Event::Enrolled(Box::new(part(content, Field::Body)?))
        }
        RecordKind::Key => Event::Keyed(part(content, Field::Body)?),
        RecordKind::Bundle => Event::Activated(part(content, Field::Body)?),
        RecordKind::Tool if set => Event::Pinned(part(content, Field::Tool)?, part(content, Field::Body)?),
        RecordKind::Tool if leaf.status == Some(LISTED) => Event::Nothing,
        RecordKind::Tool => Event::Quarantined(part(content, Field::Body)?),
        RecordKind::Erasure => match content.get(Field::Result).map_err(|_| FoldError::Unreadable)? {
            Some((mark, erased)) => Event::Erased(mark, erased),
            None => Event::Nothing,
        },
        RecordKind::Aggregate if set => Event::Summed(part(content, Field::Body)?),
        RecordKind::Genesis
        | RecordKind::Decided
        | RecordKind::Aggregate
        | RecordKind::Recovered
        | RecordKind::Heartbeat
        | RecordKind::KeyEvent
        | RecordKind::Model
        | RecordKind::Epoch => Event::Nothing,
    })
}

/// Reads what follows from a state that was seen.
pub fn restored(seen: &StateSeen) -> Event<'static> {
    if seen.phase != Phase::Undone || seen.restored != Some(true) {
        return Event::Nothing;
    }
    let (action, at) = (seen.action, seen.at);
    let of = |(tool, undo)| Box::new(Tested { tool, undo, action, at });
    Event::Restored(action, seen.tested.clone().map(of))
}

fn decoy(leaf: &Leaf, content: &Content) -> Result<Event<'static>, FoldError> {
    Ok(match leaf.status {
        Some(decoy::status::SHOWN) => Event::DecoyShown(Box::new(DecoyShown {
            proposal: bodies::proposer(content).ok_or(FoldError::Unreadable)?,
            decision: bodies::decision(content).ok_or(FoldError::Unreadable)?,
            template: part::<decoy::Shown>(content, Field::Body)?.template,
        })),
        Some(decoy::status::CAUGHT | decoy::status::MISSED) => {
            let vote: Vote = part(content, Field::Body)?;
            if leaf.status != Some(decoy::status::of(vote.ballot)) {
                return Err(FoldError::Unreadable);
            }
            Event::DecoyVoted(vote)
        }
        Some(decoy::status::EXPIRED) => Event::DecoyEnded(part(content, Field::Case)?, CaseState::Expired),
        Some(decoy::status::VOID) => Event::DecoyEnded(part(content, Field::Case)?, CaseState::Void),
        _ => return Err(FoldError::Unreadable),
    })
}

/// Says whether a `key` record in this state is about a passkey; the others are about bearer keys.
pub(super) fn is_of_passkey(status: u8) -> bool {
    matches!(status, INVITED | ENROLLED | REVOKED)
}

fn part<T: Canonical>(content: &Content, field: Field) -> Result<T, FoldError> {
    content.get(field).ok().flatten().ok_or(FoldError::Unreadable)
}

/// Reads the state a leaf reports, in its kind's own numbering.
pub(super) fn status<T: Canonical>(leaf: &Leaf) -> Result<T, FoldError> {
    leaf.status.and_then(|status| cbor::decode(&cbor::encode(&status)).ok()).ok_or(FoldError::Unreadable)
}
