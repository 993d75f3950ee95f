//! What the machine is asked, and what it answers.

use std::collections::BTreeSet;
use std::sync::Arc;

use connectors::inventory::Entities;
use evidence::Listing;
use evidence::log_archive::Contents;
use policy::Bundle;
use types::attestation::Attestation;
use types::breaker::BreakerName;
use types::case::{Case, Vote};
use types::check::{Checked, Contained};
use types::delegation::Delegation;
use types::drill::Drill;
use types::reconciliation::Reconciliation;
use types::reversal::StateSeen;
use types::reviewing::Review;
use types::seal::{Sealed, WriteRefused};
use types::{
    ActionId, ActionProposal, AgentId, CaseId, Decision, DecoyId, Digest, GlassId, KeyId, Millis, Outcome, PasskeyId,
    PermissionId, PersonId, Principal, ServerName, Session, SessionId, ToolName,
};

use super::{DecoyDue, GlassStep, LogChange, SagaMove};
use crate::door::Refusal;
use crate::gather::Prepared;
use crate::redaction::Original;
use crate::sessions::Brief;
use crate::state::{Erased, Grant, Key, Passkey, Switch, Target};

/// Is a change that a person makes to the system itself.
#[derive(Debug, Clone)]
pub enum Change {
    /// Makes a bundle the active one.
    Activate {
        /// The bundle.
        bundle: Arc<Bundle>,
        /// What its inventory says, which takes effect with it.
        entities: Arc<Entities>,
    },
    /// Gives a level.
    Grant(Box<Grant>),
    /// Puts a person's vote into another's hand.
    Delegate(Box<Delegation>),
    /// Gives the permission that the proposal asks for.
    Permit {
        /// The person who asked in the agent's name.
        requested_by: Option<PersonId>,
    },
    /// Turns a key of a break-glass, or closes its review.
    BreakGlass(Box<GlassStep>),
    /// Creates a key.
    CreateKey(Box<Key>),
    /// Revokes a key.
    RevokeKey(KeyId),
    /// Is made elsewhere, once it is permitted.
    Elsewhere,
    /// Invites a person to enrol a passkey.
    Invite(Box<Passkey>),
    /// Enrols a passkey that its person was invited to.
    Enrol(Box<Passkey>),
    /// Revokes a passkey, or the invitation to one.
    RevokePasskey(PasskeyId),
    /// Lifts the kill switch that a record has set, by the record's index; absent for one that an earlier version has set.
    Clear(Target, Option<u64>),
    /// Resets a breaker; a bulk breaker that stopped the agent at an instant only that time.
    Reset(BreakerName, Option<Millis>),
    /// Pins a tool's definition after a review.
    Pin(ToolName, Digest),
    /// Changes the keys that sign the log.
    Log(Box<LogChange>),
    /// Closes the log.
    CloseLog,
    /// Says that a closed log is in an archive, which who asks has read back.
    ArchiveLog {
        /// The log's number.
        number: u64,
        /// The archive's digest, and what it has of the contents.
        archive: (Digest, Contents),
    },
    /// Deletes a closed log, by its number.
    DeleteLog(u64),
    /// Writes what is stored as the records have it: the machine was loaded with that already.
    Rebuild(Vec<replay::fold::Op>),
    /// Erases a subject.
    Erase {
        /// The agent or person.
        subject: Principal,
        /// What remains of its name, see [`evidence::TenantKey::mark`].
        mark: String,
        /// The closed logs that have something of it.
        closed: Vec<Reach>,
    },
}

/// Is a closed log that an erasure reaches into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// The log's number.
    pub log: u64,
    /// How many of its records are about the subject; 0 if nobody can tell, because its journal cannot be read.
    pub records: u64,
    /// The actions that those records are of, as 16 bytes each.
    pub actions: BTreeSet<[u8; 16]>,
    /// The keyed tag by which the subject is found there.
    pub tag: [u8; 32],
}

impl Reach {
    /// Returns the key under which it is stored until the log is reached.
    pub fn key(&self) -> String {
        format!("{}/{}", self.log, hex::encode(self.tag))
    }
}

impl Change {
    /// Returns whom it is about: the record that decides it names them in its arguments.
    pub fn subjects(&self) -> Vec<String> {
        let agent = |agent: &AgentId| vec![Principal::Agent(agent.clone()).subject()];
        match self {
            Self::Grant(grant) => agent(&grant.agent),
            Self::Delegate(given) => vec![Principal::Person(given.to.clone()).subject()],
            Self::Clear(Target::Agent(name), _) => agent(name),
            Self::Permit { requested_by } => {
                requested_by.iter().map(|person| Principal::Person(person.clone()).subject()).collect()
            }
            Self::Reset(breaker, _) => agent(&breaker.agent),
            Self::BreakGlass(step) => match &**step {
                GlassStep::Ask(wish) => agent(&wish.extent.agent),
                GlassStep::Confirm(_) | GlassStep::Review(..) => Vec::new(),
            },
            Self::CreateKey(key) => {
                let delegator = key.on_behalf_of.clone().map(|person| Principal::Person(person).subject());
                std::iter::once(key.holder.subject()).chain(delegator).collect()
            }
            Self::Erase { subject, .. } => vec![subject.subject()],
            Self::Invite(passkey) | Self::Enrol(passkey) => {
                vec![Principal::Person(passkey.person.clone()).subject()]
            }
            Self::RevokePasskey(_) | Self::Activate { .. } | Self::RevokeKey(_) | Self::Clear(..) | Self::Pin(..) => {
                Vec::new()
            }
            Self::Elsewhere
            | Self::Log(_)
            | Self::CloseLog
            | Self::ArchiveLog { .. }
            | Self::DeleteLog(_)
            | Self::Rebuild(_) => Vec::new(),
        }
    }
}

/// Is a proposal on its way into the sequencer.
#[derive(Debug)]
pub struct Propose {
    /// The proposal, redacted.
    pub proposal: ActionProposal,
    /// The proposal as it came, to be redacted anew where it is judged inside; absent for administration.
    pub original: Option<Arc<Original>>,
    /// What was judged outside; absent to have it all judged inside.
    pub prepared: Option<Prepared>,
    /// The agent carries it out by itself and reports.
    pub reported: bool,
    /// The agent's own key against doing it twice.
    pub idempotency_key: Option<String>,
    /// The change to make if this is administration and permitted.
    pub change: Option<Change>,
    /// Only asks people, again under a new bundle or before a saga begins: whatever else comes out grants nothing and is not recorded. The session
    /// it came in may be closed by now.
    pub reopen: bool,
}

/// Is what the machine is asked.
#[derive(Debug)]
pub enum Command {
    /// Decide a proposal.
    Propose(Box<Propose>),
    /// Record what happened.
    Outcome(Outcome),
    /// Count a vote.
    Vote {
        /// The vote; its time is the turn's.
        vote: Vote,
        /// The person has confirmed to decide alone.
        solo_confirmed: bool,
    },
    /// Take a review of a case; its time is the turn's, and its family the bundle's.
    Review(Review),
    /// Hand over the decoys that are due.
    TakeDecoys,
    /// Show people a request that nobody made, if they would be asked about it.
    Decoy(Box<DecoyDue>),
    /// End a case whose call was withdrawn.
    Withdraw(CaseId),
    /// Let time pass: cases expire, denials are summed up, and what is kept for a time only ends.
    Tick,
    /// Record every denial that is only counted so far: the process stops.
    SumUp,
    /// Open a session.
    OpenSession(Box<Session>, Brief),
    /// Close a session.
    CloseSession(SessionId),
    /// Set a kill switch. It only tightens, so it waits for no decision.
    Kill(Switch),
    /// Record how a drill went, and why it was made.
    Drilled(Box<Drill>, String),
    /// Record what is attested of training or of a model; by this server itself if by nobody.
    Attested(Box<Attestation>, Option<Principal>),
    /// Record that a model was sealed.
    Sealed(Box<Sealed>, Principal),
    /// Record what was seen of the state that an action changes, and about whom that is.
    StateSeen(Box<StateSeen>, Option<String>, Vec<Principal>),
    /// A check of an action ended.
    Checked(Box<Checked>),
    /// An action whose check was violated was taken back, or could not be.
    Contained(Box<Contained>),
    /// Something becomes of a saga.
    Saga(SagaMove),
    /// A system was held against the journal.
    Reconciled(Box<Reconciliation>),
    /// Record that a write to a sealed model was refused.
    WriteRefused(Box<WriteRefused>, Principal),
    /// Take a delegation back. It only tightens, so it waits for no decision.
    TakeBack {
        /// The name under which it is kept.
        key: String,
        /// Who takes it back.
        by: PersonId,
        /// Why.
        reason: String,
    },
    /// Revoke a permission. It only tightens, so it waits for no decision.
    RevokePermission {
        /// The permission.
        id: PermissionId,
        /// Who revokes it.
        by: PersonId,
        /// Why.
        reason: String,
    },
    /// End a break-glass. It only tightens, so it waits for no decision.
    EndGlass {
        /// Which one.
        id: GlassId,
        /// Who ends it.
        by: PersonId,
        /// Why.
        reason: String,
    },
    /// Compare the tools a server lists with what was reviewed.
    Observe {
        /// The server.
        server: ServerName,
        /// The definitions it lists.
        seen: Vec<(ToolName, Digest)>,
    },
    /// Record what a server offered to a session.
    Offered(SessionId, Box<Listing>),
    /// Replace the inventory, unless another bundle has become active since it was read.
    Inventory {
        /// The digest of the bundle whose inventory it is.
        bundle: Digest,
        /// What it says.
        entities: Arc<Entities>,
    },
    /// Make a change by the hand of whoever runs this process on this machine, as at the first start.
    Local {
        /// The change.
        change: Change,
        /// Who is recorded as its maker.
        by: Principal,
        /// Why.
        reason: String,
    },
    /// Forget that an erasure had to reach a closed log still, by the key under which that is stored.
    Reached(String),
    /// Take up after a start: what was in flight is in doubt.
    Recover,
}

/// Is what a command has changed besides what was asked.
#[derive(Debug, Default)]
pub struct Changes {
    /// Cases that changed.
    pub cases: Vec<Case>,
    /// Of the cases that a new bundle has voided, those that were open and are to be put to people again.
    pub to_reopen: Vec<Case>,
    /// Actions that are in doubt after a crash.
    pub in_doubt: Vec<ActionId>,
    /// Sessions that ended.
    pub ended: Vec<SessionId>,
    /// The subject that was erased, and what that did.
    pub gone: Option<Box<(Principal, Erased)>>,
}

/// Is what the machine answers.
#[derive(Debug)]
pub enum Reply {
    /// A session was opened, in this epoch of its agent; in none if the agent has named nothing.
    Opened(Option<u64>),
    /// A proposal was decided and recorded.
    Decided {
        /// The decision.
        decision: Box<Decision>,
        /// The case it opened or joined, where people must decide.
        case: Option<Box<Case>>,
        /// What changed.
        changes: Changes,
    },
    /// The snapshot moved on while the proposal was prepared.
    Overtaken,
    /// The same idempotency key came before with the same action.
    Repeated(ActionId),
    /// These decoys are due.
    Decoys(Vec<(Millis, DecoyId)>),
    /// It was done.
    Done(Changes),
    /// It cannot be done.
    Refused {
        /// Why.
        refusal: Box<Refusal>,
        /// Cases that changed all the same: a change that was permitted and cannot be made has used up its approval.
        changed: Vec<Case>,
    },
}

impl Reply {
    /// Returns the cases that changed.
    pub fn cases(&self) -> &[Case] {
        match self {
            Self::Decided { changes, .. } | Self::Done(changes) => &changes.cases,
            Self::Refused { changed, .. } => changed,
            Self::Opened(_) | Self::Overtaken | Self::Repeated(_) | Self::Decoys(_) => &[],
        }
    }

    /// Returns the subject that was erased.
    pub fn gone(&self) -> Option<&Principal> {
        match self {
            Self::Decided { changes, .. } | Self::Done(changes) => changes.gone.as_deref().map(|(subject, _)| subject),
            Self::Refused { .. } | Self::Opened(_) | Self::Overtaken | Self::Repeated(_) | Self::Decoys(_) => None,
        }
    }

    /// Answers that it was done and nothing else changed.
    pub fn done() -> Self {
        Self::Done(Changes::default())
    }

    /// Answers that it was done and some cases changed.
    pub fn changed(cases: Vec<Case>) -> Self {
        Self::Done(Changes { cases, ..Changes::default() })
    }

    /// Answers that it cannot be done.
    pub fn refused(code: types::Code, message: impl Into<String>) -> Self {
        Self::Refused { refusal: Box::new(Refusal::plain(code, message)), changed: Vec::new() }
    }
}
