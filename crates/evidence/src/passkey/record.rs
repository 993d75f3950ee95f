//! The record of a passkey: invited, enrolled, revoked.

use minicbor::{Decode, Encode};
use types::{Digest, Millis, PasskeyId, PersonId, Principal};

use super::cose_key::CoseKey;
use super::error::PasskeyError;
use super::paper::EnrolmentPaper;
use super::registration::{Attested, Registration, verify_registration};
use super::site::{Origins, Site};

/// Is the state that a `key` record reports when a person was invited to enrol a passkey; 0 and 1 are for bearer keys.
pub const INVITED: u8 = 2;

/// Is the state that it reports when they did.
pub const ENROLLED: u8 = 3;

/// Is the state that it reports when the passkey or its invitation was revoked.
pub const REVOKED: u8 = 4;

/// Is a passkey of a person, from its invitation on.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Passkey {
    /// Its identity.
    #[n(0)]
    pub id: PasskeyId,
    /// Whose it is.
    #[n(1)]
    pub person: PersonId,
    /// The digest of the invitation's secret, which is 256 random bits.
    #[n(2)]
    pub secret: Digest,
    /// Who invited.
    #[n(3)]
    pub by: Principal,
    /// When.
    #[n(4)]
    pub at: Millis,
    /// When the invitation ends.
    #[n(5)]
    pub until: Millis,
    /// How it was enrolled; absent while it is an invitation.
    #[n(6)]
    pub enrolment: Option<Enrolment>,
    /// When it was revoked.
    #[n(7)]
    pub revoked: Option<Millis>,
}

impl Passkey {
    /// Returns whom it names: whose it is, and who invited.
    pub fn subjects(&self) -> Vec<String> {
        vec![Principal::Person(self.person.clone()).subject(), self.by.subject()]
    }

    /// Says whether votes can be signed with it.
    pub fn is_live(&self) -> bool {
        self.enrolment.is_some() && self.revoked.is_none()
    }

    /// Verifies its enrolment: the registration, and that it was for this passkey of this person.
    ///
    /// # Errors
    ///
    /// [`PasskeyError::Credential`] if it is not enrolled; [`PasskeyError::Challenge`] if what was signed is about another
    /// passkey, person or relying party, or no paper at all; [`PasskeyError::OtherCredential`] if the record names another
    /// credential than the registration has made; otherwise what [`verify_registration`] says.
    pub fn attested(&self) -> Result<Attested, PasskeyError> {
        let enrolment = self.enrolment.as_ref().ok_or(PasskeyError::Credential)?;
        let paper = EnrolmentPaper::from_bytes(&enrolment.paper).map_err(|_| PasskeyError::Challenge)?;
        if paper.passkey != self.id || paper.person != self.person || paper.rp_id != enrolment.rp_id {
            return Err(PasskeyError::Challenge);
        }
        let site = Site { rp_id: &enrolment.rp_id, origins: Origins::OfRelyingParty };
        let attested = verify_registration(&enrolment.registration(), &paper.challenge(), &site)?;
        if attested.credential.id != enrolment.credential || attested.credential.key != CoseKey::parse(&enrolment.key)?
        {
            return Err(PasskeyError::OtherCredential);
        }
        Ok(attested)
    }
}

/// Is how a passkey was enrolled: what was made, and everything by which that can be verified again.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Enrolment {
    /// When.
    #[n(0)]
    pub at: Millis,
    /// The relying-party id.
    #[n(1)]
    pub rp_id: String,
    /// The credential's id.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub credential: Vec<u8>,
    /// The credential's public key, as a COSE key.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub key: Vec<u8>,
    /// What the person was shown, in canonical bytes.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub paper: Vec<u8>,
    /// `clientDataJSON`.
    #[cbor(n(5), with = "minicbor::bytes")]
    pub client_data: Vec<u8>,
    /// `attestationObject`, with whatever statement it has.
    #[cbor(n(6), with = "minicbor::bytes")]
    pub attestation: Vec<u8>,
}

impl Enrolment {
    /// Returns the registration.
    pub fn registration(&self) -> Registration<'_> {
        Registration { client_data: &self.client_data, attestation: &self.attestation }
    }
}
