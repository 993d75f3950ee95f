//! Cases: escalations awaiting people, and the votes cast on them.

use std::collections::BTreeSet;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::reviewing::Review;
use crate::{ActionId, CaseId, Digest, Millis, PasskeyId, PersonId, Principal, ProfileId, ToolName};

/// Says where a case stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum CaseState {
    /// It awaits votes.
    #[n(0)]
    Open,
    /// Every profile is met; the ticket is not used yet.
    #[n(1)]
    Approved,
    /// Somebody refused.
    #[n(2)]
    Denied,
    /// Nobody decided in time, which is a refusal.
    #[n(3)]
    Expired,
    /// What it was about has changed: the tool, the policy or a switch.
    #[n(4)]
    Void,
    /// The ticket was used, once.
    #[n(5)]
    Consumed,
    /// Who asked no longer wants it: the call that waited was withdrawn.
    #[n(6)]
    Withdrawn,
    /// A reviewer sent it back to who proposed it.
    #[n(7)]
    Returned,
    /// It was no request: it was shown to see whether somebody looks, and somebody has answered it.
    #[n(8)]
    Decoy,
}

impl CaseState {
    /// Returns the name used on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Void => "void",
            Self::Consumed => "consumed",
            Self::Withdrawn => "withdrawn",
            Self::Returned => "returned",
            Self::Decoy => "decoy",
        }
    }
}

/// Says what a person decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum Ballot {
    /// For it.
    #[n(0)]
    Approve,
    /// Against it; one is enough.
    #[n(1)]
    Deny,
}

/// Is one vote, cast by a person with their own credential on what they were shown.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct Vote {
    /// The case.
    #[n(0)]
    pub case: CaseId,
    /// Who votes.
    #[n(1)]
    pub person: PersonId,
    /// For or against.
    #[n(2)]
    pub ballot: Ballot,
    /// Why, in the person's words.
    #[n(3)]
    pub reason: String,
    /// The digest of what was displayed; it equals the case's own or the vote does not count.
    #[n(4)]
    pub shown: Digest,
    /// Cast by the owner alone after a second confirmation, as the bundle's `solo` allows.
    #[n(5)]
    pub solo: bool,
    /// When.
    #[n(6)]
    pub at: Millis,
    /// In whose place it was cast, where that is what gave the right.
    #[n(7)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<Proxy>,
    /// What the person signed, and how; absent where a bearer key alone stands for them.
    #[n(8)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed: Option<SignedBallot>,
}

impl Vote {
    /// Returns the person whose vote it is: who cast it, or in whose place they did.
    pub fn of(&self) -> &PersonId {
        self.proxy.as_ref().map_or(&self.person, |proxy| &proxy.person)
    }
}

/// Is what a vote says that was cast in another's place.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct Proxy {
    /// Whose vote it is.
    #[n(0)]
    pub person: PersonId,
    /// The group that the delegation was limited to.
    #[n(1)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
}

/// Is what makes a vote its person's own: the ballot as it was shown, byte for byte, and the WebAuthn assertion over it.
///
/// Whether it holds is for `evidence::passkey` to say; here it is bytes.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct SignedBallot {
    /// The passkey that is said to have signed.
    #[n(0)]
    pub passkey: PasskeyId,
    /// The ballot in canonical bytes.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub ballot: Vec<u8>,
    /// `clientDataJSON`, as the browser made it.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub client_data: Vec<u8>,
    /// `authenticatorData`, as the authenticator made it.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub authenticator_data: Vec<u8>,
    /// The signature over the authenticator's data and the digest of the browser's.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub signature: Vec<u8>,
}

/// Is one escalation and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct Case {
    /// Its identity.
    #[n(0)]
    pub id: CaseId,
    /// The proposal that opened it.
    #[n(1)]
    pub action: ActionId,
    /// The exact action it binds to.
    #[n(2)]
    pub action_digest: Digest,
    /// Who proposed it.
    #[n(3)]
    pub requester: Principal,
    /// On whose behalf.
    #[n(4)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<PersonId>,
    /// What is to be called.
    #[n(5)]
    pub tool: ToolName,
    /// The profiles that must all be met.
    #[n(6)]
    pub profiles: BTreeSet<ProfileId>,
    /// The bundle under which it was opened.
    #[n(7)]
    pub bundle: Digest,
    /// When it was opened.
    #[n(8)]
    pub opened: Millis,
    /// When silence becomes a refusal.
    #[n(9)]
    pub expires: Millis,
    /// The digest of what a reviewer is shown, which a vote must name.
    #[n(10)]
    pub shown: Digest,
    /// Where it stands.
    #[n(11)]
    pub state: CaseState,
    /// The votes so far, in order.
    #[n(12)]
    pub votes: Vec<Vote>,
    /// The journal index of the record that opened it, which holds the arguments.
    #[n(13)]
    pub opened_in: u64,
    /// 1 for a first escalation, 2 for one that appeared when the action was decided again.
    #[n(14)]
    pub round: u32,
    /// What reviewer agents said so far, in order; none of it is a vote.
    #[n(15)]
    #[cbor(skip_if = "Vec::is_empty")]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reviews: Vec<Review>,
    /// A reviewer sent this exact action back a short while ago, so that none may do so again: people decide.
    #[n(16)]
    #[cbor(skip_if = "is_no")]
    #[serde(default, skip_serializing_if = "is_no")]
    pub returned: bool,
    /// The profiles that were passed over when it was opened, since too few of their people had room for another decision; absent if
    /// none was.
    #[n(17)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passed: Option<BTreeSet<ProfileId>>,
}

fn is_no(value: &bool) -> bool {
    !value
}

impl Case {
    /// Computes the digest a vote names: the exact action, the profiles, the bundle and the expiry.
    pub fn shown_digest(action: &Digest, profiles: &BTreeSet<ProfileId>, bundle: &Digest, expires: Millis) -> Digest {
        let profiles: Vec<&ProfileId> = profiles.iter().collect();
        Digest::of("countersign/shown/1", &crate::cbor::encode(&(action, profiles, bundle, expires)))
    }
}
