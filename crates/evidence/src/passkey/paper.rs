//! What a person is shown and signs: a ballot, and before any ballot the invitation that they enrol a key for.
//!
//! Both are canonical bytes, and the challenge of the ceremony is a digest over them: who signs the challenge has signed
//! every field, and nothing that is not in them.

use std::collections::BTreeSet;

use minicbor::{Decode, Encode};
use types::case::{Ballot, Case};
use types::cbor::{self, CborError};
use types::{ActionId, CaseId, Digest, Millis, PasskeyId, PersonId, ProfileId, TenantId, ToolName};

/// Is how many random bytes make each paper another one.
pub const NONCE_BYTES: usize = 32;

/// Is the version of both papers.
const VERSION: u32 = 1;

const BALLOT: &str = "countersign/ballot/1";
const ENROLMENT: &str = "countersign/enrolment/1";

/// Says why bytes are no paper.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PaperError {
    /// They are not the canonical bytes of one.
    #[error("it is {0}")]
    Encoding(#[from] CborError),
    /// It has another version.
    #[error("it has version {0}, this program knows {VERSION}")]
    Version(u32),
    /// It has no random bytes of the right number.
    #[error("its nonce has not {NONCE_BYTES} bytes")]
    Nonce,
}

/// Is everything that a vote commits to: the log and the case, the exact action, the rules, and the vote itself.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct BallotPaper {
    /// The version, 1.
    #[n(0)]
    pub version: u32,
    /// The name of the log that will hold the vote.
    #[n(1)]
    pub origin: String,
    /// The tenant.
    #[n(2)]
    pub tenant: TenantId,
    /// The case.
    #[n(3)]
    pub case: CaseId,
    /// The proposal that opened it.
    #[n(4)]
    pub action: ActionId,
    /// The digest of the exact action: who, for whom, what, with which arguments.
    #[n(5)]
    pub action_digest: Digest,
    /// What is to be called.
    #[n(6)]
    pub tool: ToolName,
    /// The digest of the tool's definition, where it has one.
    #[n(7)]
    pub definition: Option<Digest>,
    /// The policy bundle that asks for people.
    #[n(8)]
    pub bundle: Digest,
    /// The profiles that must approve.
    #[n(9)]
    pub profiles: BTreeSet<ProfileId>,
    /// When silence becomes a refusal.
    #[n(10)]
    pub expires: Millis,
    /// Who votes.
    #[n(11)]
    pub person: PersonId,
    /// For or against.
    #[n(12)]
    pub vote: Ballot,
    /// Why, in the person's words.
    #[n(13)]
    pub reason: String,
    /// The person confirms to decide alone what they own.
    #[n(14)]
    pub solo: bool,
    /// When the ballot may no longer be cast.
    #[n(15)]
    pub until: Millis,
    /// Random bytes that no other ballot has.
    #[cbor(n(16), with = "minicbor::bytes")]
    pub nonce: Vec<u8>,
}

impl BallotPaper {
    /// Is the version that is written.
    pub const VERSION: u32 = VERSION;

    /// Reads a ballot strictly.
    ///
    /// # Errors
    ///
    /// [`PaperError`], as described there.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PaperError> {
        let paper: Self = cbor::decode(bytes)?;
        sound(paper.version, &paper.nonce)?;
        Ok(paper)
    }

    /// Returns its canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        cbor::encode(self)
    }

    /// Returns the challenge that commits to it.
    pub fn challenge(&self) -> Digest {
        Digest::of(BALLOT, &self.to_bytes())
    }

    /// Returns the digest of what its case shows, as a vote names it.
    pub fn shown(&self) -> Digest {
        Case::shown_digest(&self.action_digest, &self.profiles, &self.bundle, self.expires)
    }
}

/// Is everything that an enrolment commits to.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct EnrolmentPaper {
    /// The version, 1.
    #[n(0)]
    pub version: u32,
    /// The name of the log that will hold the enrolment.
    #[n(1)]
    pub origin: String,
    /// The tenant.
    #[n(2)]
    pub tenant: TenantId,
    /// The passkey, as its invitation names it.
    #[n(3)]
    pub passkey: PasskeyId,
    /// Who was invited.
    #[n(4)]
    pub person: PersonId,
    /// The relying-party id.
    #[n(5)]
    pub rp_id: String,
    /// Random bytes that no other enrolment has.
    #[cbor(n(6), with = "minicbor::bytes")]
    pub nonce: Vec<u8>,
}

impl EnrolmentPaper {
    /// Is the version that is written.
    pub const VERSION: u32 = VERSION;

    /// Reads it strictly.
    ///
    /// # Errors
    ///
    /// [`PaperError`], as described there.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PaperError> {
        let paper: Self = cbor::decode(bytes)?;
        sound(paper.version, &paper.nonce)?;
        Ok(paper)
    }

    /// Returns its canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        cbor::encode(self)
    }

    /// Returns the challenge that commits to it.
    pub fn challenge(&self) -> Digest {
        Digest::of(ENROLMENT, &self.to_bytes())
    }
}

fn sound(version: u32, nonce: &[u8]) -> Result<(), PaperError> {
    if version != VERSION {
        return Err(PaperError::Version(version));
    }
    if nonce.len() != NONCE_BYTES { Err(PaperError::Nonce) } else { Ok(()) }
}
