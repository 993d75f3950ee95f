//! What the machine stores between turns: small records by kind and key, in canonical bytes.

pub use crate::fold::KeptHour;
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};
use stages::breaker::{Bulk, Circuit};
use types::breaker::BreakerName;
use types::case::Case;
use types::id::KeyId;
use types::{
    ActionId, CheckId, ClassId, DecoyId, Digest, DrillId, LimitId, Millis, PersonId, Principal, SessionId, ToolName,
};

/// Names the kinds of stored state.
pub mod kind {
    /// The active bundle, and the files of every bundle that was ever active.
    pub const BUNDLE: &str = "bundle";
    /// Levels given by hand, by agent and class.
    pub const GRANT: &str = "grant";
    /// What agents named that they run, by agent: the epochs that this makes.
    pub const IDENTITY: &str = "identity";
    /// What was found when systems were held against the journal, by server.
    pub const RECONCILIATION: &str = "reconciliation";
    /// Actions that checks watch, or that are to be taken back, by action and check.
    pub const WATCH: &str = "watch";
    /// Sagas: those that are under way, and the last few of each agent that are over, by session.
    pub const SAGA: &str = "saga";
    /// Tools whose undo was seen to bring back the state from before an action.
    pub const TESTED: &str = "tested";
    /// Votes in others' hands, by whose they are and in whose hand.
    pub const DELEGATION: &str = "delegation";
    /// Permissions that agents asked for, each until it ends or is used up.
    pub const PERMISSION: &str = "permission";
    /// Break-glasses: those that are not closed, and the last few that are.
    pub const BREAK_GLASS: &str = "break_glass";
    /// Kill switches that are set.
    pub const SWITCH: &str = "switch";
    /// Cases that are open or approved.
    pub const CASE: &str = "case";
    /// Decoys that are open: requests that nobody made, and that are among no cases.
    pub const DECOY: &str = "decoy";
    /// Permitted actions without an outcome.
    pub const FLIGHT: &str = "flight";
    /// Sessions that are open.
    pub const SESSION: &str = "session";
    /// Bearer keys.
    pub const KEY: &str = "key";
    /// Passkeys of people and invitations to enrol one.
    pub const PASSKEY: &str = "passkey";
    /// Token buckets and spending, by principal.
    pub const METER: &str = "rate";
    /// Circuits of agents on tools.
    pub const CIRCUIT: &str = "circuit";
    /// Bulk breakers of agents.
    pub const BULK: &str = "bulk";
    /// What agents did in a class in an hour, where a baseline watches it.
    pub const HOUR: &str = "hour";
    /// How often an agent's actions of a class ended how.
    pub const CONDUCT: &str = "conduct";
    /// Tools whose definition is not the reviewed one.
    pub const QUARANTINE: &str = "quarantine";
    /// Definitions pinned by hand after a review.
    pub const PIN: &str = "pin";
    /// Idempotency keys of the HTTP contract, each until it ends.
    pub const IDEMPOTENCY: &str = "idempotency";
    /// Exact actions that a person refused, each until it may be proposed again.
    pub const REFUSAL: &str = "refusal";
    /// When each person voted of late, until it counts against no budget of theirs any more.
    pub const RECENT_VOTE: &str = "recent_vote";
    /// Exact actions that a reviewer sent back, each until it may be sent back again.
    pub const RETURN: &str = "return";
    /// What erasures did, by the mark that remains of a subject.
    pub const ERASED: &str = "erased";
    /// Erasures that are recorded and have not reached a closed log yet, by its number and the subject's tag.
    pub const REACHING: &str = "reaching";

    /// Lists all of them.
    pub const ALL: [&str; 29] = [
        BUNDLE,
        GRANT,
        IDENTITY,
        RECONCILIATION,
        WATCH,
        SAGA,
        TESTED,
        DELEGATION,
        PERMISSION,
        BREAK_GLASS,
        SWITCH,
        CASE,
        DECOY,
        FLIGHT,
        SESSION,
        KEY,
        PASSKEY,
        METER,
        CIRCUIT,
        BULK,
        HOUR,
        CONDUCT,
        QUARANTINE,
        PIN,
        IDEMPOTENCY,
        REFUSAL,
        RECENT_VOTE,
        RETURN,
        ERASED,
    ];
}

pub use evidence::passkey::Passkey;
pub use types::{Grant, Target};

/// Is a kill switch that is set.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct Switch {
    /// What it covers.
    #[n(0)]
    pub target: Target,
    /// Who set it.
    #[n(1)]
    pub by: Principal,
    /// Why.
    #[n(2)]
    pub reason: String,
    /// When.
    #[n(3)]
    pub at: Millis,
    /// The drill that set it; absent for a kill in earnest.
    #[n(4)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drill: Option<DrillId>,
    /// The index of the record that set it, which tells it from a later one on the same; absent in that record itself, and until
    /// it is recorded.
    #[n(5)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_in: Option<u64>,
}

impl Switch {
    /// Returns whom it names: who set it, and the agent it covers.
    pub fn subjects(&self) -> Vec<String> {
        let agent = if let Target::Agent(agent) = &self.target { Some(agent.clone()) } else { None };
        std::iter::once(self.by.subject()).chain(agent.map(|agent| Principal::Agent(agent).subject())).collect()
    }
}

/// Is a permitted action that has no outcome yet.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct OpenFlight {
    /// Who proposed it.
    #[n(0)]
    pub principal: Principal,
    /// On whose behalf.
    #[n(1)]
    pub on_behalf_of: Option<PersonId>,
    /// The tool.
    #[n(2)]
    pub tool: ToolName,
    /// The action class.
    #[n(3)]
    pub class: ClassId,
    /// The session.
    #[n(4)]
    pub session: Option<SessionId>,
    /// The agent carries it out by itself and reports.
    #[n(5)]
    pub reported: bool,
    /// When the permit was given.
    #[n(6)]
    pub since: Millis,
    /// When the permit ends.
    #[n(7)]
    pub expires: Millis,
    /// The budgets it was charged to, to be given back if nothing was dispatched: limit and amount.
    #[n(8)]
    pub charged: Vec<(String, i64)>,
    /// The circuits that watch how it ends; absent if none does.
    #[n(9)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub circuits: Option<Vec<LimitId>>,
    /// A baseline learns from it; absent if none does.
    #[n(10)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watched: Option<bool>,
    /// The checks that watch what it leads to; absent if none does.
    #[n(11)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checks: Option<Vec<CheckId>>,
}

/// Is a decoy that is open. What it shows is a case in form alone: nothing that looks for a case finds it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Decoy {
    /// What people are shown.
    #[n(0)]
    pub case: Case,
    /// The template it was made from.
    #[n(1)]
    pub template: DecoyId,
}

/// Is a bearer key, by the digest of its secret.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct Key {
    /// Its identity.
    #[n(0)]
    pub id: KeyId,
    /// The digest of the secret, which is 256 random bits.
    #[n(1)]
    pub secret: Digest,
    /// Who it stands for.
    #[n(2)]
    pub holder: Principal,
    /// The person an agent's key acts for.
    #[n(3)]
    pub on_behalf_of: Option<PersonId>,
    /// Who made it.
    #[n(4)]
    pub by: Principal,
    /// When it was made.
    #[n(5)]
    pub at: Millis,
    /// When it ends.
    #[n(6)]
    pub expires: Option<Millis>,
    /// When it was revoked.
    #[n(7)]
    pub revoked: Option<Millis>,
}

impl Key {
    /// Returns whom it names: its holder, whom that acts for, and its maker.
    pub fn subjects(&self) -> Vec<String> {
        let delegator = self.on_behalf_of.clone().map(|person| Principal::Person(person).subject());
        [self.holder.subject(), self.by.subject()].into_iter().chain(delegator).collect()
    }
}

/// Counts how an agent's actions of a class ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Encode, Decode, Serialize, Deserialize)]
#[cbor(array)]
pub struct Conduct {
    /// Outcomes the gateway saw.
    #[n(0)]
    pub runs: i64,
    /// Those of them that failed or are in doubt.
    #[n(1)]
    pub errors: i64,
}

/// Is what is counted of somebody, summed up where records it rests on go with somebody else.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Summed {
    /// Who.
    #[n(0)]
    pub principal: Principal,
    /// What was used of rates and budgets, as it is stored; nothing if none of that is kept.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub meter: Vec<u8>,
    /// How an agent's actions ended, by class.
    #[n(2)]
    pub conduct: Vec<(ClassId, Conduct)>,
    /// How an agent's breakers stand; absent if there are none.
    #[n(3)]
    pub breakers: Option<Kept>,
    /// What an agent did, hour by hour; absent in records of earlier versions, and of people.
    #[n(4)]
    pub hours: Option<Vec<KeptHour>>,
}

/// Is how the breakers of an agent stand.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
#[cbor(array)]
pub struct Kept {
    /// Its circuits.
    #[n(0)]
    pub circuits: Vec<(BreakerName, Circuit)>,
    /// Its bulk breakers.
    #[n(1)]
    pub bulks: Vec<(BreakerName, Bulk)>,
}

/// Is what an erasure did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct Erased {
    /// The index of its first record.
    #[n(0)]
    pub index: u64,
    /// When.
    #[n(1)]
    pub at: Millis,
    /// How many records lost their content.
    #[n(2)]
    pub records: u64,
    /// How many cases ended with it.
    #[n(3)]
    pub cases: u64,
    /// How many sessions ended with it.
    #[n(4)]
    pub sessions: u64,
    /// How many keys it took along.
    #[n(5)]
    pub keys: u64,
    /// How many levels given by hand it took along.
    #[n(6)]
    pub levels: u64,
}

/// Is an exact action that a person refused, or a reviewer sent back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Refused {
    /// The action's digest.
    #[n(0)]
    pub digest: Digest,
    /// When it may be proposed, or sent back, again.
    #[n(1)]
    pub end: Millis,
    /// The proposal that opened the case.
    #[n(2)]
    pub opened_by: Option<ActionId>,
}

/// Is a vote that a person cast of late, with whom its record is about besides: it goes with them.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct RecentVote {
    /// When.
    #[n(0)]
    pub at: Millis,
    /// Who had asked.
    #[n(1)]
    pub requester: Principal,
    /// In whose place it was cast.
    #[n(2)]
    pub of: Option<PersonId>,
}

/// Is a tool whose definition is not the reviewed one.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct Quarantine {
    /// The tool.
    #[n(0)]
    pub tool: ToolName,
    /// The definition that was reviewed.
    #[n(1)]
    pub pinned: Option<Digest>,
    /// The definition that was seen.
    #[n(2)]
    pub seen: Digest,
    /// When.
    #[n(3)]
    pub at: Millis,
}
